"""What a worker does with a command that revokes, and what it answers."""

import functools
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.concurrency import prefork
from celery.worker import state

from celery_sqs import SQSTask
from celery_sqs.consume.delivery import State
from celery_sqs.monitor.control.commands import Command
from celery_sqs.monitor.control.panel import handle, learn
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.revocations import revocations
from tests.unit.channels import Stand
from tests.unit.revoked import make_request, recorded


@pytest.fixture(autouse=True)
def _nothing_is_revoked():
    yield
    revocations._known.clear()
    state.reset_state()


@pytest.fixture
def request_of():
    """A function that makes the request of a message that has come for a task of a class."""
    stand = Stand()
    yield functools.partial(make_request, stand)
    stand.connection.release()


class Processes(prefork.TaskPool):
    """A pool that notes which of its processes is killed."""

    def __init__(self):
        self.killed = []

    def terminate_job(self, pid, signal):
        self.killed.append((pid, int(signal)))


class Threads:
    """A pool that cannot kill."""


def panel(task, pool):
    clock = SimpleNamespace(forward=lambda: None)
    app = SimpleNamespace(backend=task.backend, clock=clock)
    return SimpleNamespace(app=app, consumer=SimpleNamespace(pool=pool))


def running(request):
    state.task_reserved(request)
    request.on_accepted(4711, 0.0)
    return request


def answer(request, method, pool, **arguments):
    command = Command.new(method, {"task_id": [request.id], **arguments})
    learn(command)
    reply = handle(panel(request.task, pool), True, command)()
    recorded()
    return reply


def test_what_runs_goes_on_unless_it_is_terminated(request_of):
    request, pool = running(request_of(SQSTask)), Processes()
    request.task.backend = results = Results(m1="PENDING")  # its state is not tracked
    assert answer(request, "revoke", pool) == {"ok": "tasks {'m1'} flagged as revoked"}
    assert (pool.killed, request.delivery.state) == ([], State.RUNNING)
    assert results.known == {"m1": "PENDING"}


@pytest.mark.parametrize(("method", "how"), [("revoke", {"terminate": True}), ("terminate", {"signal": "TERM"})])
def test_what_is_terminated_is_revoked_and_deleted(request_of, method, how):
    request, pool = running(request_of(SQSTask)), Processes()
    delivery = request.delivery
    assert answer(request, method, pool, **how) == {"ok": "terminate: m1"}
    assert pool.killed == [(4711, 15)]
    assert delivery.state is State.SETTLED
    assert [told[:2] for told in request.task.backend.reported] == [("REVOKED", "m1")]


def test_a_thread_is_not_killed_and_the_answer_says_so(request_of):
    request = running(request_of(SQSTask))
    reply = answer(request, "terminate", Threads(), signal="TERM")
    assert "m1 is revoked, and goes on as it cannot be terminated" in reply["error"]
    assert request.delivery.state is State.RUNNING


def test_a_batch_is_not_killed_for_one_of_its_calls_and_the_answer_says_so(request_of):
    request, pool = running(request_of(BatchTask)), Processes()
    reply = answer(request, "terminate", pool, signal="TERM")
    assert "it runs in a batch with other calls" in reply["error"]
    assert (pool.killed, request.delivery.state) == ([], State.RUNNING)


class Results:
    """A result backend with the states of some calls; or one that is away."""

    def __init__(self, **known):
        self.known = known

    def get_state(self, task_id):
        if not self.known:
            raise ConnectionError("away")
        return self.known[task_id]

    def mark_as_revoked(self, task_id, reason, store_result):
        self.known[task_id] = "REVOKED"


@pytest.mark.parametrize("begun", ["STARTED", "PROGRESS", "SUCCESS", "FAILURE"])
def test_a_call_that_nobody_has_begun_is_revoked_in_the_result_backend_at_once(begun):
    results = Results(waits="PENDING", begun=begun, again="RETRY")
    app = SimpleNamespace(backend=results, clock=SimpleNamespace(forward=lambda: None))
    command = Command.new("revoke", {"task_id": ["waits", "begun", "again"]})
    assert "ok" in handle(SimpleNamespace(app=app), True, command)()
    assert results.known == {"waits": "REVOKED", "begun": begun, "again": "REVOKED"}


def test_an_app_without_a_result_backend_has_nothing_to_mark(caplog):
    app = Celery(set_as_current=False)
    assert "ok" in handle(SimpleNamespace(app=app), True, Command.new("revoke", {"task_id": "waits"}))()
    assert "result backend" not in caplog.text


def test_a_result_backend_that_is_away_is_logged_and_the_call_is_revoked_all_the_same(caplog):
    app = SimpleNamespace(backend=Results(), clock=SimpleNamespace(forward=lambda: None))
    assert "ok" in handle(SimpleNamespace(app=app), True, Command.new("revoke", {"task_id": "waits"}))()
    assert "not REVOKED in the result backend yet: ConnectionError" in caplog.text
    assert "waits" in state.revoked
