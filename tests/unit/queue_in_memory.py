"""A queue in memory, which answers as SQS does: messages with ages, receives, sends and deletes."""

import itertools
import json
import threading
import time

RETENTION = 1000  # seconds


class QueueInMemory:
    """Gives messages oldest first, or in the order that `order` makes of them.

    Attributes:
        messages: those in the queue; `hidden` have been received.
        receives: how many calls of ReceiveMessage there were.
    """

    def __init__(self, url="http://q", order=None, **attributes):
        self._url = url
        self._order = order
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._attributes = {
            "VisibilityTimeout": "30",
            "MessageRetentionPeriod": str(RETENTION),
            "RedrivePolicy": json.dumps({"maxReceiveCount": 3, "deadLetterTargetArn": "arn:dlq"}),
            "QueueArn": "arn:q",
        } | attributes
        self.messages = []
        self.hidden = {}
        self.receives = 0
        self.error = None
        self.refuses_copies = False

    def put(self, age=0.0, receives=0, body="{}", attributes=None):
        """Add a message of an age in seconds, which has been received so often before."""
        number = next(self._numbers)
        sent_at = int((time.time() - age) * 1000)
        self.messages.append(
            {
                "MessageId": f"m{number}",
                "Body": body,
                "MessageAttributes": attributes or {},
                "Attributes": {"SentTimestamp": str(sent_at), "ApproximateReceiveCount": str(receives)},
            }
        )

    def oldest(self):
        """Age in seconds of the oldest message that is visible; 0 without one."""
        sent_at = [int(each["Attributes"]["SentTimestamp"]) / 1000 for each in self.messages]
        return time.time() - min(sent_at) if sent_at else 0.0

    def get_queue_attributes(self, **_):
        return {"Attributes": self._attributes}

    def receive_message(self, **parameters):
        with self._lock:
            self.receives += 1
            if self.error:
                raise self.error
            if self._order:
                self._order(self.messages)
            taken = self.messages[: parameters["MaxNumberOfMessages"]]
            del self.messages[: len(taken)]
            return {"Messages": [self._given(message) for message in taken]}

    def _given(self, message):
        handle = f"handle-{next(self._numbers)}"
        received = int(message["Attributes"]["ApproximateReceiveCount"]) + 1
        message["Attributes"] |= {"ApproximateReceiveCount": str(received)}
        self.hidden[handle] = message
        return message | {"ReceiptHandle": handle, "Attributes": dict(message["Attributes"])}

    def send_message_batch(self, **parameters):
        ids = [{"Id": entry["Id"]} for entry in parameters["Entries"]]
        if self.refuses_copies:
            return {"Failed": [entry | {"Code": "AccessDenied", "SenderFault": True} for entry in ids]}
        with self._lock:
            for entry in parameters["Entries"]:
                self.put(body=entry["MessageBody"], attributes=entry["MessageAttributes"])
        return {"Successful": ids}

    def delete_message_batch(self, **parameters):
        with self._lock:
            for entry in parameters["Entries"]:
                self.hidden.pop(entry["ReceiptHandle"], None)
        return {"Successful": [{"Id": entry["Id"]} for entry in parameters["Entries"]]}
