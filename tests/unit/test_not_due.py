"""What is received before its ETA: it is renewed with a delay, and neither runs, nor waits here, nor pays for it."""

import json
import time
from datetime import UTC, datetime

import pytest

from celery_sqs.message.renewal import Renewal
from tests.polling import poll
from tests.unit.channels import CALL, refuse
from tests.unit.deliveries import SettlingSQS, delivery, handles
from tests.unit.envelopes import exact

FAR = 4000  # seconds


class LateLoop:
    """An event loop whose timers the test fires."""

    def __init__(self):
        self.timers = []

    def call_later(self, seconds, call, arguments):
        self.timers.append((seconds, call, arguments))

    def fire(self):
        fired, self.timers = self.timers, []
        for _, call, arguments in fired:
            call(arguments)


def due_in(seconds):
    """The attributes of a call that is due then."""
    text = json.dumps({"eta": datetime.fromtimestamp(time.time() + seconds, UTC).isoformat()})
    return CALL | {"celery_headers": {"DataType": "String", "StringValue": text}}


def sent(stand):
    stand.channel.settlements.close(5)
    return [entry for batch in stand.sqs.sent for entry in batch]


def test_it_is_sent_again_with_a_delay_and_what_is_due_is_handed_over(stand):
    ones = [stand.receive(number, due_in(seconds)) for number, seconds in enumerate((FAR, 30.5, -1))]
    assert stand.handed_over() == ["handle-2"]
    entries = sent(stand)
    assert sorted(entry["DelaySeconds"] for entry in entries) == [31, 900]
    headers = [entry["MessageAttributes"]["celery_headers"]["StringValue"] for entry in entries]
    assert sorted(headers) == sorted(
        one.message["MessageAttributes"]["celery_headers"]["StringValue"] for one in ones[:2]
    )
    assert sorted(handles(stand.sqs.deleted)) == ["handle-0", "handle-1"]
    assert stand.channel.in_flight.all() == ones[2:]


def test_a_queue_with_a_short_retention_is_not_left_to_delete_it(stand):
    stand.receive(1, due_in(FAR), longest_delay=15)
    assert [entry["DelaySeconds"] for entry in sent(stand)] == [15]


def test_it_is_neither_looked_up_nor_begun_nor_in_the_way_of_others(stand):
    stand.receive(1, due_in(FAR), receives=2)
    stand.receive(2)
    assert stand.handed_over() == ["handle-2"]
    assert (stand.owner.examined, stand.owner.begun) == ([], [])


@pytest.mark.parametrize("receives", [1, 2, 3])
@pytest.mark.parametrize("has_store", [True, False])
@pytest.mark.parametrize("when", ["received", "at a stop"])
def test_it_pays_nothing_for_any_receive_and_is_no_suspect(stand, receives, has_store, when):
    stand.owner.has_store = has_store
    before = Renewal(message_id="first", sent_at=1, receives=4, attempts=1, receives_since=1)
    if when == "received":
        stand.receive(1, due_in(FAR), receives=receives, renewal=before)
    else:
        one = delivery(1, attributes=due_in(FAR), receives=receives, renewal=before, queue_url="http://other")
        stand.channel.settlements.open("http://other")
        stand.channel.in_flight.add(one)
        stand.channel.settle_at_stop(one)
    [copy] = stand.copies()
    assert copy == Renewal(message_id="first", sent_at=1, receives=4 + receives, attempts=1, receives_since=1)
    assert stand.released() == []


def test_after_any_number_of_copies_its_first_run_is_its_first_attempt():
    one = delivery(1, attributes=due_in(FAR))
    for number in range(2, 50):
        one = delivery(number, attributes=due_in(FAR), receives=2, renewal=one.next_renewal(records=False))
    last = delivery(50, attributes=due_in(-1), renewal=one.next_renewal(records=False))
    last.count_receives()
    assert (last.attempts, last.receive_count, last.decoded(None, exact)["headers"]["retries"]) == (0, 98, 0)
    last.learn(set(), None)
    assert not last.budget(records=True).is_unexplained


@pytest.mark.parametrize("cannot", ["FIFO", "refused"])
def test_one_that_cannot_be_renewed_waits_in_the_worker(stand, cannot):
    stand.channel.sqs = SettlingSQS(refuse)
    stand.channel.settlements.open("http://other")
    stand.channel.hub = LateLoop()
    one = delivery(1, attributes=due_in(0.3), queue_url="http://other", is_renewable=cannot != "FIFO")
    stand.channel.in_flight.add(one)
    stand.channel._on_received([one])
    poll(lambda: not one.is_renewable, 2, "it cannot be renewed")
    assert stand.handed_over() == []
    [(seconds, _, waiting)] = poll(lambda: stand.channel.turn() or stand.channel.hub.timers, 2, "it waits")
    assert (seconds, waiting) == (1, [one])
    time.sleep(0.3)
    stand.channel.hub.fire()
    assert stand.handed_over() == ["handle-1"]


def test_one_that_waits_in_the_worker_and_has_lost_its_lease_is_left_to_others(stand):
    stand.channel.hub = LateLoop()
    one = stand.receive(1, due_in(FAR), is_renewable=False)
    stand.channel.turn()
    one.leased_until = 0
    stand.channel.hub.fire()
    assert stand.handed_over() == []
    assert (stand.channel.in_flight.all(), stand.released()) == ([], [])
