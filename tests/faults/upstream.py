"""The proxy's way to the emulator: kept connections, and long polls that end with their client."""

import asyncio
import contextlib
import time
from typing import Final
from urllib.parse import urlsplit

from tests.faults.exchange import Answer, Request, read_answer

#: Seconds that the emulator polls for us at a time. It does not notice when the other end of a long
#: poll is gone, and hands messages to the dead until the poll's time is over: each costs the message
#: a receive. SQS does notice, mostly; so a poll of 20 s is 20 of 1 s here.
SLICE: Final = 1

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
        wait = request.arguments().get("WaitTimeSeconds", 0)
        deadline = time.monotonic() + wait
        while wait > SLICE:
            answer = await self._call(request.with_arguments(WaitTimeSeconds=SLICE))
            if answer.status != 200 or answer.value().get("Messages"):
                return answer
            wait = round(deadline - time.monotonic())
        return await self._call(request.with_arguments(WaitTimeSeconds=max(0, wait)) if wait else request)

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
