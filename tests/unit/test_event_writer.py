"""The event writer: events are written later, in few statements, and no sender waits for it."""

import threading
import time

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import DataError, OperationalError

from celery_sqs.monitor import event_writer
from celery_sqs.monitor.event_writer import EventWriter
from celery_sqs.monitor.refusals import MAX_FAILURES
from celery_sqs.monitor.worker_status import WorkerStatus
from tests.polling import poll


class MemoryStore:
    """Keeps what is written; fails while `away`, waits while `go_on` is not set, and refuses what is `refused`."""

    def __init__(self):
        self.rows, self.counts, self.workers, self.writes = {}, {}, [], 0
        self.away = False
        self.go_on = threading.Event()
        self.go_on.set()
        self.refused, self.error = set(), DataError("INSERT", {}, Exception(1406, "Data too long"))

    def write(self, rows, counts, worker=None):
        self.go_on.wait(10)
        if self.away:
            raise OperationalError("INSERT", {}, Exception("gone"))
        if self.refused & {*(row["task_id"] for row in rows), *(task for _, task, _ in counts)}:
            raise self.error
        self.writes += 1
        self.rows.update({row["task_id"]: row for row in rows})
        for key, count in counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
        self.workers += [worker] if worker else []

    def can_write(self):
        return not self.away


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


def dropped(reason):
    return REGISTRY.get_sample_value("task_events_dropped_total", {"reason": reason})


def test_what_is_refused_is_dropped_and_counted_and_all_else_is_written(store, caplog):
    writer, before = EventWriter(store), dropped("refused")
    writer.worker = WorkerStatus("worker@here")
    store.refused = {"77", "300", "a-name-too-long"}
    for number in range(400):
        writer.add("task-succeeded", "worker@here", fields(str(number)))
    writer.add("task-failed", "worker@here", fields("one", name="a-name-too-long"))
    writer.close(5)
    assert store.rows.keys() == {*map(str, range(400)), "one"} - store.refused
    assert {task for _, task, _ in store.counts} == {"jobs.note"}
    assert {count for (_, _, what), count in store.counts.items() if what == "succeeded"} == {400}
    assert dropped("refused") - before == 3
    assert "'77'" in caplog.text
    assert store.workers[-1]["name"] == "worker@here"


def test_an_outage_is_no_refusal(writer, store):
    store.away, before = True, dropped("refused")
    store.refused = {"bad"}
    for task_id in ("good", "bad"):
        writer.add("task-sent", None, fields(task_id))
    time.sleep(3 * event_writer.LINGER)
    assert dropped("refused") == before
    store.away = False
    poll(lambda: store.rows, 10, "what can be written is")
    assert store.rows.keys() == {"good"}


def test_a_row_that_is_locked_is_written_later_and_holds_up_no_other(writer, store):
    store.error = OperationalError("INSERT", {}, Exception(1205, "Lock wait timeout exceeded"))
    store.refused, before = {"locked"}, dropped("refused")
    for task_id in ("locked", "free"):
        writer.add("task-sent", None, fields(task_id))
    poll(lambda: "free" in store.rows, 3, "the free one is written")
    store.refused = set()
    poll(lambda: "locked" in store.rows, 3, "so is the other one")
    assert dropped("refused") == before


def test_a_row_that_always_costs_the_connection_is_given_up(writer, store):
    store.error = OperationalError("INSERT", {}, Exception(2013, "Lost connection"))
    store.refused, before = {"bad"}, dropped("refused")
    writer.add("task-sent", None, fields("bad"))
    poll(lambda: dropped("refused") == before + 1, 2 * MAX_FAILURES * event_writer.LINGER, "it is dropped")


@pytest.mark.parametrize(
    "wrong",
    [{"name": {"a": 1}}, {"uuid": 7}, {"sent_at": 1e20}, {"sent_at": "soon"}, {"receive_count": "many"}, {"args": 3}],
    ids=str,
)
def test_an_event_of_wrong_types_is_dropped_and_counted(store, wrong, caplog):
    writer, before = EventWriter(store), dropped("unreadable")
    writer.add("task-succeeded", "worker@here", fields("one") | wrong)
    writer.add("task-succeeded", "worker@here", fields("two"))
    writer.close(5)
    assert store.rows.keys() == {"two"}
    assert dropped("unreadable") == before + 1
    assert "could not be read" in caplog.text


def test_a_message_that_names_any_task_at_all_is_counted_under_one_name(store):
    writer = EventWriter(store)
    for number in range(3):
        writer.add("task-failed", "worker@here", fields(str(number), name=f"x-{number}", kind="poison"))
    writer.close(5)
    assert {(task, what): count for (_, task, what), count in store.counts.items()} == {("unknown", "failed"): 3}


def test_a_database_that_has_not_answered_for_long_is_not_waited_for_at_the_end(writer, store):
    store.go_on.clear()
    writer.add("task-sent", None, {"uuid": "1", "name": "jobs.note"})
    poll(lambda: writer._trying_since, 5, "it writes")
    time.sleep(1.0)
    began = time.monotonic()
    writer.close(1.0)
    assert time.monotonic() - began < 0.9
