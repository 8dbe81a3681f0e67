"""A TCP proxy that adds SQS's round trip to the emulator's, and counts the calls.

It delays bytes, not connections, and no connection waits for another. Half of the round trip is added to the request,
half to the response.

    python -m bench.proxy --listen PORT --control PORT --upstream PORT --round-trip SECONDS

A connection to the control port gets the number of calls so far by action, as JSON.
"""

import argparse
import asyncio
import json
import selectors
from collections import Counter, deque
from collections.abc import Callable
from typing import Final

from bench.call_counter import CallCounter

LOOPBACK: Final = "127.0.0.1"


class DelayLine:
    """Sends bytes to one socket, in order, each piece after the same delay."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._loop = asyncio.get_running_loop()
        self._pieces: deque[tuple[float, bytes | None]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connect(self, transport: asyncio.Transport) -> None:
        """Set the socket; the delay of earlier pieces has begun already."""
        self._transport = transport
        self._deliver()

    def put(self, piece: bytes | None) -> None:
        """Send a piece after the delay; None closes the socket after all pieces before it."""
        self._pieces.append((self._loop.time() + self._delay, piece))
        if self._timer is None:
            self._deliver()

    def _deliver(self) -> None:
        self._timer = None
        if self._transport is None:
            return
        while self._pieces:
            due, piece = self._pieces[0]
            if due > self._loop.time():
                self._timer = self._loop.call_at(due, self._deliver)
                return
            self._pieces.popleft()
            if piece is None:
                self._transport.close()
            elif not self._transport.is_closing():
                self._transport.write(piece)


class Endpoint(asyncio.Protocol):
    """One end of a proxied connection: what it receives goes into a delay line.

    Args:
        onwards: the delay line to the other end.
        backwards: the delay line to this end.
        on_data: is called with every piece received.
    """

    def __init__(
        self, onwards: DelayLine, backwards: DelayLine, on_data: Callable[[bytes], None] = lambda piece: None
    ) -> None:
        self._onwards = onwards
        self._backwards = backwards
        self._on_data = on_data

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to send the other end's bytes."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio's signature is wider
        self._backwards.connect(transport)

    def data_received(self, data: bytes) -> None:
        """Pass bytes on."""
        self._on_data(data)
        self._onwards.put(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end, after the pieces that are still delayed."""
        self._onwards.put(None)


class ClientEndpoint(Endpoint):
    """The client's end, which opens the connection to the emulator."""

    def __init__(self, delay: float, upstream: int, counts: Counter[str]) -> None:
        super().__init__(DelayLine(delay), DelayLine(delay), CallCounter(counts).update)
        self._upstream = upstream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connect to the emulator."""
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        connecting = loop.create_connection(
            lambda: Endpoint(onwards=self._backwards, backwards=self._onwards), LOOPBACK, self._upstream
        )
        self._task = loop.create_task(connecting)
        self._task.add_done_callback(self._connected)

    def _connected(self, task: "asyncio.Task[object]") -> None:
        if task.exception():
            self._backwards.put(None)  # the emulator refused the connection, so the client's is closed


async def serve(listen: int, control: int, upstream: int, round_trip: float) -> None:
    """Run until the process is ended."""
    counts: Counter[str] = Counter()

    async def send_counts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(json.dumps(counts).encode())
        await writer.drain()
        writer.close()

    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: ClientEndpoint(round_trip / 2, upstream, counts), LOOPBACK, listen, backlog=512)
    server = await asyncio.start_server(send_counts, LOOPBACK, control)
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
