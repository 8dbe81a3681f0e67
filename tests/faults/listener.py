"""The proxy's listening port, which can be closed and opened again."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

from tests.faults.http_messages import Request, Response, read_request
from tests.faults.interceptors import CloseConnection, ResetConnection

_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # SO_LINGER for no time at all

Handler = Callable[[Request], Awaitable[Response]]


class Listener:
    """Reads requests, sends the handler's responses, and notices when a client closes its connection.

    Args:
        handler: gives the response to a request; it is cancelled when the client closes its connection.
    """

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._connections: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        # Bound but not listening: the port stays reserved while it is closed, and connections are refused.
        self._placeholder = _bound(0)
        self.port: int = self._placeholder.getsockname()[1]

    async def open(self) -> None:
        """Accept connections."""
        self._server = await asyncio.start_server(self._connected, sock=_bound(self.port), backlog=512)

    async def close(self) -> None:
        """Refuse connections, and reset those that there are."""
        if self._server is not None:
            self._server.close()
            self._server = None
        ending = list(self._connections)
        for connection in ending:
            connection.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        await asyncio.sleep(0)  # in this iteration of the loop the aborted transports close their sockets

    def release_port(self) -> None:
        """Let others use the port."""
        self._placeholder.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            # The client's connection may break, and so may the emulator's.
            with contextlib.suppress(CloseConnection, OSError, EOFError, ValueError):
                await self._serve(reader, writer)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        except (ResetConnection, asyncio.CancelledError):  # cancelled by close()
            _reset(writer)
        finally:
            self._connections.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A connection that was accepted just before the port was closed comes here after it.
        if self._server is None:
            raise ResetConnection
        while (request := await read_request(reader)) is not None:
            response = await self._respond(request, reader)
            writer.write(response.encode())
            await writer.drain()
            if response.truncated:
                break

    async def _respond(self, request: Request, reader: asyncio.StreamReader) -> Response:
        """The handler's response, unless the client closes its connection first.

        Raises:
            CloseConnection: the client did.
        """
        handling = asyncio.ensure_future(self._handler(request))
        # Our clients send no request before they have the last response, so there is nothing to read but the end.
        closed = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({handling, closed}, return_when=asyncio.FIRST_COMPLETED)
            if handling.done():
                return handling.result()
            raise CloseConnection
        finally:
            for task in (handling, closed):
                task.cancel()
            await asyncio.gather(handling, closed, return_exceptions=True)


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
