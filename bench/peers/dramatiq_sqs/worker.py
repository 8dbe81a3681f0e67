"""dramatiq on SQS: the broker as the README of dramatiq_sqs has it under "Usage", and an actor that inserts.

    dramatiq bench.peers.dramatiq_sqs.worker            runs the workers
    python -m bench.peers.dramatiq_sqs.worker           publishes one order, as a sample of its messages

The Prometheus middleware of that example is left out: it needs a package and a port more. The example's
namespace is left out, too, so that the queue's name is ours.
"""

import os
from typing import Any

import dramatiq
from dramatiq.middleware import AgeLimit, Callbacks, CurrentMessage, Pipelines, Retries, TimeLimit
from dramatiq_sqs import SQSBroker

from bench.peers.table import insert

dramatiq.set_broker(
    SQSBroker(
        middleware=[
            AgeLimit(),
            TimeLimit(),
            Callbacks(),
            Pipelines(),
            Retries(min_backoff=1000, max_backoff=900_000, max_retries=96),
            CurrentMessage(),  # gives the actor its message's id
        ],
        endpoint_url=os.environ["SQS_ENDPOINT"],
        region_name="us-east-1",
    )
)


@dramatiq.actor(queue_name=os.environ["SQS_QUEUE_URL"].rsplit("/", 1)[-1])
def persist_order(message: dict[str, Any]) -> None:
    """Write one order."""
    task = CurrentMessage.get_current_message()
    insert([(message, task.message_id if task else "", 1)], "dramatiq")


if __name__ == "__main__":
    persist_order.send({"orderId": "template"})
