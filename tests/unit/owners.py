"""The owner of a worker's channel, with a channel and a store of attempts in memory."""

import threading
from datetime import UTC, datetime

from celery import Celery

from celery_sqs import OnRecord, SQSTask
from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.owner import WorkerOwner
from tests.polling import poll
from tests.unit.deliveries import delivery

RECEIVES = 3


class Store:
    """A store of attempts in memory; `error` is raised instead of answering, and text with `refused` is not taken."""

    def __init__(self):
        self.on_record = {}
        self.recorded, self.withdrawn, self.asked = [], [], []
        self.error = self.refused = None
        self.answer = self._known

    def record(self, attempt):
        self._fail()
        if self.refused and self.refused in str(attempt.error):
            raise ValueError("an incorrect string")
        self.recorded.append(attempt)

    def withdraw(self, message_id, receive_count):
        self._fail()
        self.withdrawn.append((message_id, receive_count))

    def returned(self, max_attempts):
        self._fail()
        self.asked.append((dict(max_attempts), threading.current_thread().name))
        return self.answer(max_attempts)

    def _known(self, max_attempts):
        return {message_id: self.on_record[message_id] for message_id in max_attempts if message_id in self.on_record}

    def _fail(self):
        if self.error:
            raise self.error


class Recorded(SQSTask):
    abstract = True
    store = Store()

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)

    @property
    def attempt_store(self):
        return self.store


class Channel:
    """Notes what is asked of it, in its order."""

    def __init__(self):
        self.notes = []

    def proceed(self, one, step, records):
        self.notes.append((one, step, records))

    def park(self, handle, task):
        self.notes.append((handle, "parked", task.name))

    def begin(self, one):
        self.notes.append((one, "begun", one.begun))

    def release(self, handle, delay):
        self.notes.append((handle, "released", delay))


class Events:
    """Notes the events of a worker."""

    def __init__(self):
        self.sent = []

    def send(self, event, **fields):
        self.sent.append((event, fields))


class IdleConsumer(Consumer):
    """One without Celery's own beginning, which would connect."""

    def __init__(self, app):
        self.app, self.hostname, self.default_task = app, "w@h", None
        self.collectors = {}
        self.event_dispatcher = Events()


class Stand:
    def __init__(self):
        app = Celery("owner", set_as_current=False)
        self.task = app.task(base=Recorded, name="recorded", shared=False)(_nothing)
        app.task(base=SQSTask, name="unrecorded", shared=False)(_nothing)
        self.store = self.task.store = Store()
        self.channel, self.consumer = Channel(), IdleConsumer(app)
        self.owner = WorkerOwner(self.channel, self.consumer)

    def look_up(self, *deliveries):
        """Have messages examined; returns what the channel is to do with each."""
        self.owner.examine(list(deliveries))
        return poll(lambda: len(self.channel.notes) == len(deliveries) and self.channel.notes, 2, "all are examined")

    def begin(self, one):
        self.owner.begin(one)
        return poll(lambda: self.channel.notes, 2, "it has begun")


def _nothing(order):
    """Nobody runs it."""


def call_of(task):
    return {"celery_task": {"DataType": "String", "StringValue": task}}


def message(number, task="recorded", receives=2, **more):
    return delivery(number, receives=receives, attributes=call_of(task), max_receive_count=RECEIVES, **more)


def on_record(attempts, lost=None):
    """Attempts at the first receives, long ago."""
    return OnRecord(receives=frozenset(range(1, attempts + 1)), last_at=datetime(2020, 1, 1, tzinfo=UTC), lost=lost)
