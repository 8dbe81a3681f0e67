"""A hand-written loop: receive, insert, delete; then again.

python -m bench.peers.hand_loop.loop 1     one order at a time, as the architecture decision has it
python -m bench.peers.hand_loop.loop 10    as many as SQS delivers at once, in one statement
"""

import json
import os
import sys
from typing import Any, Final

import boto3

from bench.peers.table import connection, insert

_WAIT: Final = 20  # seconds of a long poll


def main() -> None:
    """Drain the queue until the process is ended."""
    at_once = int(sys.argv[1])
    sqs = boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT"], region_name="us-east-1")
    queue_url = os.environ["SQS_QUEUE_URL"]
    connection()
    sys.stdout.write("ready.\n")
    sys.stdout.flush()
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            MaxNumberOfMessages=at_once,
            WaitTimeSeconds=_WAIT,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        messages = answer.get("Messages", [])
        if messages:
            insert([_order(message) for message in messages], "hand-loop")
            _delete(sqs, queue_url, messages)


def _order(message: Any) -> tuple[dict[str, Any], str, int]:
    receives = int(message["Attributes"]["ApproximateReceiveCount"])
    return json.loads(message["Body"]), message["MessageId"], receives


def _delete(sqs: Any, queue_url: str, messages: list[Any]) -> None:
    if len(messages) == 1:
        sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=messages[0]["ReceiptHandle"])
        return
    sqs.delete_message_batch(
        QueueUrl=queue_url,
        Entries=[{"Id": str(i), "ReceiptHandle": m["ReceiptHandle"]} for i, m in enumerate(messages)],
    )


if __name__ == "__main__":
    main()
