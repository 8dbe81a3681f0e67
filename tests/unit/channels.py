"""A channel without a worker and with an SQS in memory, turned by hand."""

from celery import Celery

import celery_sqs
from celery_sqs.consume.owner import Owner
from celery_sqs.consume.transport import Channel, Transport
from celery_sqs.message.renewal import opened
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
        self.has_store, self.is_cold = has_store, True
        self.examined, self.begun, self.withdrawn, self.buried, self.resumed = [], [], [], [], 0

    def records(self, delivery):
        return self.has_store

    def examine(self, deliveries):
        self.examined.extend(deliveries)

    def begin(self, delivery):
        self.begun.append(delivery)

    def withdraw(self, delivery):
        if delivery.begun is not None:
            self.withdrawn.append(delivery)

    def bury(self, delivery, error):
        self.buried.append((delivery, error))

    def resume(self):
        self.resumed += 1

    def is_cold_shutdown(self):
        return self.is_cold


class Stand:
    """A channel with a consumer on it."""

    def __init__(self):
        app = Celery("channel", set_as_current=False)
        celery_sqs.setup(app, queues={QUEUE: URL})
        app.conf.broker_transport = "tests.unit.channels:UnconnectedTransport"
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
        """A message comes, as from a receiver; the event loop has not seen it yet."""
        one = delivery(number, attributes=attributes, max_receive_count=RECEIVES, queue_url=URL, **more)
        if self.channel.in_flight.add(one):
            self.channel._on_received([one])
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
