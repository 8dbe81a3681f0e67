"""The loop that one writes by hand: receive ten, insert them in one statement, delete ten; then again."""

import json
import os
import sys
from typing import Any

import boto3

from bench.peers.table import connection, insert

_WAIT = 20  # seconds of a long poll
_BATCH = 10  # the most that SQS hands out, and deletes, in one call


def main() -> None:
    """Drain the queue until the process is ended."""
    sqs = boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT"], region_name="us-east-1")
    queue_url = os.environ["SQS_QUEUE_URL"]
    connection()
    sys.stdout.write("ready.\n")
    sys.stdout.flush()
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=_WAIT,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = answer.get("Messages", [])
        if messages:
            insert([_order(message) for message in messages], "hand-loop")
            sqs.delete_message_batch(
                QueueUrl=queue_url,
                Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)],
            )


def _order(message: Any) -> tuple[dict[str, Any], str, int]:
    receives = int(message["Attributes"]["ApproximateReceiveCount"])
    return json.loads(message["Body"]), message["MessageId"], receives


if __name__ == "__main__":
    main()
