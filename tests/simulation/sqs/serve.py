"""The simulated SQS as a server of its own, on the loopback interface: `python -m tests.simulation.sqs.serve --port N`.

It is emptied when it ends, and does nothing that SQS does not do: the faults are for simulations alone.
"""

import argparse
import asyncio
import gc
import signal
import time
from random import Random
from typing import Final

from tests.simulation.sqs.http import Connection
from tests.simulation.sqs.long_polls import LongPolls
from tests.simulation.sqs.service import SimulatedSQS

HOST: Final = "127.0.0.1"


async def serve(port: int) -> None:
    """Answer until the process is to end."""
    loop = asyncio.get_running_loop()
    sqs = SimulatedSQS(time.time, Random(), url=f"http://{HOST}:{port}")
    polls = LongPolls(sqs, time.time, loop)
    server = await loop.create_server(lambda: Connection(polls), HOST, port)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
    server.close()


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
