"""A proxy before MariaDB that understands as much of its protocol as it takes to answer a statement itself.

https://mariadb.com/kb/en/clientserver-protocol/
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Final

_QUERY: Final = 3  # the command byte of a statement
_HEADER: Final = 4  # bytes before a packet's payload: three of its length, one of its number

#: What to do about a statement: send this instead of passing it on; None closes the connection.
Answer = Callable[[int], bytes | None]


class DatabaseProxy:
    """A proxy on a free port, loopback only. It passes everything on, but in the blocks of its methods.

    Args:
        port: the server's.

    Attributes:
        port: its own.
    """

    def __init__(self, port: int) -> None:
        self._server = port
        self._rule: tuple[bytes, Answer] | None = None
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """Take no more connections."""
        self._listener.close()

    @contextlib.contextmanager
    def rejecting(self, number: int, marker: bytes = b"") -> Iterator[None]:
        """Answer each statement that has the marker in it with an error of this number."""
        with self._ruled(marker, lambda packet: _error(packet + 1, number)):
            yield

    @contextlib.contextmanager
    def dropping(self, marker: bytes) -> Iterator[None]:
        """Close the connection on a statement that has the marker in it, as a firewall does."""
        with self._ruled(marker, lambda packet: None):
            yield

    @contextlib.contextmanager
    def swallowing(self, marker: bytes) -> Iterator[None]:
        """Never answer a statement that has the marker in it."""
        with self._ruled(marker, lambda packet: b""):
            yield

    @contextlib.contextmanager
    def _ruled(self, marker: bytes, answer: Answer) -> Iterator[None]:
        self._rule = marker, answer
        try:
            yield
        finally:
            self._rule = None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._server)) as server:
            threading.Thread(target=_pump, args=(server, client), daemon=True).start()
            stream = client.makefile("rb")
            while (header := stream.read(_HEADER)) and len(header) == _HEADER:
                payload = stream.read(int.from_bytes(header[:3], "little"))
                answer = self._answer(header, payload)
                if answer is None:
                    client.shutdown(socket.SHUT_RDWR)
                    return
                receiver, data = answer
                (client if receiver == "client" else server).sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _answer(self, header: bytes, payload: bytes) -> tuple[str, bytes] | None:
        rule = self._rule
        if rule and payload[:1] == bytes([_QUERY]) and rule[0] in payload:
            own = rule[1](header[3])
            return None if own is None else ("client", own)
        return "server", header + payload


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_RDWR)


def _error(packet: int, number: int) -> bytes:
    payload = b"\xff" + struct.pack("<H", number) + b"#HY000" + b"of the proxy's own"
    return len(payload).to_bytes(3, "little") + bytes([packet]) + payload
