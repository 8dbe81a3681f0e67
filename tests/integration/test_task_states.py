"""The tables of tasks and workers, on both databases."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from celery_sqs.monitor import EventReader
from celery_sqs.monitor.event_writer import EventWriter
from celery_sqs.monitor.task_events import TASK_EVENTS, merge, to_row
from celery_sqs.monitor.task_states import TaskStates
from celery_sqs.monitor.worker_status import DEAD_AFTER, WorkerStatus
from orders.database import connect

SENT_AT = 1769256000.0
NOW = datetime.fromtimestamp(SENT_AT, UTC)


@pytest.fixture
def task_states(engine):
    return TaskStates(engine)


@pytest.fixture
def reader(engine):
    return EventReader(engine)


def event(name, seconds=0.0, task_id="a-task", worker="worker@here", **more):
    fields = {"uuid": task_id, "name": "jobs.note", "message_id": "m", "receive_count": 1, "sent_at": SENT_AT}
    return to_row(name, SENT_AT + seconds, worker, fields | more)


def sent(seconds=0.0, task_id="a-task"):
    return to_row("task-sent", SENT_AT + seconds, None, {"uuid": task_id, "name": "jobs.note", "subject": "an-order"})


def worker_row(name, **changes):
    return WorkerStatus(name).row(0) | changes


def write(task_states, *rows):
    task_states.write(list(rows), Counter())


NUMBERS = itertools.count()

EVENTS = st.builds(
    event,
    st.sampled_from(sorted(set(TASK_EVENTS) - {"task-sent"})),
    st.integers(0, 1000).map(float),
    receive_count=st.integers(1, 3),
    sent_at=st.sampled_from([SENT_AT, SENT_AT + 60]),
    subject=st.sampled_from([None, "an-order"]),
    args=st.sampled_from(["", "[1]"]),
    exception=st.sampled_from([None, "ValueError: no"]),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(events=st.lists(EVENTS | st.just(sent()), min_size=1, max_size=8))
def test_the_database_merges_events_as_the_process_does(task_states, reader, events):
    task_id = f"task-{next(NUMBERS)}"
    mine = [each | {"task_id": task_id} for each in events]
    for each in mine:
        write(task_states, each)
    stored = reader.task(task_id)
    expected = reduce(merge, mine)
    known = {name: getattr(stored, name) for name in expected}
    assert known == expected


def test_the_events_of_a_producer_and_a_worker_are_one_row(task_states, reader):
    write(task_states, event("task-succeeded", 2))
    write(task_states, sent(-0.25))
    stored = reader.task("a-task")
    assert (stored.state, stored.subject, stored.sent_at) == ("SUCCESS", "an-order", NOW)


def test_a_task_that_nobody_has_received_is_on_record_as_pending(task_states, reader):
    write(task_states, sent())
    assert [task.state for task in reader.tasks_of("an-order")] == ["PENDING"]
    assert reader.oldest_unfinished("jobs.note") == NOW


def test_thousands_of_events_are_a_few_statements(task_states, reader):
    write(task_states, *[sent(task_id=str(number)) for number in range(2500)])
    assert len(reader.changed_since(NOW, 5000)) == 2500


def test_the_oldest_that_is_not_done_is_found_among_those_that_are(task_states, reader):
    write(
        task_states,
        event("task-succeeded", task_id="1", sent_at=SENT_AT),
        event("task-retried", task_id="2", sent_at=SENT_AT + 1),
        event("task-started", task_id="3", sent_at=SENT_AT + 2),
        event("task-failed", task_id="4", sent_at=SENT_AT - 1),
    )
    assert reader.oldest_unfinished("jobs.note") == NOW + timedelta(seconds=1)
    assert reader.oldest_unfinished("jobs.other") is None


def test_the_oldest_is_found_without_reading_all_that_are_unfinished(mariadb_server):
    url = mariadb_server.fresh()
    mariadb_server.execute(
        """INSERT INTO task_state (task_id, version, name, state, receive_count, args, kwargs, sent_at, changed_at)
        SELECT seq, 1, ELT(1 + seq MOD 3, 'jobs.note', 'jobs.sum', 'jobs.send'), ELT(1 + seq MOD 2, 'PENDING', 'RETRY'),
        0, '', '', IF(seq MOD 100 = 0, NULL, '2026-01-24' + INTERVAL seq SECOND), UTC_TIMESTAMP(6)
        FROM seq_1_to_20000""",
        url.rsplit("/", 1)[-1],
    )
    engine = connect(url)
    reader, before = EventReader(engine), rows_read(engine)
    first = datetime(2026, 1, 24, tzinfo=UTC)
    assert reader.oldest_unfinished(None) == first + timedelta(seconds=1)
    assert reader.oldest_unfinished("jobs.note") == first + timedelta(seconds=3)
    assert rows_read(engine) - before < 200
    assert reader.oldest_unfinished("jobs.other") is None
    engine.dispose()


def rows_read(engine):
    """How many rows the engine's one connection has read so far, of tables and of indexes."""
    with engine.connect() as connection:
        status = connection.execute(text("SHOW SESSION STATUS LIKE 'Handler_read%'")).all()
    return sum(int(count) for _, count in status)


