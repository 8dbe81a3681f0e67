"""Failed attempts in the database: whatever an error says, it is kept."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from orders.attempt import BEGUN, FailedAttempt, state_without_row
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


@pytest.mark.parametrize("kind", ["own", "permanent", "poison", "lost", "begun"])
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


def begun(**changes):
    return an_attempt(kind=BEGUN, error_class="WorkerLostError", **changes)


def test_the_outcome_of_an_attempt_replaces_that_it_has_begun(store):
    attempt = begun()
    failed = dataclasses.replace(attempt, kind="own", message="what came of it", final=True)
    store.record_attempt(attempt)
    store.record_attempt(failed)
    assert store.attempts_of(attempt.order_id) == [failed]


def test_that_an_attempt_has_begun_does_not_replace_its_outcome(store):
    failed = an_attempt()
    store.record_attempt(failed)
    store.record_attempt(dataclasses.replace(failed, kind=BEGUN))
    assert store.attempts_of(failed.order_id) == [failed]


def test_that_one_attempt_has_begun_is_not_replaced_by_the_outcome_of_another(store):
    first = begun(receive_count=1)
    second = dataclasses.replace(first, kind="own", receive_count=2)
    other = dataclasses.replace(first, kind="own", message_id=str(uuid4()))
    for attempt in (first, second, other):
        store.record_attempt(attempt)
    assert store.attempts_of(first.order_id) == [first, second, other]


def test_an_attempt_that_has_begun_can_be_withdrawn_and_no_other(store):
    attempt = begun()
    failed = dataclasses.replace(attempt, kind="own", receive_count=2)
    for each in (attempt, failed):
        store.record_attempt(each)
    store.withdraw_attempt(attempt.message_id, 2)
    assert store.attempts_of(attempt.order_id) == [attempt, failed]
    store.withdraw_attempt(attempt.message_id, 1)
    store.withdraw_attempt(attempt.message_id, 1)
    assert store.attempts_of(attempt.order_id) == [failed]


def test_messages_without_attempts_are_not_on_record(store):
    assert store.returned({"unheard": 3}) == {}
    assert store.returned({}) == {}


def test_a_message_that_has_come_back_has_the_attempts_on_record_and_no_others(store):
    first = an_attempt()
    for attempt in (first, dataclasses.replace(first, receive_count=4), an_attempt()):
        store.record_attempt(attempt)
    assert store.returned({first.message_id: 3, "unheard": 3}) == {
        first.message_id: ({1: first.failed_at, 4: first.failed_at}, None)
    }


def test_ids_that_differ_in_case_alone_are_two_messages(store):
    store.record_attempt(an_attempt(message_id="Abc"))
    assert store.returned({"abc": 3}) == {}


@pytest.mark.parametrize(("allowed", "final"), [(1, True), (2, True), (3, False)])
def test_an_attempt_that_began_is_lost_once_its_message_comes_back_and_final_if_it_is_the_last(store, allowed, final):
    failed = an_attempt()
    attempt = dataclasses.replace(failed, kind=BEGUN, receive_count=3)
    for each in (failed, attempt):
        store.record_attempt(each)
    both = {1: failed.failed_at, 3: failed.failed_at}
    assert store.returned({failed.message_id: allowed}) == {failed.message_id: (both, 3)}
    lost = dataclasses.replace(attempt, kind="lost", final=final)
    assert store.attempts_of(failed.order_id) == [failed, lost]
    assert store.returned({failed.message_id: allowed}) == {failed.message_id: (both, None)}


def test_workers_that_look_up_one_message_at_once_count_the_same(store):
    attempt = begun()
    store.record_attempt(attempt)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(store.returned, [{attempt.message_id: 3}] * 20))
    assert all(answer[attempt.message_id][0].keys() == {attempt.receive_count} for answer in answers)
    assert [each.kind for each in store.attempts_of(attempt.order_id)] == ["lost"]


def test_threads_that_begin_and_end_one_attempt_leave_one_row(store):
    attempt = begun()
    failed = dataclasses.replace(attempt, kind="own")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(store.record_attempt, [attempt, failed] * 20))
    assert store.attempts_of(attempt.order_id) == [failed]
