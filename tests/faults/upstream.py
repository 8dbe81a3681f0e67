"""The proxy's connections to the emulator: they are kept, and a long poll ends when its client is gone."""

import asyncio
import contextlib
import time
from typing import Final
from urllib.parse import urlsplit

from tests.faults.http_messages import Request, Response, read_response

#: Seconds between two short polls, of which the proxy makes a long poll: the emulator does not notice that the client
#: of a long poll is gone, and delivers messages to it until the poll's time is over. Each delivery costs the message a
#: receive. SQS does notice, mostly.
POLL_INTERVAL: Final = 0.1

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Upstream:
    """Forwards requests to one server, each on a connection of its own."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[_Connection] = []

    async def call(self, request: Request) -> Response:
        """The server's response.

        Raises:
            OSError: the server is down, or the connection broke.
        """
        if request.action == "ReceiveMessage":
            return await self._poll(request)
        return await self._call(request)

    async def close(self) -> None:
        """Close the connections that are not in use."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _poll(self, request: Request) -> Response:
        # A call without a wait time takes that of its queue, which the emulator knows.
        if not (wait := request.parameters().get("WaitTimeSeconds", 0)):
            return await self._call(request)
        short_poll, deadline = request.with_parameters(WaitTimeSeconds=0), time.monotonic() + wait
        while True:
            response = await self._call(short_poll)
            if response.status != 200 or response.json().get("Messages") or time.monotonic() >= deadline:
                return response
            await asyncio.sleep(POLL_INTERVAL)

    async def _call(self, request: Request) -> Response:
        reader, writer = await self._connect()
        try:
            writer.write(request.encode())
            await writer.drain()
            response = await read_response(reader)
        except (
            BaseException
        ):  # also when the client is gone: no other request may read the response that may still come
            writer.close()
            raise
        self._idle.append((reader, writer))
        return response

    async def _connect(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
