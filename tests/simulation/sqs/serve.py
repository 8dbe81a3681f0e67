"""The simulated SQS as a server of its own, on the loopback interface: `python -m tests.simulation.sqs.serve --port N`.

It is emptied when it ends, and does nothing that SQS does not do: the faults are for simulations alone. Of each message
that it deletes for its age it writes a line.
"""

import argparse
import asyncio
import gc
import signal
import sys
import time
from random import Random
from typing import Final

from tests.simulation.sqs.http import Connection
from tests.simulation.sqs.long_polls import LongPolls
from tests.simulation.sqs.message import Message
from tests.simulation.sqs.service import SimulatedSQS

HOST: Final = "127.0.0.1"

#: What is written of each message that is older than its queue keeps messages.
EXPIRED: Final = "deleted for its age"


async def serve(port: int) -> None:
    """Answer until the process is to end."""
    loop = asyncio.get_running_loop()
    sqs = SimulatedSQS(time.time, Random(), url=f"http://{HOST}:{port}", on_expiry=_report)
    polls = LongPolls(sqs, time.time, loop)
    server = await loop.create_server(lambda: Connection(polls), HOST, port)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()


def _report(message: Message) -> None:
    sys.stderr.write(f"{message.message_id}: {EXPIRED}, received {message.receives} times\n")


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    # Nothing here leaves cycles behind, and a million messages would be looked through for some again and again.
    gc.disable()
    asyncio.run(serve(arguments.port))


if __name__ == "__main__":
    main()
