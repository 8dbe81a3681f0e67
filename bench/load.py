"""The load generator: some connections that post the same order again and again, each waiting for its answer.

It is one thread on plain sockets, so that it takes little CPU of the machine that it shares with the server.

    BENCH_TOKEN=... python -m bench.load --port PORT --connections N --seconds SECONDS

Prints one JSON object, see `Load.report`.
"""

import argparse
import json
import os
import re
import selectors
import socket
import sys
import time
from collections import Counter
from typing import Any, Final

ORDER: Final = b'{"productName": "Widget", "quantity": 2, "totalPrice": 99.90}'
_ACCEPTED: Final = 202
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD: Final = b"\r\n\r\n"

ANSWER_TIMEOUT: Final = 10.0  # seconds for answers that are still due at the end
LOST: Final = "connection lost"
MS: Final = 1000


class Connection:
    """One client: a request, its answer, the next request."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port = port
        self._request = request
        self.connect()

    def connect(self) -> None:
        """Open the socket, also after a lost connection."""
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=5)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""

    def send(self) -> None:
        """Send the request."""
        self._answer = b""
        self.sent_at = time.perf_counter()
        self.socket.sendall(self._request)

    def receive(self) -> int | None:
        """Read what has arrived; returns the status once the answer is complete.

        Raises:
            ConnectionError: the server closed the connection.
        """
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionResetError
        self._answer += data
        head, end, body = self._answer.partition(_END_OF_HEAD)
        length = _LENGTH.search(head)
        if not end or (length and len(body) < int(length[1])):
            return None
        return int(self._answer[9:12])  # HTTP/1.1 202


class Load:
    """Requests on some connections, for some time."""

    def __init__(self, port: int, connections: int, token: str) -> None:
        request = (
            f"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(ORDER)}\r\n\r\n"
        ).encode() + ORDER
        self._selector = selectors.DefaultSelector()
        self._latencies: list[float] = []
        self._errors: Counter[str] = Counter()
        self._clients = [Connection(port, request) for _ in range(connections)]

    def run(self, seconds: float) -> dict[str, Any]:
        """Send requests until the time is over, and wait for the last answers."""
        begin = time.perf_counter()
        end = begin + seconds
        for client in self._clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()
        while self._selector.get_map() and time.perf_counter() < end + ANSWER_TIMEOUT:
            for key, _ in self._selector.select(timeout=0.5):
                self._serve(key.data, end)
        return self.report(time.perf_counter() - begin)

    def report(self, seconds: float) -> dict[str, Any]:
        """The result of `seconds`; rate and latencies are those of accepted orders."""
        ordered = sorted(self._latencies)
        count = len(ordered)
        return {
            "rate": count / seconds,
            "p50_ms": ordered[count // 2] * MS if ordered else None,
            "p99_ms": ordered[count * 99 // 100] * MS if ordered else None,
            "errors": dict(self._errors) | ({"no answer": due} if (due := len(self._selector.get_map())) else {}),
            "accepted": count,
        }

    def _serve(self, client: Connection, end: float) -> None:
        try:
            status = client.receive()
            if status is None:
                return
            now = time.perf_counter()
            self._count(status, now - client.sent_at)
            if now < end:
                client.send()
                return
        except OSError:
            self._errors[LOST] += 1
        self._selector.unregister(client.socket)
        client.socket.close()
        if time.perf_counter() < end:
            client.connect()
            self._selector.register(client.socket, selectors.EVENT_READ, client)
            client.send()

    def _count(self, status: int, latency: float) -> None:
        if status == _ACCEPTED:
            self._latencies.append(latency)
        else:
            self._errors[str(status)] += 1


def main() -> None:
    """Read the arguments, run, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    load = Load(given.port, given.connections, os.environ["BENCH_TOKEN"])
    sys.stdout.write(json.dumps(load.run(given.seconds)) + "\n")


if __name__ == "__main__":
    main()
