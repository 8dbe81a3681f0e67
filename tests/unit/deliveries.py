"""Deliveries for tests, and an SQS that settles them as scripted."""

import threading
import time

from celery_sqs.consume.delivery import Delivery


def delivery(number, visibility_timeout=30.0, leased_for=None):
    message = {"MessageId": f"m{number}", "ReceiptHandle": f"handle-{number}", "Body": "{}"}
    leased_until = time.monotonic() + (visibility_timeout if leased_for is None else leased_for)
    return Delivery(message, "q", "http://q", visibility_timeout, leased_until)


class SettlingSQS:
    """Takes batch calls as scripted, and does everything once the script is through."""

    def __init__(self, *script):
        self._script = list(script)
        self._lock = threading.Lock()
        self.deleted = []
        self.changed = []

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
