"""Task protocol 1 from end to end: calls of our own app and of plain Celery's, to a worker of ours."""

import json

import pytest
from celery import _state, chain, chord, states
from celery.exceptions import TaskRevokedError
from sqlalchemy import create_engine

from celery_sqs.dlq import decode_message
from celery_sqs.monitor import EventReader, metadata
from tests.emulator import Queues
from tests.outcomes import protocol1_app
from tests.plain import messages, recipe
from tests.polling import poll
from tests.processes import BIN, Process

VISIBILITY_TIMEOUT = 30  # seconds
WAIT = 20  # seconds for an outcome


class Old:
    """The worker, our app and plain Celery's."""

    def __init__(self, folder, endpoint, queues):
        self.queues, self._folder = queues, folder
        self.database = create_engine(f"sqlite:///{folder / protocol1_app.MONITOR}")
        metadata.create_all(self.database)
        self.ours = protocol1_app.make_app(folder, endpoint, queues.url)
        self.plain = recipe.create(queues.url, {"task_protocol": 1, "result_backend": protocol1_app.backend(folder)})
        where = {
            protocol1_app.FOLDER: str(folder),
            protocol1_app.ENDPOINT: endpoint,
            protocol1_app.QUEUE_URL: queues.url,
        }
        command = [BIN / "celery", "-A", "tests.outcomes.protocol1_app", "worker", "-c", "2", "--loglevel", "INFO"]
        self.worker = Process(command, folder / "worker.log", where)
        poll(lambda: self.worker.says("ready.") or self.worker.returncode is not None, 30, "the worker is ready")
        assert self.worker.returncode is None, self.worker.output

    def notes(self):
        """What has been noted, by any process."""
        path = self._folder / "notes"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def dead(self, task_id):
        """The dead message of a call, decoded; None where there is none."""
        for each in self.queues.peek(self.queues.dlq_url):
            found = decode_message(each["MessageId"], each["Body"], each.get("MessageAttributes") or {}, None, bool)
            if found.task_id == task_id:
                return found
        return None

    def close(self):
        self.worker.kill()
        self.ours.close()
        self.plain.close()
        self.queues.delete()


@pytest.fixture(scope="module")
def old(emulator, tmp_path_factory):
    system = Old(tmp_path_factory.mktemp("old"), emulator.url, Queues.fresh(emulator, VISIBILITY_TIMEOUT))
    yield system
    system.close()


@pytest.fixture(params=["ours", "plain"])
def caller(request, old):
    return getattr(old, request.param)


@pytest.fixture(autouse=True)
def _nothing_is_left(old):
    yield
    poll(lambda: not old.queues.waiting(), WAIT, "every message is deleted or dead")
    old.queues.sqs.purge_queue(QueueUrl=old.queues.dlq_url)


def got(result):
    return result.get(timeout=WAIT, interval=0.05)


def test_a_single_task_has_its_result(caller):
    assert got(caller.signature("add", (2, 3)).apply_async()) == 5


def test_a_batch_task_has_its_results_and_its_callbacks_run(old, caller):
    calls = [caller.signature("multiply", (number,), {"by": 1.5}) for number in range(3)]
    results = [call.apply_async(link=caller.signature("note")) for call in calls]
    assert [got(result) for result in results] == [0, 1.5, 3.0]
    poll(lambda: sorted(old.notes()[-3:]) == [0, 1.5, 3.0], WAIT, "three callbacks run")


def test_a_chord_over_single_tasks_and_calls_of_a_batch_is_complete(caller):
    header = [caller.signature("add", (1, 1)), caller.signature("multiply", (3,), {"by": 2})]
    assert got(chord(header, app=caller)(caller.signature("tsum"))) == 8


def test_a_chain_goes_on_to_its_end(caller):
    steps = [
        caller.signature("add", (1, 1)),
        caller.signature("add", (1,)),
        caller.signature("multiply", (), {"by": 2}),
    ]
    assert got(chain(*steps, app=caller).apply_async()) == 6


def test_a_retry_with_other_arguments_is_the_same_call(caller):
    assert got(caller.signature("onwards", (0, 2)).apply_async()) == [2, 2]


def test_a_call_that_is_due_later_and_one_that_has_expired(caller):
    late = caller.signature("add", (2, 2)).apply_async(expires=-10)
    assert got(caller.signature("add", (1, 1)).apply_async(countdown=2)) == 2
    with pytest.raises(TaskRevokedError):
        got(late)


def test_one_that_fails_calls_its_errback_once_and_the_dlq_knows_whose_it_is(old, caller):
    errback = caller.signature("note", (f"errback of {caller.main}",), immutable=True)
    result = caller.signature("fail", ("always",)).apply_async(link_error=errback)
    with pytest.raises(ValueError, match="always"):
        got(result)
    dead = poll(lambda: old.dead(result.id), WAIT, "it is in the DLQ")
    assert (dead.task, dead.error, dead.call.args) == ("fail", "", ["always"])
    poll(lambda: old.notes().count(f"errback of {caller.main}") == 1, WAIT, "its errback runs")


def test_a_bad_message_is_dead_with_a_reason_in_the_log(old):
    for body in ('{"task": "add", "id": "bad-1", "args": 5}', '{"no": "call"}'):
        old.queues.send(messages.envelope("q", headers={}, body=messages.encoded(body)))
    poll(lambda: len(old.queues.peek(old.queues.dlq_url)) == 2, WAIT, "both are in the DLQ")
    for reason in ("neither an object nor [args, kwargs, embed]", "it is no task call: no header and no field"):
        assert old.worker.says(reason)


@pytest.fixture
def current(old):
    """Our app as Celery's current one, as it is in a process that has no other."""
    before = _state._tls.current_app
    old.ours.set_current()
    yield old.ours
    _state._tls.current_app = before


def test_the_monitor_has_what_was_called(old, current):
    result = current.tasks["add"].delay(1, 2)
    assert got(result) == 3
    reader = EventReader(old.database)
    poll(lambda: reader.task(result.id), WAIT, "it is on record")
    poll(lambda: reader.task(result.id).state == states.SUCCESS, WAIT, "it has succeeded")
    assert reader.task(result.id).subject == "add(1, 2)"
