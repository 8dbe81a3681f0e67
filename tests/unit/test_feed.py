"""The feed: what is reported is written, later and in few statements, and never in anybody's way."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import OperationalError

from celery_sqs.monitor import event_writer as feeds
from celery_sqs.monitor.event_writer import EventWriter
from celery_sqs.monitor.worker import Worker
from tests.polling import poll


class Sink:
    """Keeps what is written; fails while `away`, and waits while `slow` is set."""

    def __init__(self):
        self.rows, self.counts, self.signs, self.writes = {}, {}, [], 0
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
        for tally, count in counts.items():
            self.counts[tally] = self.counts.get(tally, 0) + count
        self.signs += [worker] if worker else []

    def mark_lost(self, now):
        self.lost_at.append(now)
        return 0

    def purge(self, before):
        self.purged_before.append(before)
        return 0


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def feed(sink):
    made = EventWriter(sink, timedelta(days=7))
    yield made
    sink.go_on.set()
    made.close(5)


def told(task_id, **more):
    return {"uuid": task_id, "name": "jobs.note", "receive_count": 1, "sent_at": time.time() - 0.07} | more


def test_what_happens_within_a_moment_is_one_row_in_one_write(feed, sink):
    for event in ("task-received", "task-started", "task-succeeded"):
        for task_id in ("one", "two"):
            feed.take(event, "worker@here", told(task_id))
    poll(lambda: sink.rows, 3, "it is written")
    assert {task_id: row["state"] for task_id, row in sink.rows.items()} == {"one": "SUCCESS", "two": "SUCCESS"}
    assert sink.writes == 1


def test_successes_are_counted_by_minute_and_by_how_long_they_took(feed, sink):
    feed.take("task-succeeded", "worker@here", told("one"))
    poll(lambda: sink.counts, 3, "it is written")
    assert {(task, what): count for (_, task, what), count in sink.counts.items()} == {
        ("jobs.note", "succeeded"): 1,
        ("jobs.note", "took_le_0.1"): 1,
    }
    assert all((minute.second, minute.microsecond) == (0, 0) for minute, _, _ in sink.counts)


def test_nobody_waits_for_a_slow_database(feed, sink):
    sink.go_on.clear()
    feed.take("task-sent", None, told("first"))
    time.sleep(2 * feeds.LINGER)  # it is being written now
    began = time.monotonic()
    for number in range(1000):
        feed.take("task-sent", None, told(str(number)))
    assert time.monotonic() - began < 0.5


def test_what_was_reported_in_an_outage_is_written_after_it_and_counted_once(feed, sink):
    sink.away = True
    feed.take("task-received", "worker@here", told("one"))
    time.sleep(2 * feeds.LINGER)
    feed.take("task-succeeded", "worker@here", told("one"))
    sink.away = False
    poll(lambda: sink.rows, 5, "it is written")
    assert sink.rows["one"]["state"] == "SUCCESS"
    assert sum(count for (_, _, what), count in sink.counts.items() if what == "succeeded") == 1


def test_what_finds_no_room_is_counted_and_told(feed, sink):
    feed.worker = Worker("worker@here")
    sink.away = True
    for number in range(feeds.MAX_ROWS + 10):
        feed.take("task-sent", None, told(str(number)))
    time.sleep(2 * feeds.LINGER)
    sink.away = False
    poll(lambda: sink.signs, 10, "a sign of life is written")
    assert sink.signs[-1]["dropped"] == 10
    assert len(sink.rows) == feeds.MAX_ROWS


def test_a_report_that_cannot_be_read_does_not_end_the_feed(feed, sink):
    feed.take("task-sent", None, {})
    feed.take("task-sent", None, told("one"))
    poll(lambda: "one" in sink.rows, 5, "the next is written")


def test_the_last_reports_are_written_at_the_end(sink):
    feed = EventWriter(sink, timedelta(days=7))
    feed.take("task-succeeded", "worker@here", told("one"))
    feed.close(5)
    assert sink.rows["one"]["state"] == "SUCCESS"


def test_a_worker_says_that_it_has_stopped(sink):
    feed = EventWriter(sink, timedelta(days=7))
    feed.worker = Worker("worker@here")
    feed.worker.say("worker-online", {"active": 1})
    feed.worker.say("worker-offline", {})
    feed.close(5)
    assert sink.signs[-1]["stopped_at"] is not None


def test_old_reports_are_purged_by_workers(feed, sink):
    feed.worker = Worker("worker@here")
    poll(lambda: sink.purged_before, 3, "it purges")
    assert datetime.now(UTC) - sink.purged_before[0] >= timedelta(days=7)


def test_nobody_is_called_lost_before_all_could_tell_that_they_are_not(feed, sink):
    feed.worker = Worker("worker@here")
    poll(lambda: sink.signs, 3, "a sign of life is written")
    assert sink.lost_at == []
