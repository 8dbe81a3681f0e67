"""taskiq on SQS: the broker as the README of taskiq-aio-sqs has it, and a task that inserts.

    taskiq worker bench.peers.taskiq_sqs.worker:broker  runs the workers
    python -m bench.peers.taskiq_sqs.worker             publishes one order, as a sample of its messages

"General usage", without a result backend: nobody asks for results. Of "Configuration", ten messages are
asked for at once instead of one. The task is a plain function, which taskiq runs on a thread pool: its guide,
"CLI", "Sync function", has that for functions that wait for input and output.
"""

import asyncio
import os
import sys
from typing import Annotated, Any

from taskiq import Context, TaskiqDepends, TaskiqEvents, TaskiqState
from taskiq_aio_sqs import SQSBroker

from bench.peers.table import insert

broker = SQSBroker(
    endpoint_url=os.environ["SQS_ENDPOINT"],
    sqs_queue_name=os.environ["SQS_QUEUE_URL"].rsplit("/", 1)[-1],
    region_name="us-east-1",
    max_number_of_messages=10,
    wait_time_seconds=20,
)


@broker.task(task_name="persist_order")
def persist_order(message: dict[str, Any], context: Annotated[Context, TaskiqDepends()]) -> None:
    """Write one order."""
    insert([(message, context.message.task_id, 1)], "taskiq")


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def _print_ready(state: TaskiqState) -> None:
    sys.stdout.write("ready.\n")
    sys.stdout.flush()


async def publish() -> None:
    """Send one order."""
    await broker.startup()
    await persist_order.kiq({"orderId": "template"})
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(publish())
