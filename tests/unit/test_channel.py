"""The channel on one turn of its event loop: what is examined, handed over, renewed, and parted with at a stop."""

import pytest
from celery import Celery

import celery_sqs
from celery_sqs.consume.budget import Step
from celery_sqs.consume.delivery import State
from celery_sqs.consume.owner import Owner
from celery_sqs.consume.transport import Channel, Transport
from celery_sqs.message.renewal import RENEWAL, Renewal, opened
from tests.polling import poll
from tests.unit.deliveries import SettlingSQS, delivery, handles

QUEUE = "q"
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/q"
CALL = {"celery_task": {"DataType": "String", "StringValue": "a.task"}}
RECEIVES = 3


class UnconnectedChannel(Channel):
    """One that calls an SQS in memory."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sqs = SettlingSQS()
        self.settlements.open(URL)

    def _connect(self, wait=0):
        return self.sqs

    @property
    def settlements(self):
        return self._settlements

    def turn(self):
        """What the event loop does when it is woken."""
        self._on_wakeup()


class UnconnectedTransport(Transport):
    Channel = UnconnectedChannel


class NotedOwner(Owner):
    """A worker whose task keeps a record, or does not; a test gives its answers."""

    def __init__(self, channel, has_store=True):
        super().__init__(channel)
        self.has_store = has_store
        self.examined, self.begun, self.done, self.buried, self.resumed = [], [], [], [], 0

    def records(self, delivery):
        return self.has_store

    def examine(self, deliveries):
        self.examined.extend(deliveries)

    def begin(self, delivery):
        self.begun.append(delivery)

    def succeeded(self, delivery):
        self.done.append(delivery)

    def bury(self, delivery, error):
        self.buried.append((delivery, error))

    def resume(self):
        self.resumed += 1

    def is_hurried(self):
        return True


class Stand:
    """A channel with a consumer on it."""

    def __init__(self):
        app = Celery("channel", set_as_current=False)
        celery_sqs.setup(app, queues={QUEUE: URL})
        app.conf.broker_transport = "tests.unit.test_channel:UnconnectedTransport"
        self.connection = app.connection_for_read()
        self.channel = self.connection.default_channel
        self.channel.in_flight.resize(100)
        self.received = []
        self.channel.basic_consume(QUEUE, no_ack=False, callback=self.received.append, consumer_tag="tag")
        self.owner = self.channel.owner = NotedOwner(self.channel)

    @property
    def sqs(self):
        return self.channel.sqs

    def receive(self, number, attributes=CALL, **more):
        """A message comes; the event loop has not seen it yet."""
        one = delivery(number, attributes=attributes, max_receive_count=RECEIVES, queue_url=URL, **more)
        self.channel.in_flight.add(one)
        self.channel.ready.add([one])
        return one

    def handed_over(self):
        self.channel.turn()
        return [message.delivery_tag for message in self.received]

    def copies(self):
        """The entries of all copies that were sent, and what each carries."""
        self.channel.settlements.close(5)
        entries = [entry for batch in self.sqs.sent for entry in batch]
        return [opened(entry | {"Attributes": {"ApproximateReceiveCount": "1"}})[1] for entry in entries]

    def released(self):
        self.channel.settlements.close(5)
        return handles(self.sqs.changed)


def refuse(entries):
    return {"Failed": [{"Id": entry["Id"], "Code": "InvalidParameterValue", "SenderFault": True} for entry in entries]}


@pytest.fixture
def stand():
    stand = Stand()
    yield stand
    stand.connection.release()


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


def test_the_success_of_an_attempt_that_was_on_record_is_reported(stand):
    plain, begun = stand.receive(1), stand.receive(2)
    begun.begun = 1
    stand.channel.turn()
    for one in (plain, begun):
        stand.channel.basic_ack(one.receipt_handle)
    assert stand.owner.done == [begun]


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


class TestStop:
    @pytest.mark.parametrize("receives", [1, 2, 3])
    def test_what_has_not_begun_is_renewed_where_attempts_are_on_record(self, stand, receives):
        one = stand.receive(1, receives=receives)
        one.attempts = 0
        stand.channel.part_with(one)
        [renewal] = stand.copies()
        assert (renewal.receives, renewal.attempts) == (receives, 0)
        assert handles(stand.sqs.deleted) == ["handle-1"]

    def test_what_has_not_begun_is_no_suspect_for_it(self, stand):
        one = stand.receive(1)
        stand.channel.part_with(one)
        [renewal] = stand.copies()
        assert not renewal.is_suspect

    def test_what_was_not_looked_up_is_renewed_and_says_so(self, stand):
        one = stand.receive(1, receives=3)
        stand.channel.part_with(one)
        [renewal] = stand.copies()
        assert renewal.attempts is None

    def test_what_is_spent_is_released(self, stand):
        one = stand.receive(1, receives=2)
        one.attempts = RECEIVES
        stand.channel.part_with(one)
        assert (stand.copies(), stand.released()) == ([], ["handle-1"])

    @pytest.mark.parametrize(("receives", "renewed"), [(1, False), (2, False), (3, True)])
    def test_without_a_record_only_the_last_receive_is_renewed(self, stand, receives, renewed):
        stand.owner.has_store = False
        stand.channel.part_with(stand.receive(1, receives=receives))
        copies, released = stand.copies(), stand.released()
        assert (len(copies), len(released)) == ((1, 0) if renewed else (0, 1))
        assert [copy.attempts for copy in copies] == [2] * renewed, "each receive before counts, and this one does not"

    def test_without_a_redrive_policy_it_is_released(self, stand):
        one = stand.receive(1)
        one.max_receive_count = None
        stand.channel.part_with(one)
        assert (stand.copies(), stand.released()) == ([], ["handle-1"])

    def test_on_a_fifo_queue_it_is_released(self, stand):
        stand.channel.part_with(stand.receive(1, is_renewable=False))
        assert (stand.copies(), stand.released()) == ([], ["handle-1"])

    def test_what_cannot_be_renewed_is_released(self, stand):
        stand.channel.sqs = SettlingSQS(refuse)
        stand.channel.settlements.open("http://other")
        one = stand.receive(1)
        one.queue_url = "http://other"
        stand.channel.part_with(one)
        poll(lambda: stand.sqs.changed, 2, "it is released")
        assert handles(stand.sqs.changed) == ["handle-1"]
        assert stand.owner.begun == []

    def test_closing_parts_with_all_that_is_in_flight(self, stand):
        handed, waiting = stand.receive(1), stand.receive(2, receives=2)
        stand.channel.turn()
        under_way = stand.receive(3, receives=3)
        under_way.attempts = 0
        stand.channel.proceed(under_way, Step.RENEW, records=True)
        stand.channel.close()
        sent = [entry for batch in stand.sqs.sent for entry in batch]
        assert len(sent) == 3, "what is being renewed is renewed once"
        assert sorted(handles(stand.sqs.deleted)) == ["handle-1", "handle-2", "handle-3"]
        assert {one.state for one in (handed, waiting, under_way)} == {State.SETTLED}
