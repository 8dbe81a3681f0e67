"""A delivery ends once: its message is deleted, released, or renewed and then deleted."""

import time

import pytest

from celery_sqs.consume.delivery import State
from celery_sqs.consume.in_flight import InFlight
from celery_sqs.consume.settling.settlements import Settlements
from celery_sqs.message.renewal import RENEWAL, Renewal, opened
from tests.polling import poll
from tests.unit.deliveries import SettlingSQS, delivery, handles, succeed


class LoggingSQS(SettlingSQS):
    """Notes in which order it is called."""

    def __init__(self, *script):
        super().__init__(*script)
        self.log = []

    def send_message_batch(self, **parameters):
        answer = super().send_message_batch(**parameters)
        self.log.append("confirmed")
        return answer

    def delete_message_batch(self, **parameters):
        self.log.append("delete")
        return super().delete_message_batch(**parameters)


class Stand:
    """The settlements of one queue, and what they say."""

    def __init__(self, *script):
        self.sqs = LoggingSQS(*script)
        self.in_flight = InFlight()
        self.in_flight.resize(100)
        self.ended, self.refused = [], []
        self.settlements = Settlements(lambda wait: self.sqs, self.in_flight, self.ended.append, self.refused.append)
        self.settlements.open("http://q")

    def receive(self, number, **more):
        one = delivery(number, max_receive_count=3, **more)
        self.in_flight.add(one)
        return one


def refused(entries):
    return {"Failed": [{"Id": entry["Id"], "Code": "InvalidParameterValue", "SenderFault": True} for entry in entries]}


@pytest.fixture
def stand():
    return Stand()


def test_what_is_done_is_deleted_and_makes_room(stand):
    one = stand.receive(1)
    stand.settlements.delete(one)
    stand.settlements.close(5)
    assert handles(stand.sqs.deleted) == ["handle-1"]
    assert (one.state, len(stand.in_flight), stand.ended) == (State.SETTLED, 0, ["handle-1"])


def test_what_is_released_is_visible_after_its_delay(stand):
    stand.settlements.release(stand.receive(1), 7)
    stand.settlements.close(5)
    [[entry]] = stand.sqs.changed
    assert (entry["ReceiptHandle"], entry["VisibilityTimeout"]) == ("handle-1", 7)


def test_what_is_being_renewed_is_not_released_beside_its_copy(stand):
    one = stand.receive(1)
    stand.settlements.renew(one, True, "stop")
    stand.settlements.release(one)
    stand.settlements.close(5)
    assert (stand.sqs.log, stand.sqs.changed) == (["confirmed", "delete"], [])


def test_what_has_ended_does_not_end_again(stand):
    one = stand.receive(1)
    stand.settlements.delete(one)
    stand.settlements.release(one)
    stand.settlements.renew(one, True, "stop")
    stand.settlements.close(5)
    assert (stand.sqs.changed, stand.sqs.sent) == ([], [])


def test_a_renewed_message_is_sent_with_its_history_and_deleted_then(stand):
    one = stand.receive(1, receives=2, body='{"a": 1}')
    one.learn({1}, None)
    stand.settlements.renew(one, True, "returned")
    poll(lambda: stand.sqs.deleted, 2, "it is deleted")
    assert stand.sqs.log == ["confirmed", "delete"]
    [[entry]] = stand.sqs.sent
    copy = {"MessageId": "copy", "Body": entry["MessageBody"], "MessageAttributes": entry["MessageAttributes"]}
    message, renewal = opened(copy | {"Attributes": {"ApproximateReceiveCount": "1"}})
    assert message["Body"] == '{"a": 1}'
    assert renewal == Renewal(message_id="m1", sent_at=one.sent_at, receives=2, attempts=1)
    assert (one.state, len(stand.in_flight)) == (State.SETTLED, 0)


@pytest.mark.parametrize(("age", "is_noted"), [(3500, False), (3700, True)], ids=["younger than an hour", "older"])
def test_a_renewal_of_an_old_message_is_noted_whatever_the_age_of_its_copy(stand, age, is_noted):
    first = Renewal(message_id="first", sent_at=round((time.time() - age) * 1000), receives=1)
    stand.settlements.renew(stand.receive(1, renewal=first), True, "old")
    poll(lambda: stand.sqs.deleted, 2, "it is renewed")
    noted = stand.in_flight.renewed_at
    assert noted == pytest.approx(time.time(), abs=60) if is_noted else noted is None


