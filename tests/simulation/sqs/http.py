"""The JSON protocol over HTTP/1.1, as far as SQS's clients speak it: POST, a Content-Length, and kept connections.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-making-api-requests-json.html
"""

import asyncio
import json
import sys
import traceback
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from tests.simulation.sqs.long_polls import LongPolls
from tests.simulation.sqs.refusal import Refused

_END_OF_HEADERS: Final = b"\r\n\r\n"
_TARGET: Final = b"\r\nx-amz-target: amazonsqs."
_LENGTH: Final = b"\r\ncontent-length:"
_CLOSE: Final = b"\r\nconnection: close\r\n"
_HEADERS: Final = "Content-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: 0\r\n"

_encode: Final = json.JSONEncoder(separators=(",", ":")).encode


class Connection(asyncio.Protocol):
    """A client's connection: one request after the other."""

    def __init__(self, polls: LongPolls) -> None:
        self._polls = polls
        self._received = b""
        self._is_busy = False
        self._closes = False
        self._end_poll: Callable[[], None] | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Let nothing be received for a client that is gone."""
        self._transport = None
        if self._end_poll is not None:
            self._end_poll()

    def data_received(self, data: bytes) -> None:
        """Take what has come, and begin with what is complete."""
        self._received = self._received + data if self._received else data
        self._next()

    def _next(self) -> None:
        while not self._is_busy and (request := self._request()) is not None:
            head, body = request
            self._is_busy = True
            self._closes = _CLOSE in head
            self._begin(head, body)

    def _request(self) -> tuple[bytes, bytes] | None:
        """The next request: what stands before its body, in lower case but for the action, and its body."""
        end = self._received.find(_END_OF_HEADERS)
        if end < 0:
            return None
        begin = end + len(_END_OF_HEADERS)
        original = self._received[: end + 2]
        head = original.lower()
        length = _length(head)
        if len(self._received) < begin + length:
            return None
        body = self._received[begin : begin + length]
        self._received = self._received[begin + length :]
        at = head.find(_TARGET)
        action = b"" if at < 0 else original[at + len(_TARGET) : original.find(b"\r\n", at + 2)]
        return head + action, body

    def _begin(self, head: bytes, body: bytes) -> None:
        action = head.rpartition(b"\r\n")[2].decode()
        try:
            # Without an action it is another protocol, which is refused.
            self._end_poll = self._polls.call(action, json.loads(body) if action else {}, self._respond)
        except Refused as refused:
            self._respond(refused)
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            self._respond(Refused("InternalError", repr(error)))

    def _respond(self, answer: dict[str, Any] | Refused) -> None:
        self._end_poll = None
        if self._transport is None:
            return
        self._transport.write(_response(answer))
        self._is_busy = False
        if self._closes:
            self._transport.close()
        elif self._received:
            asyncio.get_running_loop().call_soon(self._next)


def _length(head: bytes) -> int:
    at = head.find(_LENGTH)
    return 0 if at < 0 else int(head[at + len(_LENGTH) : head.find(b"\r\n", at + 2)])


def _response(answer: dict[str, Any] | Refused) -> bytes:
    if isinstance(answer, Refused):
        fault = "Sender" if answer.is_of_sender else "Receiver"
        status, more = answer.status, f"x-amzn-query-error: {answer.query_code};{fault}\r\n"
        body = _encode({"__type": f"com.amazonaws.sqs#{answer.code}", "message": answer.message})
    else:
        status, more, body = 200, "", _encode(answer)
    # All that is not ASCII is escaped, so a character is a byte.
    reason = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {reason}\r\n{_HEADERS}{more}Content-Length: {len(body)}\r\n\r\n{body}".encode()
