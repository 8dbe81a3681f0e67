"""The failed attempts of the tasks on orders are rows of the table `attempts`: their count is the failure budget."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from celery_sqs import Attempt, OnRecord
from celery_sqs.tasks.decision import Kind
from orders.attempt import state_without_row
from tasks.attempts import OrderAttempts

ORDER_ID = "3f2b8f0e-9d3b-4c55-8f6a-0a5d7f1c2e4b"
NOW = datetime(2026, 1, 24, 12, 0, tzinfo=UTC)
TWO = OnRecord(receives=frozenset({1, 2}), last_at=NOW)
TWO_OF_WHICH_ONE_IS_LOST = OnRecord(receives=frozenset({1, 2}), last_at=NOW, lost=2)
RECEIVES = 3


def subject(*args):
    """The order's id of a task's arguments."""
    return args[0].get("orderId") if args else None


def an_attempt(**changes):
    values = {
        "task": "persist_order",
        "task_id": "task",
        "message_id": "message",
        "kind": Kind.OWN,
        "args": ({"orderId": ORDER_ID},),
        "error": LookupError("no"),
        "traceback": "at a",
        "receive_count": 1,
        "worker": "w@h",
        "final": False,
        "failed_at": NOW,
        "next_visible_at": NOW + timedelta(seconds=7),
    }
    return Attempt(**values | changes)


@pytest.fixture
def attempts(store):
    return OrderAttempts(store, subject)


def test_an_attempt_is_a_row_with_its_order_and_its_reason(attempts, store):
    attempts.record(an_attempt())
    [row] = store.attempts_of(UUID(ORDER_ID))
    assert (row.task, row.task_id, row.message_id, row.worker) == ("persist_order", "task", "message", "w@h")
    assert (row.kind, row.error_class, row.message, row.traceback) == ("own", "LookupError", "no", "at a")
    assert (row.receive_count, row.final) == (1, False)
    assert (row.failed_at, row.next_visible_at) == (NOW, NOW + timedelta(seconds=7))


@pytest.mark.parametrize("args", [(), ({},)], ids=["no argument", "no order id"])
def test_an_attempt_at_a_message_that_names_no_order_is_kept_under_its_task(attempts, store, args):
    attempts.record(an_attempt(args=args))
    [row] = store.attempts_of_task("task")
    assert row.order_id is None


def test_what_is_on_record_is_counted_by_message(attempts):
    attempts.record(an_attempt())
    attempts.record(an_attempt(receive_count=2))
    attempts.record(an_attempt(message_id="other"))
    assert attempts.returned({"message": RECEIVES, "unheard": RECEIVES}) == {"message": TWO}


def test_an_attempt_that_began_and_came_back_was_lost_with_its_worker(attempts, store):
    attempts.record(an_attempt())
    attempts.record(an_attempt(receive_count=2, kind=Kind.BEGUN))
    assert attempts.returned({"message": RECEIVES}) == {"message": TWO_OF_WHICH_ONE_IS_LOST}
    assert [row.kind for row in store.attempts_of_task("task")] == ["own", "lost"]
    assert attempts.returned({"message": RECEIVES}) == {"message": TWO}, "it is lost once"


def test_an_attempt_that_began_and_succeeded_leaves_nothing(attempts, store):
    attempts.record(an_attempt(kind=Kind.BEGUN))
    attempts.withdraw("message", 1)
    assert store.attempts_of_task("task") == []


def test_an_order_whose_first_attempt_has_begun_is_queued_still(attempts, store):
    attempts.record(an_attempt(kind=Kind.BEGUN))
    assert state_without_row(store.attempts_of(UUID(ORDER_ID))) == "queued"
    attempts.returned({"message": RECEIVES})
    assert state_without_row(store.attempts_of(UUID(ORDER_ID))) == "retrying"


def test_an_order_that_has_killed_its_worker_as_often_as_it_may_is_dead(attempts, store):
    for receive_count in (2, 4, 6):
        attempts.record(an_attempt(receive_count=receive_count, kind=Kind.BEGUN))
        attempts.returned({"message": RECEIVES})
    rows = store.attempts_of(UUID(ORDER_ID))
    assert [(row.kind, row.final) for row in rows] == [("lost", False), ("lost", False), ("lost", True)]
    assert state_without_row(rows) == "dead"


def test_the_outcome_of_an_attempt_takes_the_place_of_its_beginning(attempts, store):
    attempts.record(an_attempt(kind=Kind.BEGUN))
    attempts.record(an_attempt())
    assert [row.kind for row in store.attempts_of_task("task")] == ["own"]
