"""What a worker answers its channel of messages that come back: what is on record of them."""

from datetime import datetime

import pytest

from celery_sqs import OnRecord
from celery_sqs.consume.budget import Step
from celery_sqs.message.renewal import Renewal
from tests.unit.owners import RECEIVES, Stand, message, on_record


@pytest.fixture
def stand():
    return Stand()


def test_a_message_whose_receives_are_explained_runs(stand):
    one = message(1)
    stand.store.on_record["m1"] = on_record(1)
    assert stand.look_up(one) == [(one, Step.RUN, True)]
    assert one.attempts == 1


def test_a_message_whose_receive_nobody_explains_is_renewed(stand):
    one = message(1)
    assert stand.look_up(one) == [(one, Step.RENEW, True)]
    assert one.attempts == 0


def test_a_message_on_its_last_receive_with_attempts_left_is_renewed(stand):
    one = message(1, receives=RECEIVES)
    stand.store.on_record["m1"] = on_record(2)
    assert stand.look_up(one) == [(one, Step.RENEW, True)]


def test_a_message_whose_attempts_are_spent_is_given_up(stand):
    one = message(1)
    stand.store.on_record["m1"] = on_record(RECEIVES)
    assert stand.look_up(one) == [(one, Step.GIVE_UP, True)]


def test_what_is_given_up_is_in_the_log_with_what_to_do_and_many_are_one_line(stand, caplog):
    ones = [message(number) for number in (1, 2)]
    stand.store.on_record |= {"m1": on_record(RECEIVES), "m2": on_record(RECEIVES)}
    stand.look_up(*ones)
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "recorded, message m1: 3 on record of 3; to run it again, redrive it with celery_sqs.dlq" in record.message


def test_the_copy_of_what_nobody_explained_runs_alone(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=2, is_suspect=True))
    assert stand.look_up(one) == [(one, Step.RUN_ALONE, True)]


def test_a_dead_message_that_sqs_has_redriven_gets_a_budget_of_its_own(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=3, attempts=2))
    stand.store.on_record["first"] = on_record(RECEIVES)
    assert stand.look_up(one) == [(one, Step.RENEW_UNSPENT, True)]


def test_messages_are_looked_up_together_by_their_first_ids_on_the_recorders_thread(stand):
    ones = [message(1), message(2, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=2))]
    stand.look_up(*ones)
    [(asked, thread)] = stand.store.asked
    assert asked == {"m1": RECEIVES, "first": RECEIVES}
    assert thread.startswith("sqs-recorder")


def test_a_task_without_a_store_has_its_receives_as_its_budget(stand):
    one, last = message(1, "unrecorded"), message(2, "unrecorded", receives=RECEIVES)
    assert stand.look_up(one, last) == [(one, Step.RUN, False), (last, Step.RUN, False)]
    assert (one.attempts, last.attempts) == (1, 2)
    assert stand.store.asked == []


@pytest.mark.parametrize(("task", "listed"), [("unknown", None), ("", None), ("recorded", ["another"])])
def test_what_no_task_can_take_has_its_receives_as_its_budget(stand, task, listed):
    one = message(1, task, tasks=listed)
    assert stand.look_up(one) == [(one, Step.RUN, False)]
    assert (stand.store.asked, stand.owner.records(one)) == ([], False)


def test_without_a_redrive_policy_there_is_nothing_to_look_up(stand):
    one = message(1)
    one.max_receive_count = None
    assert stand.look_up(one) == [(one, Step.RUN, False)]


def test_in_an_outage_of_the_store_a_message_waits(stand):
    stand.store.error = ConnectionError()
    one = message(1)
    assert stand.look_up(one) == [(one.receipt_handle, "parked", "recorded")]
    assert one.attempts is None, "it is looked up when the outage is over"


def test_in_an_outage_a_message_on_its_last_receive_is_renewed_as_a_crash_would_kill_it(stand):
    stand.store.error = ConnectionError()
    one = message(1, receives=RECEIVES)
    assert stand.look_up(one) == [(one, Step.RENEW, True)]
    assert one.attempts is None


def test_what_cannot_be_read_at_all_is_said_and_receives_are_the_budget(stand, caplog, unrecorded):
    stand.store.error = KeyError("no such column")
    one, other = message(1), message(2)
    assert stand.look_up(one, other) == [(one, Step.RUN, False), (other, Step.RUN, False)]
    assert one.attempts == 1
    assert "cannot be read" in caplog.text
    assert unrecorded() == 2


@pytest.mark.parametrize(
    "answer",
    [
        lambda asked: None,
        list,
        lambda asked: {each: OnRecord(receives=[1], last_at="2026-01-01T00:00:00") for each in asked},
        lambda asked: {each: OnRecord(receives=[1], last_at=datetime(2026, 1, 1)) for each in asked},  # noqa: DTZ001
    ],
)
def test_receives_count_where_a_store_answers_with_another_type(stand, caplog, unrecorded, answer):
    stand.store.answer = answer
    one, other = message(1), message(2)
    assert stand.look_up(one, other) == [(one, Step.RUN, False), (other, Step.RUN, False)]
    assert "what is on record of 2 messages cannot be read" in caplog.text
    assert "TypeError" in caplog.text
    assert unrecorded() == 2


def test_a_wrong_answer_for_one_message_is_that_messages_alone(stand, caplog, unrecorded):
    stand.store.answer = lambda asked: {"m1": (1, None), "m2": on_record(1)}
    one, other = message(1), message(2)
    assert stand.look_up(one, other) == [(one, Step.RUN, False), (other, Step.RUN, True)]
    assert "says of m1 (1, None), which is no OnRecord" in caplog.text
    assert unrecorded() == 1


def test_a_suspect_runs_alone_also_where_nothing_can_be_read(stand):
    stand.store.error = KeyError("no such column")
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=2, is_suspect=True))
    assert stand.look_up(one) == [(one, Step.RUN_ALONE, False)]


def test_an_attempt_whose_worker_died_is_logged_and_reported(stand, caplog):
    one = message(1)
    stand.store.on_record["m1"] = on_record(1, lost=1)
    stand.look_up(one)
    [(event, fields)] = stand.consumer.event_dispatcher.sent
    assert (event, fields["kind"], fields["name"], fields["message_id"]) == ("task-retried", "lost", "recorded", "m1")
    assert "attempt lost: receive 1 of recorded, message m1" in caplog.text


def test_the_last_attempt_whose_worker_died_is_reported_as_the_failure_of_its_task(stand):
    one = message(1)
    stand.store.on_record["m1"] = on_record(RECEIVES, lost=5)
    stand.look_up(one)
    [(event, fields)] = stand.consumer.event_dispatcher.sent
    assert (event, fields["kind"]) == ("task-failed", "lost")


def test_an_attempt_that_an_outage_interrupted_is_withdrawn_before_anything_is_counted(stand):
    one = message(1, receives=1, renewal=Renewal(message_id="first", sent_at=0, receives=4, begun=4))
    stand.look_up(one)
    assert stand.store.withdrawn == [("first", 4)]


@pytest.mark.parametrize(("task", "records"), [("recorded", True), ("unrecorded", False), ("unknown", False)])
def test_it_says_whose_attempts_are_on_record(stand, task, records):
    assert stand.owner.records(message(1, task)) is records


def test_waiting_batches_go_on_when_the_last_suspect_has_ended(stand):
    planned = []
    stand.consumer.collectors["recorded"] = type("Plan", (), {"plan": lambda self: planned.append(1)})()
    stand.owner.resume()
    assert planned == [1]
