"""Failed attempts in the database: whatever an error says, it is kept."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from orders.attempt import FailedAttempt, state_without_row
from orders.tables import MAX_NAME, MAX_TEXT

NAMES = ["task", "task_id", "message_id", "error_class", "worker"]


def an_attempt(**changes):
    values = {
        "order_id": uuid4(),
        "task": "persist_order",
        "task_id": str(uuid4()),
        "message_id": str(uuid4()),
        "kind": "own",
        "error_class": "ValueError",
        "message": "a message",
        "traceback": "a traceback",
        "receive_count": 1,
        "worker": "worker@test",
        "final": False,
        "failed_at": datetime(2026, 1, 24, 12, 0, 0, 123_456, tzinfo=UTC),
        "next_visible_at": datetime(2026, 1, 24, 12, 0, 30, 654_321, tzinfo=UTC),
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


@pytest.mark.parametrize("kind", ["own", "permanent", "poison", "lost"])
def test_an_attempt_keeps_why_it_failed_and_when_its_message_is_back(store, kind):
    back_at = datetime(2026, 1, 24, 12, 0, 45, 678_901, tzinfo=UTC)
    stored = kept(store, kind=kind, message_id="a-message", next_visible_at=back_at)
    assert (stored.kind, stored.message_id, stored.next_visible_at) == (kind, "a-message", back_at)


def test_an_attempt_recorded_again_is_kept_once_and_as_it_was_first(store):
    first = an_attempt()
    store.record_attempt(first)
    store.record_attempt(first)
    store.record_attempt(dataclasses.replace(first, message="what was heard later", final=True))
    assert store.attempts_of(first.order_id) == [first]


def test_an_attempt_at_another_message_of_the_same_task_is_another_attempt(store):
    first = an_attempt()
    other = dataclasses.replace(first, message_id=str(uuid4()))
    for attempt in (first, other):
        store.record_attempt(attempt)
    assert store.attempts_of(first.order_id) == [first, other]


def test_threads_that_record_one_attempt_leave_one_row(store):
    attempt = an_attempt()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store.record_attempt, [attempt] * 20))
    assert store.attempts_of(attempt.order_id) == [attempt]


def test_a_value_that_does_not_fit_is_refused_and_not_ignored(store):
    with pytest.raises(IntegrityError):
        store.record_attempt(an_attempt(receive_count=None))
