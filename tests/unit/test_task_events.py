"""Events of tasks as rows, and how the rows of one task are merged."""

import itertools
from datetime import UTC, datetime

import pytest

from celery_sqs.monitor.task_events import BUCKETS, bucket, follow, merge, to_row

SENT_AT = 1769256000.0
FIELDS = {"uuid": "a-task", "name": "jobs.note", "message_id": "a-message", "receive_count": 1, "sent_at": SENT_AT}


def event(name, seconds, **fields):
    return to_row(name, SENT_AT + seconds, "worker@here", FIELDS | fields)


def at(seconds):
    return datetime.fromtimestamp(SENT_AT + seconds, UTC)


LIFE = [
    to_row("task-sent", SENT_AT, None, {"uuid": "a-task", "name": "jobs.note", "subject": "an-order"}),
    event("task-received", 1, args="[1]", subject="an-order"),
    event("task-started", 2),
    event("task-retried", 3, exception="ValueError: no", traceback="line 1"),
    event("task-received", 4, args="[1]", receive_count=2),
    event("task-started", 5, receive_count=2),
    event("task-succeeded", 6, receive_count=2),
]


def test_all_events_of_a_task_are_one_row_in_the_end():
    joined = LIFE[0]
    for each in LIFE[1:]:
        joined = merge(joined, each)
    assert joined == {
        "task_id": "a-task",
        "version": LIFE[-1]["version"],
        "name": "jobs.note",
        "state": "SUCCESS",
        "subject": "an-order",
        "message_id": "a-message",
        "worker": "worker@here",
        "receive_count": 2,
        "args": "[1]",
        "error": "ValueError: no",
        "traceback": "line 1",
        "sent_at": at(0),
        "received_at": at(4),
        "started_at": at(5),
        "finished_at": at(6),
    }


def test_of_two_events_the_later_wins_whichever_comes_first():
    for early, late in itertools.pairwise(LIFE):
        assert merge(early, late) == merge(late, early)
        assert merge(early, late)["state"] == late["state"]


def test_a_later_receive_has_not_begun_because_an_earlier_one_had():
    joined = merge(event("task-started", 2), event("task-received", 4, receive_count=2))
    assert "started_at" not in joined
    assert joined["received_at"] == at(4)


def test_a_message_that_is_sent_again_begins_anew():
    dead = event("task-failed", 3, receive_count=3)
    again = to_row("task-received", SENT_AT + 9, "worker@here", FIELDS | {"sent_at": SENT_AT + 8})
    assert merge(dead, again)["state"] == "RECEIVED"
    assert merge(again, dead)["state"] == "RECEIVED"


def test_what_is_parked_in_an_outage_waits_again_and_starts_again():
    started, parked, again = event("task-started", 1), event("task-parked", 2), event("task-started", 9)
    assert merge(started, parked)["state"] == "RECEIVED"
    assert merge(merge(started, parked), again)["state"] == "STARTED"


def test_a_producers_event_never_takes_anything_back():
    sent = LIFE[0]
    done = event("task-succeeded", 6)
    assert merge(done, sent)["state"] == "SUCCESS"
    assert merge(sent, done)["state"] == "SUCCESS"


def test_whose_fault_the_last_failed_attempt_was_stays_on_record():
    failed = event("task-retried", 3, kind="lost", exception="WorkerLostError: killed")
    assert merge(failed, event("task-received", 4, receive_count=2))["kind"] == "lost"
    last = event("task-failed", 5, kind="permanent", exception="ValueError: no", receive_count=2)
    assert merge(failed, last)["kind"] == "permanent"


def test_texts_are_cut_to_what_the_columns_hold_and_to_what_utf8_can_say():
    made = event("task-failed", 1, exception="x" * 100_000, traceback="\ud800", args="y" * 100_000)
    assert (len(made["error"]), made["traceback"], len(made["args"])) == (16_000, "?", 2000)


@pytest.mark.parametrize(
    ("seconds", "name"), [(0, "took_le_0.05"), (0.05, "took_le_0.05"), (0.051, "took_le_0.1"), (3601, "took_le_inf")]
)
def test_a_time_falls_into_the_first_class_that_holds_it(seconds, name):
    assert bucket(seconds) == name


def test_the_classes_of_times_grow():
    assert list(BUCKETS) == sorted(BUCKETS)


def test_the_next_event_of_a_receive_is_noted_as_if_it_had_been_merged():
    row = dict(LIFE[1])
    for position, name in ((2, "task-started"), (3, "task-succeeded")):
        expected = merge(row, event(name, position))
        assert follow(row, name, SENT_AT + position, "worker@here", FIELDS)
        assert row == expected


@pytest.mark.parametrize(
    ("name", "worker", "fields"),
    [
        ("task-started", "worker@here", {"receive_count": 2}),
        ("task-started", "worker@here", {"sent_at": SENT_AT + 1}),
        ("task-started", "worker@here", {"sent_at": None}),
        ("task-started", "worker@here", {"message_id": "another"}),
        ("task-started", "worker@here", {"name": "another"}),
        ("task-started", "another@here", {}),
        ("task-sent", "worker@here", {}),
        ("task-failed", "worker@here", {"exception": "ValueError: no"}),
        ("task-parked", "worker@here", {"kind": "outage"}),
    ],
)
def test_an_event_that_says_more_is_merged(name, worker, fields):
    row = dict(LIFE[1])
    assert not follow(row, name, SENT_AT + 2, worker, FIELDS | fields)
    assert row == LIFE[1]
