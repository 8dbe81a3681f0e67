"""The part of HTTP/1.1 that SQS clients and emulators use: whole messages on keep-alive connections."""

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

    start_line: str
    headers: Headers
    body: bytes

    @property
    def action(self) -> str:
        """The SQS action; empty when the request names none."""
        return dict(self.headers).get(TARGET, "").removeprefix(TARGET_PREFIX)

    def parameters(self) -> dict[str, Any]:
        """The action's parameters; empty when the body is no JSON object."""
        return _object(self.body)

    def with_parameters(self, **changes: Any) -> "Request":
        """The same call with some parameters changed."""
        return replace(self, body=json.dumps(self.parameters() | changes).encode())

    def as_call(self, action: str, queue_url: str, receipt_handle: str) -> "Request":
        """A call of another action for one message, by the same client."""
        headers = tuple((name, TARGET_PREFIX + action if name == TARGET else value) for name, value in self.headers)
        body = json.dumps({"QueueUrl": queue_url, "ReceiptHandle": receipt_handle}).encode()
        return replace(self, headers=headers, body=body)

    def encode(self) -> bytes:
        """Its bytes on the wire."""
        return _encode(self.start_line, self.headers, self.body, len(self.body))


@dataclass(frozen=True, slots=True)
class Response:
    """A response, read as a whole.

    Attributes:
        status: the HTTP status.
        headers: all but those that frame the body.
        body: the bytes that are sent of the body.
        content_length: the Content-Length header, if it is not the body's length; a greater one truncates the response.
    """

    status: int
    headers: Headers
    body: bytes
    content_length: int | None = None

    @classmethod
    def of_json(cls, value: Any, status: int = 200, headers: Headers = ()) -> "Response":
        """A response as SQS sends it."""
        return cls(status, (("content-type", JSON), *headers), json.dumps(value).encode())

    @property
    def truncated(self) -> bool:
        """Whether the body is shorter than its Content-Length, so that the connection has to end after it."""
        return self.content_length is not None and self.content_length > len(self.body)

    def json(self) -> dict[str, Any]:
        """The JSON object in the body; empty when there is none."""
        return _object(self.body)

    def encode(self) -> bytes:
        """Its bytes on the wire."""
        length = len(self.body) if self.content_length is None else self.content_length
        return _encode(f"HTTP/1.1 {self.status} Reason", self.headers, self.body, length)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has closed it."""
    head = await _read_head(reader)
    return head and Request(*head, await _read_body(reader, head[1]))


async def read_response(reader: asyncio.StreamReader) -> Response:
    """The response to the request that was sent.

    Raises:
        ConnectionResetError: the server closed the connection without a response.
    """
    head = await _read_head(reader)
    if head is None:
        raise ConnectionResetError("closed without a response")
    line, headers = head
    return Response(int(line.split(" ", 2)[1]), headers, await _read_body(reader, headers))


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
