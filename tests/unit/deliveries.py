"""Deliveries for tests, and an SQS that settles them as scripted."""

import threading
import time

from celery_sqs.consume.delivery import Delivery
from celery_sqs.errors import CallFailed
from celery_sqs.message.renewal import renewed

SENT_AT = 1_700_000_000_000  # milliseconds since the epoch: when the message of each delivery was sent

#: A whole call that is refused, and not one of its entries.
DENIED = CallFailed("SendMessageBatch: 403 AccessDenied", "AccessDenied", 403)


def delivery(number, visibility_timeout=30.0, leased_for=None, **more):
    """A delivery of the message `m<number>`; `more` is what `received_message` and `Delivery` take besides."""
    about_message = {name: more.pop(name) for name in ("receives", "renewal", "attributes", "body") if name in more}
    message = received_message(number, **about_message)
    leased_until = time.monotonic() + (visibility_timeout if leased_for is None else leased_for)
    queue, url = more.pop("queue", "q"), more.pop("queue_url", "http://q")
    return Delivery(message, queue, url, visibility_timeout, leased_until, **more)


def received_message(number, receives=1, renewal=None, attributes=None, body="{}"):
    """An entry of ReceiveMessage's answer, of a copy if there is a renewal that it carries."""
    message = {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"handle-{number}",
        "Body": body,
        "Attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(SENT_AT)},
        "MessageAttributes": attributes or {},
    }
    return (
        message if renewal is None else message | {"MessageAttributes": renewed(message, renewal)["MessageAttributes"]}
    )


class SettlingSQS:
    """Takes batch calls as scripted, and does everything once the script is through."""

    def __init__(self, *script):
        self._script = list(script)
        self._lock = threading.Lock()
        self.deleted = []
        self.changed = []
        self.sent = []

    def send_message_batch(self, **parameters):
        return self._answer(self.sent, parameters["Entries"])

    def delete_message_batch(self, **parameters):
        return self._answer(self.deleted, parameters["Entries"])

    def change_message_visibility_batch(self, **parameters):
        return self._answer(self.changed, parameters["Entries"])

    def _answer(self, calls, entries):
        with self._lock:
            calls.append(entries)
            step = self._script.pop(0) if self._script else succeed
        if isinstance(step, BaseException):
            raise step
        return step(entries)


def succeed(entries):
    return {"Successful": [{"Id": entry["Id"]} for entry in entries]}


def refuse(entries):
    """What SQS says of a receipt handle that is worth nothing any more."""
    failed = [{"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid", "SenderFault": True} for entry in entries]
    return {"Failed": failed}


def handles(batches):
    return [entry["ReceiptHandle"] for batch in batches for entry in batch]
