"""As much of HTTP/1.1 as SQS clients and emulators speak: whole messages on kept connections."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

Headers = tuple[tuple[str, str], ...]

TARGET: Final = "x-amz-target"
TARGET_PREFIX: Final = "AmazonSQS."
JSON: Final = "application/x-amz-json-1.0"

_HEAD_END: Final = b"\r\n\r\n"
_FRAMING: Final = frozenset({"content-length", "transfer-encoding", "connection", "keep-alive"})


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read as a whole."""

    line: str
    headers: Headers
    body: bytes

    @property
    def action(self) -> str:
        """The SQS action it asks for; empty when it names none."""
        return dict(self.headers).get(TARGET, "").removeprefix(TARGET_PREFIX)

    def arguments(self) -> dict[str, Any]:
        """The action's arguments; empty when the body is no JSON object."""
        return _object(self.body)

    def with_arguments(self, **changes: Any) -> "Request":
        """The same call with some arguments changed."""
        return replace(self, body=json.dumps(self.arguments() | changes).encode())

    def encode(self) -> bytes:
        """Its bytes on the wire."""
        return _encode(self.line, self.headers, self.body, len(self.body))


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read as a whole.

    Attributes:
        status: the HTTP status.
        headers: all but those that frame the body.
        body: what is sent of the body.
        promised: the Content-Length; more than there is makes the answer a truncated one.
    """

    status: int
    headers: Headers
    body: bytes
    promised: int | None = None

    @classmethod
    def of(cls, value: Any, status: int = 200, headers: Headers = ()) -> "Answer":
        """An answer as SQS gives it."""
        return cls(status, (("content-type", JSON), *headers), json.dumps(value).encode())

    @property
    def truncated(self) -> bool:
        """Whether the connection has to end after it."""
        return self.promised is not None and self.promised > len(self.body)

    def value(self) -> dict[str, Any]:
        """The JSON object in the body; empty when there is none."""
        return _object(self.body)

    def encode(self) -> bytes:
        """Its bytes on the wire."""
        length = len(self.body) if self.promised is None else self.promised
        return _encode(f"HTTP/1.1 {self.status} Whatever", self.headers, self.body, length)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has closed it."""
    head = await _read_head(reader)
    return head and Request(*head, await _read_body(reader, head[1]))


async def read_answer(reader: asyncio.StreamReader) -> Answer:
    """The answer to the request that was sent.

    Raises:
        ConnectionResetError: the server closed the connection without one.
    """
    head = await _read_head(reader)
    if head is None:
        raise ConnectionResetError("closed without an answer")
    line, headers = head
    return Answer(int(line.split(" ", 2)[1]), headers, await _read_body(reader, headers))


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, Headers] | None:
    try:
        head = await reader.readuntil(_HEAD_END)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    line, *fields = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return line, tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)


async def _read_body(reader: asyncio.StreamReader, headers: Headers) -> bytes:
    framing = dict(headers)
    if framing.get("transfer-encoding", "").lower() == "chunked":
        return await _read_chunks(reader)
    return await reader.readexactly(int(framing.get("content-length", "0")))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = []
    while size := int((await reader.readline()).split(b";")[0], 16):
        chunks.append(await reader.readexactly(size))
        await reader.readline()
    while (await reader.readline()).strip():
        pass  # trailers
    return b"".join(chunks)


def _encode(line: str, headers: Headers, body: bytes, length: int) -> bytes:
    return f"{line}\r\n{_fields(headers)}content-length: {length}\r\n\r\n".encode("latin-1") + body


def _fields(headers: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in headers if name not in _FRAMING)


def _object(text: bytes) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
