"""The monitor's tables stay in order: what no event will end is closed, and what is old is deleted, by one worker."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from sqlalchemy import update

import celery_sqs
from celery_sqs import SQSTask
from celery_sqs.database.table_lock import TableLock
from celery_sqs.monitor import EventReader, housekeeping_due
from celery_sqs.monitor.housekeeping import purge as module
from celery_sqs.monitor.housekeeping.closing import BATCH, Closing, mark_lost
from celery_sqs.monitor.housekeeping.empty_queues import EmptyQueues
from celery_sqs.monitor.housekeeping.housekeeper import Housekeeper
from celery_sqs.monitor.tables import housekeeping, task_state
from celery_sqs.monitor.task_events import to_row
from celery_sqs.monitor.task_states import TaskStates
from celery_sqs.monitor.worker_status import DEAD_AFTER, HEARTBEAT, WorkerStatus
from tests.polling import poll

SENT_AT = 1769256000.0
NOW = datetime.fromtimestamp(SENT_AT, UTC)

#: The tasks whose effect is there.
DONE = set()


class Confirmed(SQSTask):
    """A task that can tell what is done."""

    abstract = True

    def find_done(self, subjects):
        assert set(subjects.values()) == {"a-subject"}
        return DONE


class Broken(SQSTask):
    """A task whose hook fails."""

    abstract = True

    def find_done(self, subjects):
        raise ZeroDivisionError


@pytest.fixture
def app(queues, emulator, engine):
    app = Celery("housekeeping", set_as_current=False)
    celery_sqs.setup(
        app,
        queues={"work": celery_sqs.Queue(url=queues.url, dlq_url=queues.dlq_url)},
        region="us-east-1",
        endpoint_url=emulator.url,
        access_key=("test", "test"),
        monitor_database=lambda: engine,
    )
    for name, base in (("jobs.confirmed", Confirmed), ("jobs.broken", Broken), ("jobs.note", SQSTask)):
        app.task(name=name, base=base, shared=False)(nothing)
    DONE.clear()
    return app


@pytest.fixture
def task_states(engine):
    return TaskStates(engine)


@pytest.fixture
def reader(engine):
    return EventReader(engine)


@pytest.fixture
def empty_queues(app):
    return EmptyQueues(app, asked_every=0, approximate_for=timedelta(0))


@pytest.fixture
def closing(engine, app, empty_queues):
    return Closing(engine, app, empty_queues, settled_after=timedelta(0))


def event(kind, seconds=0.0, task_id="a-task", worker="worker@here", **more):
    fields = {"uuid": task_id, "name": "jobs.note", "subject": "a-subject", "receive_count": 1, "sent_at": SENT_AT}
    return to_row(kind, SENT_AT + seconds, worker, fields | more)


def write(task_states, *rows):
    task_states.write(list(rows), Counter())


def worker_row(name, **changes):
    return WorkerStatus(name).row(0) | changes


def age(engine, by):
    """Let all tasks have changed so long ago."""
    with engine.begin() as connection:
        connection.execute(update(task_state).values(changed_at=datetime.now(UTC) - by))


def nothing():
    """A task."""


def always():
    return True


# Workers that are gone


@pytest.mark.parametrize(
    ("worker", "state"),
    [
        ({"seen_at": NOW - timedelta(seconds=DEAD_AFTER + 1)}, "LOST"),
        ({"seen_at": NOW, "stopped_at": NOW}, "LOST"),
        ({"seen_at": NOW - timedelta(seconds=HEARTBEAT)}, "STARTED"),
    ],
    ids=["killed", "stopped", "alive"],
)
def test_what_a_worker_had_that_is_gone_is_lost(engine, task_states, reader, worker, state):
    task_states.write([event("task-started")], Counter(), worker_row("worker@here", **worker))
    mark_lost(engine, NOW)
    assert reader.task("a-task").state == state


def test_only_what_was_under_way_is_lost(engine, task_states):
    gone = worker_row("worker@here", seen_at=NOW, stopped_at=NOW)
    task_states.write([event("task-succeeded"), event("task-retried", task_id="b")], Counter(), gone)
    assert mark_lost(engine, NOW) == 0


def test_what_was_lost_goes_on_when_another_worker_receives_it(engine, task_states, reader):
    gone = worker_row("worker@here", seen_at=NOW, stopped_at=NOW)
    task_states.write([event("task-started")], Counter(), gone)
    mark_lost(engine, NOW)
    write(task_states, event("task-received", 30, worker="another@here", receive_count=2))
    stored = reader.task("a-task")
    assert (stored.state, stored.worker, stored.receive_count) == ("RECEIVED", "another@here", 2)


# Closing


@pytest.mark.parametrize("name", ["task-sent", "task-received", "task-started", "task-retried", "task-requeued"])
def test_a_task_whose_effect_is_there_is_closed_as_done(task_states, reader, closing, queues, name):
    queues.send("another's message, so the queue is not empty")
    DONE.update({"a-task", "another-task"})
    write(task_states, event(name, name="jobs.confirmed"))
    closing.run(always)
    closed = reader.task("a-task")
    assert (closed.state, closed.closed_at is not None, closed.version) == ("SUCCESS", True, event(name)["version"])
    assert reader.oldest_unfinished("jobs.confirmed") is None


@pytest.mark.parametrize("task", ["jobs.note", "jobs.confirmed", "jobs.broken", "jobs.of-another-app"])
def test_a_task_of_which_no_message_is_left_is_closed_as_unknown(engine, task_states, reader, closing, task):
    write(task_states, event("task-started", name=task))
    closing.run(always)
    assert reader.task("a-task").state == "STARTED", "its message may come again within the visibility timeout"
    age(engine, timedelta(seconds=10))
    closing.run(always)
    closed = reader.task("a-task")
    assert (closed.state, closed.closed_at is not None) == ("UNKNOWN", True)
    assert reader.oldest_unfinished(task) is None


@pytest.mark.parametrize("where", ["work", "dlq"])
def test_a_task_whose_message_may_be_there_is_not_closed(engine, task_states, reader, closing, queues, where):
    queues.sqs.send_message(QueueUrl=queues.url if where == "work" else queues.dlq_url, MessageBody="{}")
    write(task_states, event("task-started"))
    age(engine, timedelta(days=1))
    for _ in range(2):
        closing.run(always)
    assert reader.task("a-task").state == "STARTED"


def test_a_queue_is_not_taken_for_empty_at_the_first_look(engine, app, task_states, reader):
    closing = Closing(engine, app, EmptyQueues(app, asked_every=0), settled_after=timedelta(0))
    write(task_states, event("task-started"))
    age(engine, timedelta(days=1))
    for _ in range(3):
        closing.run(always)
    assert reader.task("a-task").state == "STARTED"


def test_where_sqs_does_not_answer_nothing_is_known_to_be_empty(app):
    app.conf.sqs_endpoint_url = "http://127.0.0.1:1"
    assert EmptyQueues(app, asked_every=0, approximate_for=timedelta(0)).empty_since() is None


def test_what_has_just_changed_is_left_to_its_worker(engine, app, task_states, reader, empty_queues):
    DONE.add("a-task")
    write(task_states, event("task-started", name="jobs.confirmed"))
    Closing(engine, app, empty_queues).run(always)
    assert reader.task("a-task").state == "STARTED"


def test_what_has_ended_stays_as_it_is(engine, task_states, reader, closing):
    ends = ("task-succeeded", "task-failed", "task-revoked")
    write(task_states, *[event(name, task_id=name) for name in ends])
    age(engine, timedelta(days=1))
    closing.run(always)
    assert [reader.task(name).closed_at for name in ends] == [None] * 3


def test_an_event_that_comes_after_all_opens_a_task_again(engine, task_states, reader, closing):
    write(task_states, event("task-started"))
    age(engine, timedelta(days=1))
    closing.run(always)
    write(task_states, event("task-sent", -1, worker=None, sent_at=None))
    assert reader.task("a-task").closed_at is not None, "that is an earlier one"
    write(task_states, event("task-succeeded", 1))
    stored = reader.task("a-task")
    assert (stored.state, stored.closed_at) == ("SUCCESS", None)


def test_every_unfinished_task_has_its_turn(engine, task_states, reader, closing):
    waiting = [event("task-started", task_id=f"a-{number:04}", name="jobs.confirmed") for number in range(2 * BATCH)]
    write(task_states, *waiting, event("task-started", task_id="b", name="jobs.confirmed"))
    DONE.add("b")
    for _ in range(3):
        closing.run(always)
    assert reader.task("b").state == "SUCCESS"
    DONE.add("a-0000")
    closing.run(always)
    assert reader.task("a-0000").state == "SUCCESS", "it begins anew"


# Purging


def test_what_is_old_is_deleted_a_batch_at_a_time(engine, task_states, reader, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 2)
    old = [event("task-succeeded", task_id=str(number)) for number in range(5)]
    counts = Counter({(NOW + timedelta(minutes=minute), "jobs.note", "sent"): 1 for minute in range(5)})
    task_states.write(old, counts, worker_row("worker@here"))
    before = datetime.now(UTC)
    write(task_states, event("task-succeeded", task_id="new"))
    asked = []
    assert module.purge(engine, before, lambda: asked.append(1) or True) == 11
    assert len(asked) >= 7
    assert [task.task_id for task in reader.changed_since(NOW, 10)] == ["new"]
    assert reader.workers() == []
    assert reader.counts_per_minute("jobs.note", NOW) == {}


def test_a_purge_ends_when_it_may_not_go_on(engine, task_states, reader):
    write(task_states, event("task-succeeded"))
    assert module.purge(engine, datetime.now(UTC), lambda: False) == 0


# The thread


def test_the_thread_purges_closes_and_asks_the_host(engine, app, task_states, reader):
    app.conf.sqs_monitor_retention_days = 1
    write(task_states, event("task-succeeded", task_id="old"))
    age(engine, timedelta(days=2))
    write(task_states, event("task-started", name="jobs.confirmed"))
    with engine.begin() as connection:
        settled = datetime.now(UTC) - timedelta(minutes=1)
        connection.execute(update(task_state).where(task_state.c.task_id == "a-task").values(changed_at=settled))
    DONE.add("a-task")
    asked = threading.Event()

    def host(sender, keep_on, **_):
        assert keep_on()
        asked.set()

    housekeeping_due.connect(host, sender=app)
    housekeeper = Housekeeper(app, engine, interval=0.05)
    housekeeper.start()
    try:
        assert asked.wait(10)
        poll(lambda: reader.task("a-task").state == "SUCCESS", 10, "it is closed")
        poll(lambda: reader.task("old") is None, 10, "it is deleted")
    finally:
        housekeeper.stop()
        housekeeping_due.disconnect(host, sender=app)
    lock = TableLock(engine, housekeeping, "monitor", timedelta(seconds=30))
    poll(lock.acquire, 5, "the lock is let go")