def test_counts_of_several_processes_add_up(task_states, reader):
    for count in (2, 3):
        task_states.write([], Counter({(NOW, "jobs.note", "sent"): count}))
    assert reader.counts_per_minute("jobs.note", NOW) == {NOW: {"sent": 5}}
    assert reader.counts_per_minute("jobs.note", NOW + timedelta(minutes=1)) == {}


def test_a_workers_row_has_the_fields_of_its_last_event_and_its_stats(task_states, reader):
    worker = WorkerStatus("worker@here")
    worker.update("worker-heartbeat", {"active": 3, "processed": 7, "loadavg": (0.5, 0.25, 0.1), "sw_ver": "5.7.0"})
    task_states.write([], Counter(), worker.row(0))
    assert reader.old_renewed_at() is None
    worker.stats = lambda: {"in_flight": 5, "outage": True, "renewed_at": NOW.timestamp()}
    task_states.write([], Counter(), worker.row(2))
    assert reader.old_renewed_at() == NOW
    [written] = reader.workers()
    assert (written.active, written.processed, written.load_average, written.software) == (
        3,
        7,
        [0.5, 0.25, 0.1],
        {"sw_ver": "5.7.0"},
    )
    assert (written.in_flight, written.outage, written.dropped) == (5, True, 2)
    assert written.is_alive(datetime.now(UTC))
    assert not written.is_alive(datetime.now(UTC) + timedelta(seconds=DEAD_AFTER + 1))


#: What a message, or a mistake of ours, might make of an event.
HOSTILE = {
    "a name of 256 characters": {"name": "x" * 256},
    "half a surrogate pair": {"name": "\ud800", "subject": "\udfff", "uuid": "\ud800", "exception": "\ud800"},
    "NUL": {"name": "a\0b", "uuid": "\0"},
    "four bytes a character": {
        "name": "\U0001f469" * 300,
        "uuid": "\U0001f469" * 300,
        "traceback": "\U0001f469" * 70_000,
    },
    "a receive count that fits nowhere": {"receive_count": 2**70},
    "a receive count that is none": {"receive_count": 1.5},
    "the last day": {"sent_at": 253_402_300_799.0},
    "beyond the last day": {"sent_at": 1e15},
    "the first day": {"sent_at": -62_135_596_800.0},
    "no number": {"sent_at": float("nan")},
    "bytes": {"name": b"\xff"},
    "a mapping": {"subject": {"a": 1}},
    "a list": {"uuid": ["a"]},
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_whatever_an_event_holds_all_others_are_written(task_states, reader, hostile):
    writer = EventWriter(task_states)
    good = {"uuid": "good", "name": "jobs.note", "receive_count": 1, "sent_at": SENT_AT}
    for name in ("task-received", "task-succeeded"):
        writer.add(name, "worker@here", good | {"uuid": "a-bad-one"} | hostile)
        writer.add(name, "worker@here", good)
    writer.close(10)
    assert reader.task("good").state == "SUCCESS"
    [counts] = [counts for counts in minutes(reader) if "succeeded" in counts]
    assert counts["succeeded"] >= 1


@pytest.mark.parametrize("name", ["\ud800@here", "w" * 300])
def test_a_worker_may_have_any_name(task_states, reader, name):
    writer = EventWriter(task_states)
    writer.worker = WorkerStatus(name)
    writer.close(10)
    assert len(reader.workers()) == 1


def test_whether_rows_can_be_written_leaves_nothing_behind(task_states, reader):
    assert task_states.can_write()
    assert reader.changed_since(NOW, 10) == []


def test_rows_cannot_be_written_where_there_is_no_database(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    assert not TaskStates(engine).can_write()
    engine.dispose()


def minutes(reader):
    return reader.counts_per_minute("jobs.note", NOW - timedelta(days=1)).values()
