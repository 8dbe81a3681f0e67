"""Tasks whose calls are revoked, with a result backend that keeps what it is told."""

import threading
from types import SimpleNamespace

from celery import Celery

from celery_sqs.monitor.control.commands import Command
from celery_sqs.monitor.control.panel import learn
from celery_sqs.worker.recorder import record_soon
from celery_sqs.worker.request import SQSRequest
from tests.unit.test_request import Backend, Events


def make_task(base):
    """A task of a class."""
    app = Celery("revoked", set_as_current=False)

    @app.task(base=base, name="a.task", shared=False)
    def a_task(order):
        """Nobody runs it."""

    task = app.tasks["a.task"]
    task.backend = Backend()
    return task


def make_request(stand, base):
    """The request of a message that has come for a task of a class."""
    task, one = make_task(base), stand.receive(1)
    stand.channel.hand_over(one)
    message = stand.received[-1]
    consumer = SimpleNamespace(app=task.app, hostname="w@h", event_dispatcher=Events())
    return SQSRequest.of(message, task, consumer, message.ack_log_error, message.reject_log_error)


def revoke(*task_ids):
    """Have this process know that some calls are revoked; returns their ids."""
    return learn(Command.new("revoke", {"task_id": list(task_ids), "origin": "by anna"}))


def revoke_stamp(headers):
    """Have it know that all calls with a stamp are."""
    learn(Command.new("revoke_by_stamped_headers", {"headers": headers}))


def recorded():
    """Let the recorder's thread do what it was given."""
    is_done = threading.Event()
    record_soon(is_done.set)
    assert is_done.wait(10)
