"""Celery's contract on the outcome of a call, as who calls sees it: a worker, a result backend, errbacks, signals."""

import collections
import contextlib
import json

import pytest
from celery import chord, states
from celery.exceptions import Reject, TaskRevokedError

from config.queues import ORDER_QUEUE
from tests.emulator import Queues
from tests.outcomes import shop
from tests.polling import poll
from tests.processes import BIN, Process

ATTEMPTS = ORDER_QUEUE.max_receive_count
VISIBILITY_TIMEOUT = 30  # seconds
WAIT = 20  # seconds for an outcome; a pool notices the end of its later processes within five


class Shop:
    """The worker, and what has been noted of it."""

    def __init__(self, folder, endpoint, queues):
        self.queues, self._folder = queues, folder
        self.app = shop.make_app(folder, endpoint, queues.url)
        where = {shop.FOLDER: str(folder), shop.ENDPOINT: endpoint, shop.QUEUE_URL: queues.url}
        command = [BIN / "celery", "-A", "tests.outcomes.shop", "worker", "-c", "2", "--loglevel", "INFO"]
        self.worker = Process(command, folder / "worker.log", where)
        poll(lambda: self.worker.says("ready.") or self.worker.returncode is not None, 30, "the worker is ready")
        assert self.worker.returncode is None, self.worker.output

    def call(self, name, *args, **options):
        return self.app.tasks[name].apply_async(args, link_error=self.app.tasks["errback"].s(), **options)

    def notes(self, result):
        """How often what has happened to a call."""
        path = self._folder / "notes"
        lines = map(json.loads, path.read_text().splitlines()) if path.exists() else []
        return dict(collections.Counter(line["event"] for line in lines if line["id"] == result.id))

    @contextlib.contextmanager
    def without_results(self):
        """With a file where the result backend has its folder."""
        results, away = self._folder / "results", self._folder / "away"
        results.rename(away)
        results.touch()
        try:
            yield
        finally:
            results.unlink()
            away.rename(results)

    def comes_to(self, result, **expected):
        poll(lambda: self.notes(result) == expected, WAIT, f"{expected} is noted, and not {self.notes(result)}")

    def is_dead(self, result):
        dead = self.queues.peek(self.queues.dlq_url)
        return result.id in {message["MessageAttributes"]["celery_id"]["StringValue"] for message in dead}


@pytest.fixture(scope="module")
def here(emulator, tmp_path_factory):
    queues = Queues.fresh(emulator, VISIBILITY_TIMEOUT)
    system = Shop(tmp_path_factory.mktemp("shop"), emulator.url, queues)
    yield system
    system.worker.kill()
    system.app.close()
    queues.delete()


@pytest.fixture(autouse=True)
def _nothing_is_left(here):
    yield
    poll(lambda: not here.queues.waiting(), WAIT, "every message is deleted or dead")
    here.queues.sqs.purge_queue(QueueUrl=here.queues.dlq_url)


def test_a_call_that_fails_once_is_waited_for_and_has_failed_to_nobody(here):
    result = here.call("once")
    assert result.get(timeout=WAIT) == 1
    assert here.notes(result) == {"run": 2, "task_retry": 1}


@pytest.mark.parametrize("name", ["never", "throws", "permanent", "logs"])
def test_a_call_that_always_fails_has_failed_once(here, name):
    result = here.call(name)
    with pytest.raises(LookupError, match="always"):
        result.get(timeout=WAIT)
    here.comes_to(result, run=ATTEMPTS, task_retry=ATTEMPTS - 1, task_failure=1, errback=1)
    poll(lambda: here.is_dead(result), WAIT, "it is in the DLQ")


def test_a_chord_over_calls_that_fail_once_completes_and_its_polls_outlast_the_queues_receives(here):
    once, add_up = here.app.tasks["once"], here.app.tasks["add_up"]
    slow = here.app.tasks["once"].signature(options={"countdown": 4})
    result = chord([once.s(), once.s(), slow], app=here.app)(add_up.s())
    assert result.get(timeout=WAIT) == 3


def test_a_call_that_has_succeeded_is_done_though_nobody_takes_its_result(here):
    with here.without_results():
        result = here.call("answer", 1)
        lost = f"the result of answer[{result.id}] is lost"
        poll(lambda: here.worker.says(lost), WAIT, "the loss is logged")
        poll(lambda: not here.queues.waiting(), WAIT, "its message is deleted")
    assert (here.notes(result), result.state) == ({"run": 1}, states.PENDING)
    assert not here.is_dead(result)


