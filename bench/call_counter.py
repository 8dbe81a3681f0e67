"""SQS calls counted from the raw bytes of HTTP connections."""

import re
from collections import Counter
from typing import Final

_END_OF_HEAD: Final = b"\r\n\r\n"
_TARGET: Final = re.compile(rb"\r\nx-amz-target: *[\w.]*?(\w+) *\r\n", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+) *\r\n", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)

#: Counts the calls whose headers name no action.
UNNAMED: Final = "unnamed"
#: Counts the requests whose end is unknown; what follows such a request on its connection is not counted.
UNREADABLE: Final = "unreadable"


class CallCounter:
    """Counts the requests on one connection.

    Bytes arrive in pieces of any size: a request may be split anywhere, and the next one may begin in the same
    piece. Bodies are skipped by their Content-Length, so that an order that looks like HTTP is not counted.

    Args:
        counts: calls by action, shared by all connections.
    """

    def __init__(self, counts: Counter[str]) -> None:
        self._counts = counts
        self._head = b""
        self._body_left = 0
        self._readable = True

    def update(self, data: bytes) -> None:
        """Count the requests in the next bytes of the client."""
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
