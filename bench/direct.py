"""Empty a queue as fast as the emulator allows: receive ten and delete ten, on several connections, no database.

    python -m bench.direct --endpoint URL --queue-url URL --orders N --connections N

Prints a JSON object with the messages deleted and the seconds from the first delete to the last.
Bare HTTP: boto3 would spend more time on a call than the emulator does.
"""

import argparse
import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

_BATCH: Final = 10
_TIMEOUT: Final = 10  # seconds
_HEADERS: Final = {
    "Content-Type": "application/x-amz-json-1.0",
    # The emulator reads the account from it and checks nothing else.
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, "
    "Signature=0",
}


class Drain:
    """Threads that share the work, each on a connection of its own."""

    def __init__(self, endpoint: str, queue_url: str, orders: int) -> None:
        self._netloc = urlsplit(endpoint).netloc
        self._queue_url = queue_url
        self._orders = orders
        self._deleted: list[tuple[float, int]] = []  # when, and how many; list.append is atomic

    def run(self, connections: int) -> dict[str, float]:
        """Empty the queue."""
        with ThreadPoolExecutor(connections) as threads:
            list(threads.map(self._work, range(connections)))
        self._deleted.sort()
        (first, with_the_first), (last, _) = self._deleted[0], self._deleted[-1]
        return {
            "messages": sum(count for _, count in self._deleted) - with_the_first,
            "seconds": last - first,
        }

    def _work(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._netloc, timeout=_TIMEOUT)
        while sum(count for _, count in self._deleted) < self._orders:
            request = {"MaxNumberOfMessages": _BATCH, "WaitTimeSeconds": 0, "MessageAttributeNames": ["All"]}
            messages = self._call(connection, "ReceiveMessage", request).get("Messages", [])
            if not messages:
                return  # the others have the rest
            entries = [{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)]
            done = self._call(connection, "DeleteMessageBatch", {"Entries": entries})
            self._deleted.append((time.monotonic(), len(done["Successful"])))

    def _call(self, connection: http.client.HTTPConnection, action: str, parameters: dict[str, Any]) -> dict[str, Any]:
        body = json.dumps({"QueueUrl": self._queue_url, **parameters})
        connection.request("POST", "/", body, {"X-Amz-Target": f"AmazonSQS.{action}", **_HEADERS})
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--endpoint", required=True)
    parser.add_argument("--queue-url", required=True)
    parser.add_argument("--orders", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    given = parser.parse_args()
    result = Drain(given.endpoint, given.queue_url, given.orders).run(given.connections)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
