"""Rows replayed as events to the very State that Flower keeps: what it makes of them."""

import time
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from celery.events.state import State

from celery_sqs.monitor import TaskRow, WorkerRow
from celery_sqs.monitor.flower.replay import replay_task, replay_worker

START = datetime(2026, 1, 1, tzinfo=UTC)
WORKER = "w1@here"


def at(seconds):
    return START + timedelta(seconds=seconds)


SENT = TaskRow(
    task_id="t1",
    version=0,
    name="persist_order",
    state="PENDING",
    subject="o1",
    message_id="m1",
    worker=None,
    receive_count=0,
    args="[1]",
    kwargs="{}",
    error=None,
    traceback=None,
    sent_at=at(0),
    received_at=None,
    started_at=None,
    finished_at=None,
    changed_at=at(0),
    closed_at=None,
)
RECEIVED = replace(SENT, state="RECEIVED", worker=WORKER, receive_count=1, received_at=at(1), changed_at=at(1))
STARTED = replace(RECEIVED, state="STARTED", started_at=at(2), changed_at=at(2))
RETRY = replace(STARTED, state="RETRY", finished_at=at(3), changed_at=at(3), error="ValueError: no", traceback="at a")
SUCCESS = replace(STARTED, state="SUCCESS", finished_at=at(4.5), changed_at=at(4.5))
FAILURE = replace(RETRY, state="FAILURE", finished_at=at(5), changed_at=at(5))
LOST = replace(STARTED, state="LOST", changed_at=at(20))
UNKNOWN = replace(LOST, state="UNKNOWN", changed_at=at(200), closed_at=at(200))
FOUND = replace(LOST, state="SUCCESS", changed_at=at(100), closed_at=at(100))
AGAIN = replace(RECEIVED, receive_count=2, received_at=at(30), changed_at=at(30))


class Memory(State):
    """The state, with the events that it was given."""

    def __init__(self):
        super().__init__()
        self.events = Counter()

    def replay(self, *rows):
        """Replay rows, as celery_sqs.monitor.flower.events does; returns the task."""
        for row in rows:
            known = self.tasks.get(row.task_id)
            events = replay_task(row, known)
            if events and known is not None:
                known.state = "PENDING"
            for event in events:
                self.events[event["type"]] += 1
                self.event(event)
        return self.tasks["t1"]

    def replay_worker(self, row, now):
        """Replay a worker's row; returns the worker."""
        for event in replay_worker(row, self.workers.get(row.name), now):
            self.events[event["type"]] += 1
            self.event(event)
        return self.workers[row.name]


@pytest.fixture
def memory():
    return Memory()


@pytest.mark.parametrize(
    ("row", "reached"),
    [
        (SENT, at(0)),
        (RECEIVED, at(1)),
        (STARTED, at(2)),
        (RETRY, at(3)),
        (SUCCESS, at(4.5)),
        (FAILURE, at(5)),
        (LOST, at(20)),
        (UNKNOWN, at(200)),
        (FOUND, at(100)),
        (replace(SUCCESS, state="REVOKED"), at(4.5)),
    ],
    ids=lambda value: getattr(value, "state", ""),
)
def test_each_state_is_taken_over_with_its_instant(memory, row, reached):
    task = memory.replay(row)
    assert (task.state, task.timestamp) == (row.state, reached.timestamp())
    assert (task.name, task.args, task.kwargs, task.sent) == ("persist_order", "[1]", "{}", at(0).timestamp())


def test_a_task_that_is_seen_when_it_is_done_has_its_whole_life(memory):
    task = memory.replay(SUCCESS)
    instants = (at(1), at(2), at(4.5))
    assert (task.received, task.started, task.succeeded) == tuple(instant.timestamp() for instant in instants)
    assert (task.runtime, task.retries, task.worker.hostname) == (2.5, 0, WORKER)
    assert memory.events == Counter(["task-received", "task-started", "task-succeeded"])


