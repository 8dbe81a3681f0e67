"""Task calls as Celery hands them to a transport, and messages as SQS hands them to a receiver."""

from uuid import uuid4

from celery import Celery

from tasks.sqs import exact_json, wire

QUEUE = "orders"
QUEUE_URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
DEFAULT_TASK = "persist_order"

_celery = Celery("envelopes", set_as_current=False)


def an_envelope(*args, task="a_task", task_id=None, kwargs=None, headers=None, **options):
    """Celery's own message of a task call; `options` are those of `apply_async`."""
    message = _celery.amqp.as_task_v2(task_id or str(uuid4()), task, args, kwargs, **options)
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


def decode(message, default_task=DEFAULT_TASK):
    return wire.decode(message, QUEUE, QUEUE_URL, default_task)


def there_and_back(envelope):
    """What the worker gets of what the caller sent."""
    sent = wire.encode(envelope)
    return decode(received(sent.body, sent.attributes))
