"""The channel on one turn of its event loop: what is examined, handed over, renewed and given up."""

import pytest

from celery_sqs.consume.budget import Step
from celery_sqs.consume.delivery import State
from celery_sqs.message.renewal import RENEWAL, Renewal
from tests.polling import poll
from tests.unit.channels import refuse
from tests.unit.deliveries import SettlingSQS, handles


class AtOnce:
    """An event loop for which no time passes."""

    def call_later(self, _seconds, call, arguments):
        call(arguments)


def test_what_comes_for_the_first_time_is_handed_over_at_once(stand):
    one = stand.receive(1)
    assert stand.handed_over() == ["handle-1"]
    assert (one.state, stand.owner.examined) == (State.RESERVED, [])


def test_what_has_come_back_is_examined_before_anything_is_handed_over(stand):
    back, _ = stand.receive(1, receives=2), stand.receive(2)
    assert stand.handed_over() == []
    assert stand.owner.examined == [back]
    back.attempts = 1
    stand.channel.proceed(back, Step.RUN, records=True)
    assert set(stand.handed_over()) == {"handle-1", "handle-2"}


def test_what_has_come_back_with_its_lease_ended_is_left(stand):
    stand.receive(1, receives=2, leased_for=-1)
    stand.channel.turn()
    assert (stand.owner.examined, len(stand.channel.in_flight)) == ([], 0)
    assert stand.released() == []


def test_what_was_done_before_is_deleted_and_not_run_again(stand):
    stand.channel.settlements.delete(stand.receive(1, leased_for=-1))
    stand.receive(1, receives=2)
    stand.channel.turn()
    stand.channel.settlements.close(5)
    assert (stand.owner.examined, stand.received) == ([], [])
    assert handles(stand.sqs.deleted) == ["handle-1"]


def test_a_message_whose_receives_run_out_is_renewed_and_not_run(stand):
    one = stand.receive(1, receives=3)
    stand.channel.turn()
    one.attempts = 0
    stand.channel.proceed(one, Step.RENEW, records=True)
    assert stand.handed_over() == []
    [renewal] = stand.copies()
    assert (renewal.message_id, renewal.receives, renewal.is_suspect) == ("m1", 3, True)
    assert handles(stand.sqs.deleted) == ["handle-1"]


def test_a_redriven_message_is_renewed_without_its_history(stand):
    one = stand.receive(1, renewal=Renewal(message_id="first", sent_at=0, receives=9, attempts=3))
    stand.channel.turn()
    stand.channel.proceed(one, Step.RENEW_UNSPENT, records=True)
    assert stand.copies() == [None]
    assert RENEWAL not in stand.sqs.sent[0][0]["MessageAttributes"]


def test_a_message_whose_attempts_are_spent_is_visible_at_once(stand):
    one = stand.receive(1, receives=3)
    stand.channel.turn()
    stand.channel.proceed(one, Step.GIVE_UP, records=True)
    assert stand.released() == ["handle-1"]
    assert stand.sqs.changed[0][0]["VisibilityTimeout"] == 0
    assert stand.sqs.sent == []


def test_a_suspect_is_handed_over_once_its_attempt_is_on_record_and_alone(stand):
    suspect, _ = stand.receive(1, receives=2), stand.receive(2)
    stand.channel.turn()
    suspect.attempts = 0
    stand.channel.proceed(suspect, Step.RUN_ALONE, records=True)
    assert stand.handed_over() == []
    assert stand.owner.begun == [suspect]
    stand.channel.begin(suspect)
    assert stand.handed_over() == ["handle-1"]
    suspect.advance(State.RUNNING)
    stand.channel.release(suspect.receipt_handle, 1)
    assert stand.handed_over() == ["handle-1", "handle-2"]
    assert stand.owner.resumed == 1, "batches that were kept waiting may begin"


def test_a_message_that_cannot_be_renewed_runs_alone(stand):
    stand.channel.sqs = SettlingSQS(refuse)
    stand.channel.settlements.open("http://other")
    one = stand.receive(1, receives=3)
    one.queue_url = "http://other"
    stand.channel.turn()
    one.attempts = 0
    stand.channel.proceed(one, Step.RENEW, records=True)
    poll(lambda: one.is_alone, 2, "it is refused")
    stand.channel.turn()
    assert stand.owner.begun == [one]


@pytest.mark.parametrize("end", ["done", "blocked"])
def test_an_attempt_that_is_on_record_and_has_not_failed_is_withdrawn(stand, end):
    plain, begun = stand.receive(1), stand.receive(2)
    begun.begun = 1
    stand.channel.turn()
    for one in (plain, begun):
        if end == "done":
            stand.channel.basic_ack(one.receipt_handle)
        else:
            stand.channel.postpone(one.receipt_handle, 5)
    assert stand.owner.withdrawn == [begun]


