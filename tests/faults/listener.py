"""The proxy's side towards its clients: a port that can be shut and opened again."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from tests.faults.exchange import Answer, Request, read_request
from tests.faults.mischief import HangUp, Reset

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER for no time at all

Handler = Callable[[Request], Awaitable[Answer]]


class Listener:
    """Reads requests, has them answered, and notices when a client no longer waits.

    Args:
        handler: answers a request; it is cancelled when its client is gone.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        # Bound but not listening, it keeps the port ours while it is shut: connections are refused.
        self._placeholder = _bound(0)
        self.port: int = self._placeholder.getsockname()[1]

    async def open(self) -> None:
        """Accept connections."""
        self._server = await asyncio.start_server(self._connected, sock=_bound(self.port), backlog=512)

    async def shut(self) -> None:
        """Refuse connections, and reset those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        ending = list(self._connections)
        for connection in ending:
            connection.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)  # in this turn the aborted transports close their sockets

    def free(self) -> None:
        """Give the port back."""
        self._placeholder.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            # The client's connection may break, and the emulator's.
            with contextlib.suppress(HangUp, OSError, EOFError, ValueError):
                await self._serve(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        except (Reset, asyncio.CancelledError):  # cancelled by shut()
            _reset(writer)
        finally:
            self._connections.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # One that was accepted just before the port was shut comes here after it.
        if self._server is None:
            raise Reset
        while (request := await read_request(reader)) is not None:
            answer = await self._answer(request, reader)
            writer.write(answer.encode())
            await writer.drain()
            if answer.truncated:
                break

    async def _answer(self, request: Request, reader: asyncio.StreamReader) -> Answer:
        """The handler's answer, unless the client goes away before.

        Raises:
            HangUp: it did.
        """
        answering = asyncio.ensure_future(self._handler(request))
        # No client of ours sends a request before it has the last answer, so all there is to read is the end.
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                return answering.result()
            raise HangUp
        finally:
            for task in (answering, gone):
                task.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _reset(writer: asyncio.StreamWriter) -> None:
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()
