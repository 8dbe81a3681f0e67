"""A proxy before the database that can answer statements with error numbers of its own, or drop their connections.

ProxySQL, MaxScale and their kin answer statements themselves when they reach no server: ProxySQL with 9001, which no
list of MariaDB's errors has.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Final

#: "Max connect timeout reached while reaching hostgroup": https://proxysql.com/documentation/main-runtime/
NO_SERVER: Final = 9001

_HEADER: Final = struct.Struct("<I")  # three bytes of length and one of sequence, as one number
_SEQUENCE_SHIFT: Final = 24
_LENGTH_MASK: Final = 0xFFFFFF
_QUIT: Final = 1
_CHUNK: Final = 65536  # bytes


class DatabaseProxy:
    """A TCP proxy on a free port, loopback only. Threads of the test serve it.

    Args:
        upstream_port: the server's.

    Attributes:
        port: its own.
        refused: how many statements it has answered itself.
    """

    def __init__(self, upstream_port: int) -> None:
        self.refused = 0
        self._upstream_port = upstream_port
        self._rule: tuple[bytes, bytes | None] | None = None  # what a statement holds, and the answer; None: none
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="database-proxy", daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Close everything and end its threads."""
        # A thread that waits for a connection is woken by a shutdown, not by a close.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        with self._lock:
            sockets, threads = list(self._sockets), self._threads
        for each in sockets:
            _shut(each)
        for thread in threads:
            thread.join()

    @contextlib.contextmanager
    def rejecting(self, number: int = NO_SERVER, marker: bytes = b"") -> Iterator[None]:
        """Answer each statement that has the marker in it with an error, without asking the server."""
        text = b"#HY000Max connect timeout reached while reaching hostgroup 0 after 10000ms"
        payload = b"\xff" + struct.pack("<H", number) + text
        with self._ruled(marker, _HEADER.pack(len(payload) | 1 << _SEQUENCE_SHIFT) + payload):
            yield

    @contextlib.contextmanager
    def dropping(self, marker: bytes) -> Iterator[None]:
        """Close the connection on a statement that has the marker in it, as a firewall does."""
        with self._ruled(marker, None):
            yield

    @contextlib.contextmanager
    def _ruled(self, marker: bytes, answer: bytes | None) -> Iterator[None]:
        self._rule = marker, answer
        try:
            yield
        finally:
            self._rule = None

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._spawn(self._serve, client)

    def _spawn(self, target: object, *sockets: socket.socket) -> None:
        thread = threading.Thread(target=target, args=sockets, name="database-proxy", daemon=True)  # type: ignore[arg-type]
        with self._lock:
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
            self._sockets |= set(sockets)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        """One connection, until either side ends it."""
        upstream = ("127.0.0.1", self._upstream_port)
        with client, contextlib.suppress(OSError), socket.create_connection(upstream) as server:
            self._spawn(_pump, server, client)
            try:
                self._forward(client, server)
            finally:
                _shut(server)  # a close would not wake the thread that reads from it
        with self._lock:
            self._sockets = {each for each in self._sockets if each.fileno() >= 0}

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        """Pass what the client sends on, one packet after the other; statements only while they may pass."""
        with client.makefile("rb") as packets:
            while len(header := packets.read(_HEADER.size)) == _HEADER.size:
                [number] = _HEADER.unpack(header)
                payload = packets.read(number & _LENGTH_MASK)
                # What follows a handshake has a higher sequence number than a command.
                is_command = number >> _SEQUENCE_SHIFT == 0 and payload[:1] != bytes([_QUIT])
                if (rule := self._rule) and is_command and rule[0] in payload:
                    self.refused += 1
                    if rule[1] is None:
                        _shut(client)
                        return
                    client.sendall(rule[1])
                else:
                    server.sendall(header + payload)


def _pump(server: socket.socket, client: socket.socket) -> None:
    """Pass what the server sends on."""
    with contextlib.suppress(OSError):
        while data := server.recv(_CHUNK):
            client.sendall(data)
    _shut(client)


def _shut(connection: socket.socket) -> None:
    """Wake whoever reads from a connection."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
