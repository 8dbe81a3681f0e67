"""Other orders under the id of a stored one: of each user some are dead, and all others on record."""

import dataclasses

import pytest

from app.services import Services
from celery_sqs import Call
from orders.schema import to_message
from tasks import conflicts
from tasks import orders as task_of_orders
from tasks.conflicts import WINDOW, ConflictLimit
from tasks.orders import ConflictingOrder
from tests.unit.samples import an_arrival, an_order


@pytest.fixture
def clock():
    return [0.0]


@pytest.fixture
def limit(clock):
    return ConflictLimit(2, lambda: clock[0])


def test_so_many_messages_of_a_user_are_dead_and_the_next_is_one_too_many(limit):
    assert [limit.exceeded_by(7, task_id) for task_id in ("a", "b", "c", "d")] == [False, False, True, True]
    assert not limit.exceeded_by(8, "c")


def test_each_attempt_at_a_message_that_is_to_die_fails(limit):
    assert [limit.exceeded_by(7, task_id) for task_id in "abaabbcc"] == [*[False] * 6, True, True]


def test_a_user_may_have_as_many_dead_again_after_a_while(limit, clock):
    for task_id in "abc":
        limit.exceeded_by(7, task_id)
    clock[0] = WINDOW
    assert not limit.exceeded_by(7, "c")


def test_thousands_of_conflicts_are_on_record_and_few_are_dead(app, store, monkeypatch):
    monkeypatch.setattr(task_of_orders, "_conflict_limit", ConflictLimit(3))
    persist = app.extensions[Services.NAME].celery.tasks["persist_order"]
    stored = an_order(user_id=7, quantity=1)
    store.persist([an_arrival(stored)])

    calls = [a_call(dataclasses.replace(stored, quantity=2 + number), number) for number in range(10)]
    errors = persist.run(calls)

    assert [type(error) for error in errors] == [ConflictingOrder] * 3 + [type(None)] * 7
    recorded = store.attempts_of(stored.order_id)
    assert [(attempt.kind, attempt.message_id, attempt.final) for attempt in recorded] == [
        ("conflict", f"message-{number}", False) for number in range(3, 10)
    ]
    assert "quantity=1" in recorded[0].message  # what stands
    assert "quantity=5" in recorded[0].message  # and what was refused
    assert store.get(stored.order_id).order == stored
    assert store.count_attempts(["message-3"])["message-3"].is_over  # a redrive waits for nothing more


def test_what_dies_of_a_user_in_a_window_is_far_from_filling_a_queue():
    assert conflicts.DEAD_PER_USER <= 100


def a_call(order, number):
    return Call(
        id=f"task-{number}",
        message_id=f"message-{number}",
        args=(to_message(order),),
        kwargs={},
        receive_count=1,
        worker="worker@test",
    )