def test_a_message_stays_in_flight_and_leased_until_its_copy_is_confirmed():
    stand = Stand(ConnectionResetError(), ConnectionResetError())
    one = stand.receive(1)
    stand.settlements.renew(one, True, "stop")
    poll(lambda: len(stand.sqs.sent) == 1, 2, "the first try has failed")
    assert (one.state, stand.in_flight.get("handle-1")) == (State.RENEWING, one)
    poll(lambda: stand.sqs.deleted, 5, "the third has not")


def test_a_message_is_renewed_once_however_often_it_is_asked_for(stand):
    one = stand.receive(1)
    for _ in range(3):
        stand.settlements.renew(one, True, "stop")
    stand.settlements.close(5)
    assert len(stand.sqs.sent) == 1


def test_a_redriven_message_is_sent_as_a_new_one(stand):
    renewal = Renewal(message_id="first", sent_at=5, receives=9, attempts=3)
    one = stand.receive(1, renewal=renewal, attributes={"x": {"DataType": "String", "StringValue": "y"}})
    stand.settlements.renew_unspent(one, "redriven")
    poll(lambda: stand.sqs.deleted, 2, "it is deleted")
    [[entry]] = stand.sqs.sent
    assert RENEWAL not in entry["MessageAttributes"]
    assert entry["MessageAttributes"] == {"x": {"DataType": "String", "StringValue": "y"}}


def test_a_message_whose_copy_is_refused_is_ready_again_and_not_renewed_any_more():
    stand = Stand(refused)
    one = stand.receive(1)
    stand.settlements.renew(one, True, "returned")
    assert poll(lambda: stand.refused, 2, "it is refused") == [one]
    assert (one.state, one.is_renewable) == (State.READY, False)
    assert (stand.sqs.deleted, stand.in_flight.get("handle-1")) == ([], one)


def test_a_message_that_is_lost_while_it_is_renewed_is_left():
    stand = Stand(*[ConnectionResetError()] * 100)
    one = stand.receive(1, leased_for=0.2)
    stand.settlements.renew(one, True, "stop")
    poll(lambda: not len(stand.in_flight), 5, "it is left")
    assert (stand.sqs.deleted, stand.refused) == ([], [])


def test_closing_sends_what_waits_and_deletes_what_was_sent():
    def slow(entries):
        time.sleep(0.3)
        return succeed(entries)

    stand = Stand(slow)
    for number in range(5):
        stand.settlements.renew(stand.receive(number), True, "stop")
    stand.settlements.close(5)
    assert sorted(handles(stand.sqs.deleted)) == [f"handle-{number}" for number in range(5)]


def test_what_is_left_is_neither_deleted_nor_released(stand):
    one = stand.receive(1)
    assert stand.settlements.drop(one)
    assert not stand.settlements.drop(one)
    stand.settlements.close(5)
    assert (stand.sqs.deleted, stand.sqs.changed, one.state) == ([], [], State.SETTLED)


def test_what_was_done_and_not_deleted_is_known_by_its_copy(stand):
    late = stand.receive(1, leased_for=-1)
    stand.settlements.delete(late)
    assert stand.settlements.is_done(delivery(1, receives=2))
    assert not stand.settlements.is_done(delivery(2, renewal=Renewal(message_id="m1", sent_at=0, receives=1)))


def test_what_cannot_be_renewed_as_its_lease_has_ended_takes_no_room(stand):
    one = stand.receive(1)
    one.advance(State.LOST)
    stand.settlements.renew(one, True, "returned")
    assert (len(stand.in_flight), stand.ended) == (0, ["handle-1"])


def test_nor_does_one_whose_lease_has_ended_when_its_copy_is_refused():
    def lose(entries):
        one.advance(State.LOST)
        return refused(entries)

    stand = Stand(lose)
    one = stand.receive(1)
    stand.settlements.renew(one, True, "returned")
    stand.settlements.close(5)
    assert (len(stand.in_flight), stand.ended, stand.refused) == (0, ["handle-1"], [])


def test_messages_of_several_queues_are_deleted_together_each_from_its_own():
    stand = Stand()
    stand.settlements.open("http://other")
    first, second = stand.receive(1), stand.receive(2)
    third = stand.receive(3)
    second.queue_url = "http://other"
    stand.in_flight.pop(third.receipt_handle)
    all_three = [one.receipt_handle for one in (first, second, third)]
    assert stand.settlements.delete_all(all_three) == [first, second]
    assert {first.state, second.state} == {State.SETTLED}
    assert not len(stand.in_flight)
    stand.settlements.close(2)
    assert sorted(stand.sqs.log) == ["delete", "delete"]
