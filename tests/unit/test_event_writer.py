"""The event writer: events are written later, in few statements, and no sender waits for it."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from celery_sqs.monitor import event_writer
from celery_sqs.monitor.event_writer import EventWriter
from celery_sqs.monitor.worker_status import WorkerStatus
from tests.polling import poll


class MemoryStore:
    """Keeps what is written; fails while `away`, and waits while `go_on` is not set."""

    def __init__(self):
        self.rows, self.counts, self.workers, self.writes = {}, {}, [], 0
        self.away = False
        self.go_on = threading.Event()
        self.go_on.set()
        self.lost_at, self.purged_before = [], []

    def write(self, rows, counts, worker=None):
        self.go_on.wait(10)
        if self.away:
            raise OperationalError("INSERT", {}, Exception("gone"))
        self.writes += 1
        self.rows.update({row["task_id"]: row for row in rows})
        for key, count in counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        self.workers += [worker] if worker else []

    def mark_lost(self, now):
        self.lost_at.append(now)
        return 0

    def purge(self, before):
        self.purged_before.append(before)
        return 0


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def writer(store):
    running = EventWriter(store)
    yield running
    store.go_on.set()
    running.close(5)


def fields(task_id, **more):
    return {"uuid": task_id, "name": "jobs.note", "receive_count": 1, "sent_at": time.time() - 0.07} | more


def test_what_happens_within_a_moment_is_one_row_in_one_write(writer, store):
    for event in ("task-received", "task-started", "task-succeeded"):
        for task_id in ("one", "two"):
            writer.add(event, "worker@here", fields(task_id))
    poll(lambda: store.rows, 3, "it is written")
    assert {task_id: row["state"] for task_id, row in store.rows.items()} == {"one": "SUCCESS", "two": "SUCCESS"}
    assert store.writes == 1


def test_successes_are_counted_by_minute_and_by_how_long_they_took(writer, store):
    writer.add("task-succeeded", "worker@here", fields("one"))
    poll(lambda: store.counts, 3, "it is written")
    assert {(task, what): count for (_, task, what), count in store.counts.items()} == {
        ("jobs.note", "succeeded"): 1,
        ("jobs.note", "took_le_0.1"): 1,
    }
    assert all((minute.second, minute.microsecond) == (0, 0) for minute, _, _ in store.counts)


def test_nobody_waits_for_a_slow_database(writer, store):
    store.go_on.clear()
    writer.add("task-sent", None, fields("first"))
    time.sleep(2 * event_writer.LINGER)  # it is being written now
    began = time.monotonic()
    for number in range(1000):
        writer.add("task-sent", None, fields(str(number)))
    assert time.monotonic() - began < 0.5


def test_an_event_of_an_outage_is_written_after_it_and_counted_once(writer, store):
    store.away = True
    writer.add("task-received", "worker@here", fields("one"))
    time.sleep(2 * event_writer.LINGER)
    writer.add("task-succeeded", "worker@here", fields("one"))
    store.away = False
    poll(lambda: store.rows, 5, "it is written")
    assert store.rows["one"]["state"] == "SUCCESS"
    assert sum(count for (_, _, what), count in store.counts.items() if what == "succeeded") == 1


def test_what_finds_no_room_is_counted_and_fields(writer, store):
    writer.worker = WorkerStatus("worker@here")
    store.away = True
    for number in range(event_writer.MAX_ROWS + 10):
        writer.add("task-sent", None, fields(str(number)))
    time.sleep(2 * event_writer.LINGER)
    store.away = False
    poll(lambda: store.workers, 10, "a heartbeat is written")
    assert store.workers[-1]["dropped"] == 10
    assert len(store.rows) == event_writer.MAX_ROWS


def test_an_event_that_cannot_be_read_does_not_end_the_writer(writer, store):
    writer.add("task-sent", None, {})
    writer.add("task-sent", None, fields("one"))
    poll(lambda: "one" in store.rows, 5, "the next is written")


def test_the_last_events_are_written_at_the_end(store):
    writer = EventWriter(store)
    writer.add("task-succeeded", "worker@here", fields("one"))
    writer.close(5)
    assert store.rows["one"]["state"] == "SUCCESS"


def test_the_row_of_a_worker_says_that_it_has_stopped(store):
    writer = EventWriter(store)
    writer.worker = WorkerStatus("worker@here")
    writer.worker.update("worker-online", {"active": 1})
    writer.worker.update("worker-offline", {})
    writer.close(5)
    assert store.workers[-1]["stopped_at"] is not None


def test_old_rows_are_purged_by_workers(writer, store):
    writer.worker = WorkerStatus("worker@here")
    poll(lambda: store.purged_before, 3, "it purges")
    assert datetime.now(UTC) - store.purged_before[0] >= timedelta(days=7)


def test_no_task_is_lost_before_all_workers_could_write_that_they_are_alive(writer, store):
    writer.worker = WorkerStatus("worker@here")
    poll(lambda: store.workers, 3, "a heartbeat is written")
    assert store.lost_at == []