def test_a_replaced_call_is_done_once_and_its_result_is_the_others(here):
    result = here.call("replaced")
    assert result.get(timeout=WAIT) == "the other's"
    assert here.notes(result) == {"run": 2}


def test_an_ignored_call_is_done_and_has_no_result(here):
    result = here.call("ignored")
    poll(lambda: not here.queues.waiting(), WAIT, "it is deleted")
    assert (here.notes(result), result.state) == ({"run": 1}, states.PENDING)
    assert not here.is_dead(result)


def test_a_rejected_call_has_failed_and_is_dead(here):
    result = here.call("rejected")
    with pytest.raises(Reject):
        result.get(timeout=WAIT)
    here.comes_to(result, run=ATTEMPTS, task_retry=ATTEMPTS - 1, task_failure=1, errback=1)
    poll(lambda: here.is_dead(result), WAIT, "it is in the DLQ")


def test_a_call_that_is_rejected_to_come_again_comes_again(here):
    result = here.call("requeued")
    assert result.get(timeout=WAIT) == "received twice"
    assert here.notes(result) == {"run": 2}


def test_a_retry_with_other_arguments_is_another_message_of_the_same_call(here):
    result = here.call("elsewhere", 0, 2)
    assert result.get(timeout=WAIT) == [2, 2]
    assert here.notes(result) == {"run": 3, "task_retry": 2}


def test_one_that_always_asks_for_other_arguments_ends(here):
    result = here.call("elsewhere", 0, 99)
    with pytest.raises(Exception, match="asked for an attempt after its last one"):
        result.get(timeout=WAIT)
    poll(lambda: here.is_dead(result), WAIT, "it is in the DLQ")
    poll(lambda: here.notes(result).get("errback") == 1, WAIT, "its errback, a call of its own, has run once")


def test_a_limit_beyond_the_queues_receives_is_honoured(here):
    result = here.call("patient", 5)
    assert result.get(timeout=WAIT) == 5
    assert here.notes(result) == {"run": 6, "task_retry": 5}


def test_a_retry_that_is_not_thrown_runs_again_beside_what_goes_on(here):
    result = here.call("beside")
    here.comes_to(result, run=2)


def test_a_call_whose_process_is_killed_once_is_waited_for(here):
    result = here.call("vanish", 1)
    assert result.get(timeout=WAIT) == 1
    assert here.notes(result) == {"run": 2, "task_retry": 1}


@pytest.mark.long
def test_a_call_that_always_kills_its_process_has_failed_once(here):
    result = here.call("vanish", 99)
    with pytest.raises(Exception, match="exited prematurely"):
        result.get(timeout=WAIT)
    here.comes_to(result, run=ATTEMPTS, task_retry=ATTEMPTS - 1, task_failure=1, errback=1)


def test_a_result_that_is_no_json_is_a_failure_once(here):
    result = here.call("unspeakable")
    with pytest.raises(Exception, match="object"):
        result.get(timeout=WAIT)
    here.comes_to(result, run=ATTEMPTS, task_retry=ATTEMPTS - 1, task_failure=1, errback=1)


def test_a_call_that_has_expired_is_not_run_but_deleted_and_revoked(here):
    result = here.call("answer", "late", expires=-10)
    with pytest.raises(TaskRevokedError):
        result.get(timeout=WAIT)
    here.comes_to(result, task_revoked=1)
    assert not here.is_dead(result)


def test_a_call_of_an_unknown_task_has_failed_and_is_dead(here):
    result = here.app.send_task("unheard_of")
    with pytest.raises(Exception, match="unheard_of"):
        result.get(timeout=WAIT)
    poll(lambda: here.is_dead(result), WAIT, "it is in the DLQ")


@pytest.mark.parametrize("ignores", [True, False])
def test_whether_a_result_is_ignored_is_the_callers_to_say(here, ignores):
    result = here.call("once", ignore_result=ignores)
    here.comes_to(result, run=2, task_retry=1)
    poll(lambda: not here.queues.waiting(), WAIT, "it is deleted")
    assert here.app.AsyncResult(result.id).state == (states.PENDING if ignores else states.SUCCESS)
