"""A single task goes Celery's own way to the pool, and what is to run alone waits until it has ended."""

from types import SimpleNamespace

import pytest
from celery import Celery
from celery.worker import state
from kombu.asynchronous.timer import Timer

from celery_sqs import SQSTask
from celery_sqs.consume import ready
from celery_sqs.consume.delivery import State
from tests.unit.channels import Stand


class Pool:
    """Keeps what Celery's request asks for, and runs nothing."""

    def __init__(self):
        self.accept = []

    def apply_async(self, _run, accept_callback, **_):
        self.accept.append(accept_callback)


class Worker:
    """As much of a worker as Celery's strategy asks for. `waiting` is what no process is free for."""

    def __init__(self, task):
        self.stand = Stand()
        self.pool, self.waiting = Pool(), []
        self.consumer = SimpleNamespace(
            app=task.app,
            hostname="w@h",
            event_dispatcher=None,
            connection_errors=(),
            pool=self.pool,
            timer=Timer(),
            disable_rate_limits=True,
            task_buckets={},
            controller=SimpleNamespace(state=state),
            apply_eta_task=None,
            _limit_task=None,
            _limit_post_eta=None,
            on_task_request=self.waiting.append,
        )
        self._take = task.start_strategy(task.app, self.consumer)

    def receive(self, number, **more):
        """A message comes, and the event loop turns; returns its delivery."""
        one = self.stand.receive(number, **more)
        self.turn()
        return one

    def turn(self):
        self.stand.channel.turn()
        for message in self.stand.received:
            self._take(message, None, message.ack_log_error, message.reject_log_error, ())
        self.stand.received.clear()

    def suspect(self, number):
        """A message comes back, and has to run alone."""
        one = self.receive(number, receives=2)
        one.attempts, one.is_alone = 0, True
        self.stand.channel.ready.add([one])
        self.turn()
        return one


@pytest.fixture
def worker():
    app = Celery("strategy", set_as_current=False)

    @app.task(base=SQSTask, name="a.task", shared=False)
    def a_task(order):
        """Nobody runs it."""

    worker = Worker(app.tasks["a.task"])
    yield worker
    worker.stand.connection.release()
    state.reset_state()
    app.close()


def test_what_is_to_run_alone_waits_while_a_single_task_runs(worker):
    running = worker.receive(1)
    [request] = worker.waiting
    request.execute_using_pool(worker.pool)
    [accept] = worker.pool.accept
    accept(1, 0.0)
    assert running.state is State.RUNNING
    suspect = worker.suspect(2)
    assert worker.stand.owner.begun == []
    worker.stand.channel.basic_ack(running.receipt_handle)
    worker.turn()
    assert worker.stand.owner.begun == [suspect]


def test_so_it_does_while_one_waits_for_a_free_process_which_would_begin_beside_it(worker):
    waiting = worker.receive(1)
    assert (waiting.is_submitted, waiting.state) == (True, State.RESERVED)
    suspect = worker.suspect(2)
    assert worker.stand.owner.begun == []
    worker.stand.channel.basic_ack(waiting.receipt_handle)
    worker.turn()
    assert worker.stand.owner.begun == [suspect]


def test_it_does_not_wait_for_ever(worker, monkeypatch):
    worker.receive(1)
    monkeypatch.setattr(ready, "LONGEST_WAIT", 0.0)
    suspect = worker.suspect(2)
    assert worker.stand.owner.begun == [suspect]
