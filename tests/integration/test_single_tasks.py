"""Tasks of one call in a real worker: what becomes of their messages when they fail, in each of its pools.

One worker for all, with one slot, on a queue that hides what is received for half a minute: so whatever
happens within seconds is done by the worker, and what runs next runs where the failed task ran.
"""

import contextlib
import itertools
import json
import sqlite3
import time

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import REDRIVE, DeadLetterQueue, DeadLetterService, Selection
from celery_sqs.monitor import EventReader
from celery_sqs.tasks.decision import BACKOFF_BASE, BACKOFF_CAP, backoff
from config.queues import ORDER_QUEUE
from orders.database import connect
from orders.store import OrderStore
from tests import mariadb
from tests.dead_orders import QUICK, bury
from tests.emulator import Queues
from tests.faults.proxy import Proxy
from tests.plain import jobs
from tests.plain.systems import Here
from tests.polling import poll

ATTEMPTS = ORDER_QUEUE.max_receive_count
#: The receives at which they run: the last receive of a message is spent on its renewal.
RECEIVES = [*range(1, ATTEMPTS), ATTEMPTS + 1]
LAST_RECEIVE = RECEIVES[-1]
VISIBILITY_TIMEOUT = 30  # seconds, as in production

#: The jobs that fail each time, each in a way of its own.
ALWAYS_FAIL = ("fail", "retry", "insist", "reject", "leave", "exhaust", "cancel", "despair")

#: Seconds on the way between worker, SQS and back; on a machine that has other work, too.
ON_THE_WAY = 1.5


class Shared(Here):
    """Our worker, where each test identifies its own messages by their task ids."""

    def lines(self, task_id, event):
        """What has happened with a task."""
        lines = self._runs.read_text().splitlines() if self._runs.exists() else []
        return [line for line in map(json.loads, lines) if (line["id"], line["event"]) == (task_id, event)]

    @property
    def away(self):
        """The file that is there while what `jobs.depend` depends on is not."""
        return self._runs.with_name(jobs.AWAY)

    def is_dead(self, task_id):
        dead = self.queues.peek(self.queues.dlq_url)
        return any(message["MessageAttributes"]["celery_id"]["StringValue"] == task_id for message in dead)

    def fail(self, job):
        """Call a job; returns its id once it is in the DLQ."""
        task_id = self.send(job).id
        # A pool notices the end of its first processes at once, and that of later ones within five seconds.
        poll(lambda: self.is_dead(task_id), 20, "it is in the DLQ")
        return task_id

    def runs_of(self, job, task_id):
        return self.lines(task_id, job)

    def two_runs_of(self, job, task_id):
        """Its first run and its second, once that has begun."""
        poll(lambda: len(self.runs_of(job, task_id)) == 2, 9, "a second run")
        return self.runs_of(job, task_id)

    def failures_of(self, task_id):
        """The recorded attempts: kind, exception and whether there is none after it."""
        poll(lambda: len(self.lines(task_id, "failed")) >= ATTEMPTS, 2, "all attempts are recorded")
        return [(line["kind"], line["error"], line["final"]) for line in self.lines(task_id, "failed")]

    def state_of(self, task_id):
        """What is on record of it: state and receive count."""
        task = EventReader(connect(self.database_url)).task(task_id)
        return task and (task.state, task.receive_count)

    def runs_another(self):
        """The process in which the next task runs."""
        task_id = self.send("note").id
        [run] = poll(lambda: self.runs_of("note", task_id), 5, "another task runs")
        return run["pid"]


