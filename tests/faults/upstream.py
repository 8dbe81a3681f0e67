"""The proxy's way to the emulator: kept connections, and long polls that end with their client."""

import asyncio
import contextlib
import time
from typing import Final
from urllib.parse import urlsplit

from tests.faults.exchange import Answer, Request, read_answer

#: Seconds between two looks of a long poll, which is the proxy's own here: the emulator does not notice
#: when the other end of one is gone, and would hand messages to the dead until the poll's time is over.
#: Each costs the message a receive. SQS does notice, mostly.
LOOK: Final = 0.1

_Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Upstream:
    """Forwards requests to one server, each on a connection that nobody else uses meanwhile."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[_Connection] = []

    async def call(self, request: Request) -> Answer:
        """The server's answer.

        Raises:
            OSError: the server is away, or went away.
        """
        if request.action == "ReceiveMessage":
            return await self._poll(request)
        return await self._call(request)

    async def close(self) -> None:
        """Close what is not in use."""
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _poll(self, request: Request) -> Answer:
        # A call that does not say how long takes what its queue says: that is the emulator's to know.
        if not (wait := request.arguments().get("WaitTimeSeconds", 0)):
            return await self._call(request)
        look, deadline = request.with_arguments(WaitTimeSeconds=0), time.monotonic() + wait
        while True:
            answer = await self._call(look)
            if answer.status != 200 or answer.value().get("Messages") or time.monotonic() >= deadline:
                return answer
            await asyncio.sleep(LOOK)

    async def _call(self, request: Request) -> Answer:
        reader, writer = await self._connect()
        try:
            writer.write(request.encode())
            await writer.drain()
            answer = await read_answer(reader)
        except BaseException:  # also when our client is gone: the answer that may come is nobody's
            writer.close()
            raise
        self._idle.append((reader, writer))
        return answer

    async def _connect(self) -> _Connection:
        while self._idle:
            reader, writer = self._idle.pop()
            if not (reader.at_eof() or writer.is_closing()):
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)