@pytest.mark.parametrize("when", ["looked up", "handed over"])
def test_the_record_of_an_attempt_whose_lease_is_lost_before_it_runs_is_withdrawn(stand, when):
    one = stand.receive(1, receives=2)
    one.begun = 2
    if when == "handed over":
        stand.channel.turn()
        one.attempts = 0
        stand.channel.begin(one)
    one.advance(State.LOST)
    assert stand.handed_over() == []
    assert (stand.owner.withdrawn, stand.channel.in_flight.all()) == ([one], [])


def test_a_suspect_that_is_postponed_runs_with_others_then(stand):
    stand.channel.sqs = SettlingSQS()
    one = stand.receive(1, renewal=Renewal(message_id="first", sent_at=0, receives=3, is_suspect=True))
    stand.channel.turn()
    one.attempts = 0
    stand.channel.proceed(one, Step.RUN_ALONE, records=True)
    stand.channel.turn()
    assert stand.owner.begun == [one]
    stand.channel.hub = AtOnce()
    stand.channel.postpone(one.receipt_handle, 5)
    assert stand.handed_over() == [one.receipt_handle]
    assert stand.owner.begun == [one]  # and no second time alone


def test_what_could_not_be_recorded_runs_alone_where_sqs_does_not_take_its_copy(stand):
    stand.channel.sqs = SettlingSQS(refuse)
    stand.channel.settlements.open("http://other")
    one = stand.receive(1, renewal=Renewal(message_id="first", sent_at=0, receives=3, is_suspect=True))
    one.queue_url = "http://other"
    stand.channel.turn()
    one.attempts = 0
    stand.channel.proceed(one, Step.RUN_ALONE, records=True)
    stand.channel.turn()
    assert stand.owner.begun == [one]
    stand.channel.proceed(one, Step.RENEW, records=False)
    poll(lambda: not one.is_renewable, 2, "it is refused")
    poll(lambda: stand.channel.turn() or stand.owner.begun == [one, one], 2, "it begins all the same")


def test_what_nobody_can_read_is_buried(stand):
    one = stand.receive(1, attributes={RENEWAL: {"DataType": "String", "StringValue": "{"}})
    assert stand.handed_over() == []
    [(buried, error)] = stand.owner.buried
    assert buried is one
    assert RENEWAL in str(error)


def test_in_an_outage_nothing_is_handed_over_and_what_is_parked_follows_it(stand):
    away = [True]
    one = stand.receive(1)
    stand.channel.turn()
    task = type("Task", (), {"name": "a.task", "is_back": lambda self: not away})()
    stand.channel.park(one.receipt_handle, task)
    stand.receive(2)
    assert stand.handed_over() == ["handle-1"]
    assert one.state is State.PARKED
    away.clear()
    poll(lambda: not stand.channel.is_waiting, 5, "it is over")
    assert sorted(stand.handed_over()) == ["handle-1", "handle-1", "handle-2"]


def test_what_is_parked_is_not_handed_over_again_before_the_outage_is_known(stand):
    one = stand.receive(1)
    stand.channel.turn()
    # The event loop takes its turn just when the circuit breaker opens.
    turns = property(lambda self: stand.channel.turn() or "a.task")
    stand.channel.park(one.receipt_handle, type("Task", (), {"name": turns, "is_back": lambda self: False})())
    assert stand.handed_over() == ["handle-1"]
    assert one.state is State.PARKED


@pytest.mark.parametrize("keep", ["park", "postpone"])
def test_what_cannot_be_kept_as_its_lease_has_ended_takes_no_room(stand, keep):
    one = stand.receive(1)
    stand.channel.turn()
    one.advance(State.LOST)
    if keep == "park":
        stand.channel.park(one.receipt_handle, type("Task", (), {"name": "a.task", "is_back": lambda self: True})())
    else:
        stand.channel.postpone(one.receipt_handle, 5)
    assert len(stand.channel.in_flight) == 0


def test_a_suspect_that_sqs_hands_out_twice_with_one_receipt_handle_keeps_nobody_waiting_when_it_has_ended(stand):
    suspect, _, other = stand.receive(1, receives=2), stand.receive(1, receives=2), stand.receive(2)
    stand.channel.turn()
    for one in stand.owner.examined:
        one.attempts = 0
        stand.channel.proceed(one, Step.RUN_ALONE, records=True)
    stand.channel.turn()
    stand.channel.begin(suspect)
    stand.channel.turn()
    stand.channel.basic_ack(suspect.receipt_handle)
    assert stand.handed_over() == ["handle-1", "handle-2"]
    assert other.state is State.RESERVED


def test_batches_that_find_an_outage_over_while_others_are_examined_begin_when_these_are(stand):
    away = [True]
    task = type("Task", (), {"name": "a.task", "is_back": lambda self: not away})()
    stand.channel.depend_on(task)
    one = stand.receive(1, receives=2)
    stand.channel.turn()
    away.clear()
    poll(lambda: not stand.channel.is_waiting, 5, "it is over")
    assert stand.channel.ready.is_exclusive, "so batches wait"
    one.attempts = 0
    stand.channel.proceed(one, Step.RUN, records=True)
    stand.channel.turn()
    assert stand.owner.resumed == 1
