"""A TCP proxy that makes the emulator as far away as SQS is, and counts the calls on their way.

It delays bytes, not connections, and each connection for itself: nothing waits for anything but its
own way. Half of the round trip is added on the way there, half on the way back.

    python -m bench.proxy --listen PORT --control PORT --upstream PORT --round-trip SECONDS

Whoever connects to the control port is told the calls by action so far, as JSON.
"""

import argparse
import asyncio
import json
import selectors
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from bench.calls import CallCounter

LOOPBACK: Final = "127.0.0.1"


class DelayLine:
    """Bytes on their way to one socket, in order, each piece for the same time."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[tuple[float, bytes | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._exit: asyncio.Transport | None = None

    def leads_to(self, transport: asyncio.Transport) -> None:
        """Name the socket; what came before is on its way already."""
        self._exit = transport
        self._deliver()

    def put(self, piece: bytes | None) -> None:
        """Send a piece on its way; None closes the socket once everything before has arrived."""
        self._pieces.append((self._loop.time() + self._delay, piece))
        if self._timer is None:
            self._deliver()

    def _deliver(self) -> None:
        self._timer = None
        if self._exit is None:
            return
        while self._pieces:
            due, piece = self._pieces[0]
            if due > self._loop.time():
                self._timer = self._loop.call_at(due, self._deliver)
                return
            self._pieces.popleft()
            if piece is None:
                self._exit.close()
            elif not self._exit.is_closing():
                self._exit.write(piece)


class Side(asyncio.Protocol):
    """One end of a proxied connection: what it receives goes into a delay line.

    Args:
        onwards: leads to the other side.
        backwards: leads to this side.
        seen: is shown every piece received.
    """

    def __init__(
        self, onwards: DelayLine, backwards: DelayLine, seen: Callable[[bytes], None] = lambda piece: None
    ) -> None:
        self._onwards = onwards
        self._backwards = backwards
        self._seen = seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the other side's bytes in."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's signature is wider
        self._backwards.leads_to(transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        self._seen(data)
        self._onwards.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other side, behind what is still on its way."""
        self._onwards.put(None)


class Client(Side):
    """The side of the client, which calls for the other."""

    def __init__(self, delay: float, upstream: int, counts: Counter[str]) -> None:
        super().__init__(DelayLine(delay), DelayLine(delay), CallCounter(counts).feed)
        self._upstream = upstream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the emulator."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(
            lambda: Side(onwards=self._backwards, backwards=self._onwards), LOOPBACK, self._upstream
        )
        self._task = loop.create_task(connecting)
        self._task.add_done_callback(self._connected)

    def _connected(self, task: "asyncio.Task[object]") -> None:
        if task.exception():
            self._backwards.put(None)  # the emulator refused, so the client loses its connection


async def serve(listen: int, control: int, upstream: int, round_trip: float) -> None:
    """Run until the process is ended."""
    counts: Counter[str] = Counter()

    async def tell(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(counts).encode())
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Client(round_trip / 2, upstream, counts), LOOPBACK, listen, backlog=512)
    server = await asyncio.start_server(tell, LOOPBACK, control)
    await server.serve_forever()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser()
    for port in ("--listen", "--control", "--upstream"):
        parser.add_argument(port, type=int, required=True)
    parser.add_argument("--round-trip", type=float, required=True, help="seconds added")
    given = parser.parse_args()
    # epoll rounds its timeouts up to whole milliseconds, which would add two to a round trip; select does not.
    loop = asyncio.SelectorEventLoop(selectors.SelectSelector())
    loop.run_until_complete(serve(given.listen, given.control, given.upstream, given.round_trip))


if __name__ == "__main__":
    main()