def test_no_event_comes_twice_however_often_the_row_is_read(memory):
    memory.replay(SENT, SENT, RECEIVED, RECEIVED, STARTED, SUCCESS, SUCCESS)
    assert memory.events == Counter(["task-sent", "task-received", "task-started", "task-succeeded"])


def test_a_failed_attempt_shows_its_error_and_a_later_one_counts_as_a_retry(memory):
    task = memory.replay(RETRY)
    assert (task.exception, task.traceback, task.retries) == ("ValueError: no", "at a", 0)
    memory.replay(AGAIN)
    assert (task.state, task.retries) == ("RECEIVED", 1)
    memory.replay(replace(SUCCESS, receive_count=2, received_at=at(30), started_at=at(31), finished_at=at(32)))
    assert (task.state, task.started, task.runtime) == ("SUCCESS", at(31).timestamp(), 1.0)
    assert memory.events["task-received"] == 2


@pytest.mark.parametrize("before", [LOST, FAILURE, SUCCESS], ids=lambda row: row.state)
def test_what_is_run_again_after_its_end_is_shown_to_be_running(memory, before):
    again = replace(STARTED, received_at=at(30), started_at=at(31), changed_at=at(31))
    assert memory.replay(before, AGAIN).state == "RECEIVED"
    assert memory.replay(again).state == "STARTED"


def test_a_call_that_was_released_waits_again(memory):
    released = replace(STARTED, state="PENDING", finished_at=at(6), changed_at=at(6))
    task = memory.replay(STARTED, released)
    assert (task.state, task.timestamp, task.sent) == ("PENDING", at(6).timestamp(), at(0).timestamp())


def test_an_old_task_is_no_heartbeat_of_its_worker(memory):
    now = datetime.now(UTC)
    task = memory.replay(replace(SUCCESS, finished_at=now, changed_at=now))
    assert not task.worker.alive


def worker_row(seen_ago, **changes):
    row = WorkerRow(
        name=WORKER,
        pid=42,
        started_at=START,
        seen_at=datetime.now(UTC) - timedelta(seconds=seen_ago),
        stopped_at=None,
        heartbeat=5.0,
        active=3,
        processed=7,
        load_average=[0.1, 0.2, 0.3],
        software={"sw_ident": "py-celery"},
        in_flight=0,
        oldest_in_flight_seconds=0.0,
        last_poll_seconds=0.0,
        outage=False,
        dropped=0,
    )
    return replace(row, **changes)


@pytest.mark.parametrize("seen_ago", [0, 14])
def test_a_worker_that_lives_is_online_until_two_heartbeats_after_its_last_event(memory, seen_ago):
    now = datetime.now(UTC)
    worker = memory.replay_worker(worker_row(seen_ago), now)
    assert worker.alive
    assert worker.heartbeat_expires == pytest.approx(time.time() + 10, abs=2)
    assert (worker.active, worker.processed, worker.loadavg, worker.freq) == (3, 7, [0.1, 0.2, 0.3], 5.0)
    memory.replay_worker(worker_row(seen_ago), now)
    assert memory.events == Counter(["worker-online", "worker-heartbeat"])


@pytest.mark.parametrize("gone", [{"seen_ago": 16}, {"seen_ago": 0, "stopped_at": START}], ids=["killed", "stopped"])
def test_a_worker_that_has_gone_goes_offline_once_whether_it_was_known_or_not(memory, gone):
    now = datetime.now(UTC)
    assert not memory.replay_worker(worker_row(**gone), now).alive
    memory.replay_worker(worker_row(**gone), now)
    assert memory.events == Counter(["worker-heartbeat", "worker-offline"])
    assert memory.replay_worker(worker_row(0), now).alive
    assert not memory.replay_worker(worker_row(**gone), now).alive
    memory.replay_worker(worker_row(**gone), now)
    assert memory.events["worker-offline"] == 2
