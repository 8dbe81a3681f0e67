"""Task calls as Celery passes them to a transport, messages as SQS delivers them, and how Celery decodes them."""

import pickle
from typing import Any
from uuid import uuid4

from celery import Celery
from celery.worker.request import Request
from kombu import Connection
from kombu.serialization import prepare_accept_content
from kombu.transport import SQS

from celery_sqs.message import exact_json, wire

QUEUE = "orders"
QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
DEFAULT_TASK = "persist_order"

_celery = Celery("envelopes", broker="memory://", set_as_current=False)
_of_protocol1 = Celery("envelopes", broker="memory://", set_as_current=False)
_of_protocol1.conf.task_protocol = 1


@_celery.task(name=DEFAULT_TASK, shared=False)  # for no other app in the process
def _a_task(*args, **kwargs):
    """Only has to be registered."""


def an_envelope(*args, task="a_task", task_id=None, kwargs=None, headers=None, **options):
    """Celery's own message of a task call; `options` are those of `apply_async`."""
    ours = {"ignore_result": None, "argsrepr": "", "kwargsrepr": ""}
    message = _celery.amqp.as_task_v2(task_id or str(uuid4()), task, args, kwargs, **ours | options)
    return {
        "body": exact_json.dumps(message.body),
        "content-type": exact_json.CONTENT_TYPE,
        "content-encoding": "utf-8",
        "headers": message.headers | (headers or {}),
        "properties": message.properties | {"delivery_info": {"exchange": "", "routing_key": QUEUE}},
    }


def received(body, attributes=None, receive_count="1"):
    """An entry of ReceiveMessage's answer."""
    message = {
        "MessageId": "the-message-id",
        "ReceiptHandle": "the-receipt-handle",
        "Body": body,
        "Attributes": {"ApproximateReceiveCount": receive_count},
    }
    # SQS leaves the key out where there are none.
    return message | ({"MessageAttributes": attributes} if attributes else {})


def text_attribute(text):
    return {"DataType": "String", "StringValue": text}


def exact(task):
    """Every task gets exact numbers."""
    return True


def as_celery(task):
    """No task does."""
    return False


def encode(envelope, is_exact=exact):
    return wire.encode(envelope, is_exact)


def decode(message, default_task=DEFAULT_TASK, is_exact=exact):
    return wire.decode(message, QUEUE, QUEUE_URL, default_task, is_exact)


def there_and_back(envelope, is_exact=exact):
    """What the worker gets of what the caller sent."""
    sent = encode(envelope, is_exact)
    return decode(received(sent.body, sent.attributes), is_exact=is_exact)


class _Sent(SQS.Channel):
    """kombu's own channel, which keeps what it would send."""

    bodies: list[str]

    def sqs(self, queue=None):
        return self

    def send_message(self, **message: Any):
        self.bodies.append(message["MessageBody"])

    def _size(self, queue):
        return 0


class _SentTransport(SQS.Transport):
    Channel = _Sent


def plain_celery(*args, kwargs=None, base64=True, body_encoding="base64", protocol=2, **options):
    """The SQS body of a call as Celery sends it without our transport."""
    app = _of_protocol1 if protocol == 1 else _celery
    options = {"serializer": "json", "queue": QUEUE, "task_id": str(uuid4())} | options
    queues = {QUEUE: {"url": QUEUE_URL}}
    transport_options = {"predefined_queues": queues, "sqs_base64_encoding": base64}
    with Connection("sqs://", transport=_SentTransport, transport_options=transport_options) as connection:
        channel = connection.channel()
        channel.bodies = []
        channel.body_encoding = body_encoding
        with app.amqp.Producer(channel) as producer:
            app.send_task(options.pop("task", "a_task"), args, kwargs, producer=producer, **options)
    [body] = channel.bodies
    return body


class _Pool:
    """A prefork pool up to its pipe: what it is given has to be picklable."""

    def apply_async(self, target, args, **options):
        self.sent = pickle.dumps(args)


_channel = Connection("memory://").channel()


def request_of(payload):
    """Celery's request of a decoded message, made and run as its worker does, up to the pool.

    No exception is allowed on the way: in a worker's main process it would end the polling, or
    delete the message.
    """
    message = _channel.message_to_python(payload)
    assert not message.errors
    message.accept = prepare_accept_content(wire.ACCEPTED)
    assert message.payload == payload[wire.CALL]
    request = Request(message, app=_celery, task=_a_task, hostname="a-host", body=message.body, headers=message.headers)
    request.execute_using_pool(_Pool())
    assert str(request)
    assert repr(request)
    assert request._context.id == request.id  # what Celery's failure handlers work with
    return request
