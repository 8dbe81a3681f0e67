"""Failed attempts in the database: whatever an error says, it is kept."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from orders.attempt import FailedAttempt, state_without_row
from orders.tables import MAX_NAME, MAX_TEXT

NAMES = ["task", "task_id", "error_class", "worker"]


def an_attempt(**changes):
    values = {
        "order_id": uuid4(),
        "task": "persist_order",
        "task_id": str(uuid4()),
        "error_class": "ValueError",
        "message": "a message",
        "traceback": "a traceback",
        "receive_count": 1,
        "worker": "worker@test",
        "final": False,
        "failed_at": datetime(2026, 1, 24, 12, 0, 0, 123_456, tzinfo=UTC),
    }
    return FailedAttempt(**values | changes)


def kept(store, **changes):
    attempt = an_attempt(**changes)
    store.record_attempt(attempt)
    [stored] = store.attempts_of(attempt.order_id)
    return stored


@pytest.mark.parametrize("final", [True, False])
def test_an_attempt_comes_back_as_it_was(store, final):
    attempt = an_attempt(final=final, message="👩‍🔧 '; DROP TABLE attempts; --")
    store.record_attempt(attempt)
    assert store.attempts_of(attempt.order_id) == [attempt]


def test_attempts_come_oldest_first_and_of_one_order_only(store):
    order_id = uuid4()
    recorded = [an_attempt(order_id=order_id, receive_count=count, final=count == 3) for count in (1, 2, 3)]
    for attempt in recorded:
        store.record_attempt(attempt)
        store.record_attempt(an_attempt())
    assert store.attempts_of(order_id) == recorded
    assert state_without_row(recorded) == "dead"


def test_an_attempt_at_a_message_that_names_no_order_is_kept(store):
    store.record_attempt(an_attempt(order_id=None))
    assert store.attempts_of(uuid4()) == []


@pytest.mark.parametrize("character", ["x", "é", "☕", "👩"])
def test_a_long_message_keeps_its_beginning_and_a_long_traceback_its_end(store, character):
    filling = character * MAX_TEXT
    stored = kept(store, message=f"begin{filling}end", traceback=f"begin{filling}end")
    assert stored.message == f"begin{filling}"[:MAX_TEXT]
    assert stored.traceback == f"{filling}end"[-MAX_TEXT:]


def test_long_names_are_cut(store):
    stored = kept(store, **dict.fromkeys(NAMES, "x" * 1000))
    assert {getattr(stored, name) for name in NAMES} == {"x" * MAX_NAME}


@pytest.mark.parametrize("text", ["half a pair: \ud800", "\udfff", "\x00", "\ufffe\uffff"])
def test_text_of_any_characters_is_kept(store, text):
    fields = [*NAMES, "message", "traceback"]
    stored = kept(store, **dict.fromkeys(fields, text))
    tellable = "".join("?" if "\ud800" <= character <= "\udfff" else character for character in text)
    assert {getattr(stored, field) for field in fields} == {tellable}
