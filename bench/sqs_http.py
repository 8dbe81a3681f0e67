"""SQS over plain HTTP: boto3 would spend more time on a call than the emulator does."""

import http.client
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

BATCH: Final = 10  # messages that SQS sends, receives and deletes in one call at the most

_TIMEOUT: Final = 30  # seconds; with a very long queue the emulator takes its time
_OK: Final = 200
_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    # The emulator reads the account from it and checks nothing else.
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, "
    "Signature=0",
}


class HttpQueue:
    """A queue on a connection of its own, for one thread."""

    def __init__(self, endpoint: str, queue_url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=_TIMEOUT)
        self._queue_url = queue_url

    def send(self, entries: Sequence[dict[str, Any]]) -> None:
        """Send up to ten messages; all of them are in the queue when it returns.

        Raises:
            RuntimeError: SQS did not accept all of them.
        """
        named = [{"Id": str(position), **entry} for position, entry in enumerate(entries)]
        answer = self._call("SendMessageBatch", {"Entries": named})
        if answer.get("Failed"):
            raise RuntimeError(f"not sent: {answer['Failed']}")

    def receive(self) -> list[dict[str, Any]]:
        """Up to ten messages, without waiting for any."""
        request = {"MaxNumberOfMessages": BATCH, "WaitTimeSeconds": 0, "MessageAttributeNames": ["All"]}
        messages: list[dict[str, Any]] = self._call("ReceiveMessage", request).get("Messages", [])
        return messages

    def delete(self, messages: Sequence[dict[str, Any]]) -> int:
        """Delete received messages; returns how many were deleted."""
        entries = [{"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]} for i, message in enumerate(messages)]
        return len(self._call("DeleteMessageBatch", {"Entries": entries})["Successful"])

    def waiting(self) -> int:
        """The number of visible messages."""
        names = {"AttributeNames": ["ApproximateNumberOfMessages"]}
        return int(self._call("GetQueueAttributes", names)["Attributes"]["ApproximateNumberOfMessages"])

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _call(self, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"QueueUrl": self._queue_url, **parameters})
        self._connection.request("POST", "/", body, {"X-Amz-Target": f"AmazonSQS.{action}", **_HEADERS})
        response = self._connection.getresponse()
        text = response.read()
        if response.status != _OK:
            raise RuntimeError(f"{action}: {response.status} {text[:200]!r}")
        answer: dict[str, Any] = json.loads(text)
        return answer