@pytest.fixture(scope="module", params=["prefork", "threads"])
def here(request, emulator, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    database_url = f"sqlite:///{folder}/orders.db"
    mariadb.migrate(database_url)
    queues, proxy = Queues.fresh(emulator, VISIBILITY_TIMEOUT), Proxy(emulator.url)
    system = Shared(queues, proxy, folder, database_url)
    system.worker = system.start_worker("--pool", request.param, "-c", "1")
    system.send("note")
    poll(lambda: queues.waiting() == 0, 30, "the worker works")
    yield system
    system.close()
    proxy.stop()
    queues.delete()


@pytest.fixture(autouse=True)
def _empty(here):
    """The DLQ is only ever looked at up to ten messages deep."""
    yield
    here.queues.sqs.purge_queue(QueueUrl=here.queues.dlq_url)


def _all(kind, error):
    """What is recorded of a message that failed the same way each time."""
    return [(kind, error, attempt == ATTEMPTS) for attempt in range(1, ATTEMPTS + 1)]


def _gaps(runs):
    """Seconds from one run to the next."""
    return [later["at"] - earlier["at"] for earlier, later in itertools.pairwise(runs)]


def test_a_retry_with_a_countdown_is_a_later_receive_of_the_same_message(here):
    before = here.queues.waiting()
    task_id = here.send("wait").id
    poll(lambda: here.runs_of("wait", task_id), 5, "the first run")
    assert here.queues.waiting() == before + 1
    first, second = here.two_runs_of("wait", task_id)
    assert [first["receive_count"], second["receive_count"]] == [1, 2]
    assert first["message_id"] == second["message_id"]
    assert 1.9 <= second["at"] - first["at"] < 2 + ON_THE_WAY
    poll(lambda: here.queues.waiting() == before, 2, "it is deleted")


def test_a_retry_at_a_time_without_a_zone_is_a_retry_at_that_time_in_utc(here):
    task_id = here.send("meet").id
    first, second = here.two_runs_of("meet", task_id)
    assert second["receive_count"] == 2
    assert second["at"] - first["at"] < 1 + ON_THE_WAY


def test_autoretry_ends_in_the_dlq_with_as_many_attempts_as_the_queue_allows(here):
    task_id = here.fail("insist")
    assert [run["receive_count"] for run in here.runs_of("insist", task_id)] == RECEIVES
    assert here.failures_of(task_id) == _all("own", "LookupError")


@pytest.mark.parametrize("job", ["leave", "exhaust", "cancel"])
def test_what_would_end_the_process_is_a_failed_attempt_and_the_process_lives_on(here, job):
    task_id = here.send(job).id
    [first, *_] = poll(lambda: here.runs_of(job, task_id), 5, "the first run")
    assert here.runs_another() == first["pid"]
    poll(lambda: here.is_dead(task_id), 5, "it is in the DLQ")
    assert [run["pid"] for run in here.runs_of(job, task_id)] == [first["pid"]] * ATTEMPTS
    assert here.failures_of(task_id) == _all("own", "Escaped")


@pytest.mark.parametrize("here", ["prefork"], indirect=True)  # a thread cannot be killed
def test_a_task_over_its_hard_time_limit_is_run_as_often_as_the_queue_allows(here):
    task_id = here.fail("overrun")
    assert [run["attempt"] for run in here.runs_of("overrun", task_id)] == list(range(1, ATTEMPTS + 1))
    assert here.failures_of(task_id) == _all("lost", "TimeLimitExceeded")
    assert here.runs_another()


@pytest.mark.parametrize("here", ["prefork"], indirect=True)
def test_a_task_whose_process_was_killed_is_run_again_by_another(here):
    task_id = here.send("vanish").id
    first, second = here.two_runs_of("vanish", task_id)
    assert first["pid"] != second["pid"]
    assert second["receive_count"] == 2
    [lost] = here.lines(task_id, "failed")
    assert (lost["kind"], lost["error"], lost["final"]) == ("lost", "WorkerLostError", False)


def test_a_failed_task_is_run_again_after_the_back_off_of_its_message(here):
    task_id = here.fail("fail")
    dead_at, runs = time.time(), here.runs_of("fail", task_id)
    for attempt, gap in enumerate(_gaps(runs), start=1):
        pause = backoff(runs[0]["message_id"], attempt, BACKOFF_BASE, BACKOFF_CAP)
        assert pause - 0.1 <= gap < pause + ON_THE_WAY
    assert dead_at - runs[-1]["at"] < ON_THE_WAY, "after the last attempt there is nothing to wait for"
    assert here.failures_of(task_id) == _all("own", "LookupError")


def test_a_task_that_rejects_its_message_fails_and_leaves_a_record(here):
    task_id = here.fail("reject")
    assert len(here.runs_of("reject", task_id)) == ATTEMPTS
    assert here.failures_of(task_id) == _all("permanent", "Reject")


def test_a_task_that_raises_ignore_is_done(here):
    before = here.queues.waiting()
    task_id = here.send("ignore").id
    poll(lambda: here.runs_of("ignore", task_id), 5, "it runs")
    poll(lambda: here.queues.waiting() == before, 2, "it is deleted")
    assert here.lines(task_id, "failed") == []


def test_what_is_permanent_is_in_the_dlq_at_once_even_if_it_cannot_be_pickled(here):
    task_id = here.send("despair").id
    poll(lambda: here.is_dead(task_id), 3, "it is in the DLQ")
    assert [(kind, final) for kind, _, final in here.failures_of(task_id)] == [
        ("permanent", False),
        ("permanent", False),
        ("permanent", True),
    ]


def test_a_call_of_an_unknown_task_is_in_the_dlq_within_three_seconds(here):
    task_id = here.app.send_task("jobs.unheard_of", [{"a": 1}]).id
    poll(lambda: here.is_dead(task_id), 3, "it is in the DLQ")
    recorded = f"SELECT receive_count, kind, error_class, final FROM attempts WHERE task_id = '{task_id}'"
    with contextlib.closing(sqlite3.connect(here.database_url.removeprefix("sqlite:///"))) as database:
        rows = sorted(database.execute(recorded))
    assert rows == [(1, "poison", "LookupError", 0), (2, "poison", "LookupError", 0), (3, "poison", "LookupError", 1)]


def test_in_an_outage_a_message_is_held_and_run_again_without_another_receive(here):
    before = here.queues.waiting()
    here.away.touch()
    task_id = here.send("depend").id
    try:
        poll(lambda: here.runs_of("depend", task_id), 5, "a first run, in vain")
        poll(lambda: here.worker.says("what a task depends on is away"), 5, "the worker has noticed")
        other_id = here.send("note").id
        time.sleep(0.5)
        assert here.runs_of("note", other_id) == [], "nothing is run meanwhile"
    finally:
        here.away.unlink()

    poll(lambda: here.runs_of("note", other_id), 5, "the other is run")
    poll(lambda: here.queues.waiting() == before, 2, "both are deleted")
    assert [run["receive_count"] for run in here.runs_of("depend", task_id)] == [1, 1]
    assert here.lines(task_id, "failed") == []


def test_every_outcome_ends_in_its_state_on_record(here):
    failed = ("FAILURE", LAST_RECEIVE)
    outcomes = {"note": ("SUCCESS", 1), "ignore": ("SUCCESS", 1), "wait": ("SUCCESS", 2)} | dict.fromkeys(
        ALWAYS_FAIL, failed
    )
    sent = {job: here.send(job).id for job in outcomes}
    seen = dict.fromkeys(outcomes)

    def all_ended():
        seen.update({job: here.state_of(task_id) for job, task_id in sent.items()})
        return seen == outcomes

    poll(all_ended, 30, f"all have ended as they should, and not as {seen}")


@pytest.mark.parametrize("here", ["prefork"], indirect=True)  # a thread cannot be killed
@pytest.mark.parametrize(("job", "outcome"), [("overrun", ("FAILURE", LAST_RECEIVE)), ("vanish", ("SUCCESS", 2))])
@pytest.mark.long
def test_a_task_whose_process_is_killed_ends_in_its_state_on_record(here, job, outcome):
    task_id = here.send(job).id
    poll(lambda: here.state_of(task_id) == outcome, 20, "it has ended as it should")


def test_a_task_that_waits_for_its_next_attempt_is_on_record_as_such(here):
    task_id = here.send("wait").id
    poll(lambda: here.state_of(task_id) == ("RETRY", 1), 5, "it waits for its second attempt")


def test_a_task_that_runs_is_on_record_as_started(here):
    task_id = here.send("sleep", seconds=2).id
    poll(lambda: here.state_of(task_id) == ("STARTED", 1), 5, "it is on record as started")
    poll(lambda: here.state_of(task_id) == ("SUCCESS", 1), 5, "it is on record as done")


def test_a_task_that_is_held_in_an_outage_is_on_record_as_received(here):
    here.away.touch()
    try:
        task_id = here.send("depend").id
        poll(lambda: here.state_of(task_id) == ("RECEIVED", 1), 5, "it is parked")
    finally:
        here.away.unlink()
    poll(lambda: here.state_of(task_id) == ("SUCCESS", 1), 10, "it is done")


def test_an_unknown_task_is_on_record_as_failed_with_the_reason(here):
    here.app.send_task("jobs.forgotten", ({},), task_id="forgotten")
    poll(lambda: here.state_of("forgotten") == ("FAILURE", ATTEMPTS), 5, "it is on record as failed")
    assert "forgotten" in EventReader(connect(here.database_url)).task("forgotten").error


def test_a_dead_task_that_is_sent_again_is_confirmed_by_its_success(here, emulator):
    named = {"celery_task": "jobs.note", "celery_id": "once-dead"}
    bury(here.queues, ["{}"], **{name: {"DataType": "String", "StringValue": text} for name, text in named.items()})
    engine, endpoint = connect(here.database_url), Endpoint("us-east-1", emulator.url, ("test", "test"))
    dlq = DeadLetterQueue(endpoint, here.queues.url, here.queues.dlq_url, wait=0)
    service = DeadLetterService(here.app, engine, dlq, OrderStore(engine), QUICK)
    service.scan()
    done = service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended"))
    assert (done.state, done.confirmed, done.note) == ("done", 1, "")
    assert len(here.runs_of("note", "once-dead")) == 1
