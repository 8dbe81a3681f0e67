"""SQS calls counted from the raw bytes of HTTP connections."""

import re
from collections import Counter
from typing import Final

_END_OF_HEAD: Final = b"\r\n\r\n"
_TARGET: Final = re.compile(rb"\r\nx-amz-target: *[\w.]*?(\w+) *\r\n", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+) *\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)

#: What a call is counted as whose action its headers do not name.
UNNAMED: Final = "unnamed"
#: A request whose end cannot be told; whatever follows it on its connection is not counted.
UNREADABLE: Final = "unreadable"


class CallCounter:
    """Follows the requests on one connection.

    Bytes come in whatever pieces the socket gives: a request may be split anywhere, and the next
    one may begin in the same piece. Bodies are skipped by their Content-Length, never looked at, so
    that an order which looks like HTTP does not count.

    Args:
        counts: calls by action, shared by all connections.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._head = b""
        self._body_left = 0
        self._readable = True

    def feed(self, data: bytes) -> None:
        """Take the next bytes that the client sent."""
        while data and self._readable:
            if self._body_left:
                skipped = min(self._body_left, len(data))
                self._body_left -= skipped
                data = data[skipped:]
                continue
            head, end, rest = (self._head + data).partition(_END_OF_HEAD)
            if not end:
                self._head = head
                return
            self._head, data = b"", rest
            self._count(head + b"\r\n")

    def _count(self, head: bytes) -> None:
        target, length = _TARGET.search(head), _LENGTH.search(head)
        self._counts[target[1].decode() if target else UNNAMED] += 1
        self._body_left = int(length[1]) if length else 0
        if _CHUNKED.search(head):  # no SDK does this for SQS
            self._counts[UNREADABLE] += 1
            self._readable = False
