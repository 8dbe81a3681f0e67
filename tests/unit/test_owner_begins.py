"""A suspect's attempt is on record before it begins, and withdrawn when it has not failed; what if it cannot be."""

import threading

import pytest

from celery_sqs.consume.budget import Step
from celery_sqs.message.renewal import Renewal
from celery_sqs.tasks.attempt import Unrecordable
from celery_sqs.tasks.decision import Kind
from celery_sqs.worker.recorder import record_soon
from tests.polling import poll
from tests.unit.owners import Stand, message


@pytest.fixture
def stand():
    return Stand()


def _wait_for_recorder():
    done = threading.Event()
    record_soon(done.set)
    assert done.wait(2)


def test_an_attempt_is_on_record_before_it_begins(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4))
    assert stand.begin(one) == [(one, "begun", 5)]
    [attempt] = stand.store.recorded
    assert (attempt.kind, attempt.message_id, attempt.receive_count) == (Kind.BEGUN, "first", 5)
    assert (attempt.task, attempt.args, attempt.worker, attempt.final) == ("recorded", ({},), "w@h", False)


def test_in_an_outage_of_the_store_it_does_not_begin(stand):
    stand.store.error = ConnectionError()
    one = message(1)
    assert stand.begin(one) == [(one.receipt_handle, "parked", "recorded")]
    assert one.begun is None


def test_what_can_never_be_recorded_is_renewed_with_its_receives_for_its_attempts(stand, caplog, unrecorded):
    stand.store.error = KeyError("no such column")
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4, is_suspect=True))
    one.attempts = 1
    assert stand.begin(one) == [(one, Step.RENEW, False)]
    renewal = one.next_renewal(records=False)
    assert (renewal.attempts, renewal.is_suspect, renewal.counts_receives) == (1, True, True)
    assert "an attempt at message first cannot be recorded" in caplog.text
    assert unrecorded() == 1


def test_its_copies_end_after_the_attempts_that_are_left(stand):
    stand.store.error = KeyError("no such column")
    carried = Renewal(message_id="first", sent_at=0, receives=5, attempts=1, is_suspect=True, counts_receives=True)
    ones = [message(1, receives=receives, renewal=carried) for receives in (1, 2, 3)]
    steps = [Step.RUN_ALONE, Step.RUN_ALONE, Step.GIVE_UP]
    assert stand.look_up(*ones) == [(one, step, False) for one, step in zip(ones, steps, strict=True)]
    assert [one.attempts for one in ones] == [1, 2, 3]
    stand.channel.notes.clear()
    assert stand.begin(ones[0]) == [(ones[0], "begun", None)]
    assert stand.owner.records(ones[0]) is False, "a stop does not take it for one whose attempts are on record"


def test_what_can_neither_be_recorded_nor_renewed_begins_as_sqs_counts_its_receives(stand, unrecorded):
    stand.store.error = KeyError("no such column")
    one = message(1, is_renewable=False)
    assert stand.begin(one) == [(one, "begun", None)]
    assert unrecorded() == 1


def test_what_cannot_be_recorded_with_its_text_is_recorded_without_it(stand, unrecorded):
    stand.store.refused = "the worker ended"
    one = message(1)
    assert stand.begin(one) == [(one, "begun", 2)]
    [attempt] = stand.store.recorded
    assert (attempt.kind, attempt.receive_count, type(attempt.error)) == (Kind.BEGUN, 2, Unrecordable)
    assert unrecorded() == 0


def test_without_a_store_it_begins_at_once(stand):
    one = message(1, "unrecorded")
    stand.owner.begin(one)
    assert stand.channel.notes == [(one, "begun", None)]


def test_its_record_is_withdrawn_when_it_has_succeeded(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4))
    stand.begin(one)
    stand.owner.withdraw(one)
    assert poll(lambda: stand.store.withdrawn, 2, "it is withdrawn") == [("first", 5)]
    assert one.begun is None


@pytest.mark.parametrize(("error", "counted"), [(ConnectionError(), 0), (KeyError("no such column"), 1)])
def test_a_record_that_stays_is_in_the_log_and_counted_unless_it_is_an_outage(
    stand, caplog, unrecorded, error, counted
):
    one = message(1)
    stand.begin(one)
    stand.store.error = error
    stand.owner.withdraw(one)
    poll(lambda: caplog.records, 2, "it is said")
    _wait_for_recorder()
    assert (one.begun, unrecorded()) == (2, counted), "it is known still, and withdrawn before the next attempt"


def test_what_was_never_on_record_is_not_withdrawn(stand):
    stand.owner.withdraw(message(1))
    _wait_for_recorder()
    assert stand.store.withdrawn == []


def test_an_attempt_that_was_interrupted_here_is_withdrawn_once_before_anything_is_counted(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4, is_suspect=True, begun=4))
    stand.look_up(one)
    stand.channel.notes.clear()
    stand.begin(one)
    stand.channel.notes.clear()
    one.attempts = None
    assert stand.look_up(one) == [(one, Step.RUN_ALONE, True)]
    assert stand.store.withdrawn == [("first", 4), ("first", 5)]
    assert (one.begun, one.attempts) == (None, 0)


def test_in_an_outage_an_interrupted_attempt_stays_to_be_withdrawn(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4, is_suspect=True))
    stand.begin(one)
    stand.channel.notes.clear()
    one.attempts, stand.store.error = None, ConnectionError()
    assert stand.look_up(one) == [(one.receipt_handle, "parked", "recorded")]
    assert one.begun == 5
