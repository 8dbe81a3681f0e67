"""gunicorn's gevent worker with a deadline for all that a client can make it wait for.

gunicorn bounds only the wait for a request's head, by `keepalive`. A client that sends no body, or reads no answer,
would keep its connection for as long as it likes, and where all connections are kept nobody else is served.
"""

import contextlib
import errno
import json
import time
from http import HTTPStatus
from typing import Any, Final

from gunicorn.workers.ggevent import GeventWorker

from config.problem import HEADERS, MEDIA_TYPE, problem

#: Seconds from a request's first byte to its last. A body has 64 KiB at the most.
READ_TIMEOUT: Final = 8.0
#: Seconds to take a part of an answer; a page has about 50 KiB.
WRITE_TIMEOUT: Final = 8.0

MAX_DETAIL: Final = 200  # characters of gunicorn's reason, which quotes what the client has sent


class ClientSocket:
    """A client's connection, with a limit on the time until a request is there, and until an answer is taken.

    Args:
        connection: gevent's socket.

    gunicorn sends the head of an answer and then its body. They leave together, as one call costs less than two.

    Attributes:
        request: gunicorn's, whose body is read.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._deadline: float | None = None
        self._is_late = False
        self._is_head_next = False
        self._head = b""
        self.request: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def recv(self, size: int) -> bytes:
        """What the client has sent of a request.

        Raises:
            TimeoutError: it has not sent all of it in time. After that it has sent nothing.
        """
        if self._is_late:
            return b""
        if self._deadline is None:
            self._deadline = time.monotonic() + READ_TIMEOUT
        try:
            self._connection.settimeout(max(self._deadline - time.monotonic(), 0.001))
            received: bytes = self._connection.recv(size)
        except TimeoutError:
            self._is_late = True
            if self.request is not None:
                self.request.force_close()  # its answer says so
            raise
        finally:
            self._connection.settimeout(WRITE_TIMEOUT)
        return received

    def begin_answer(self, request: Any) -> None:
        """A request is there; the first part of its answer waits for the second, or for the end."""
        self.request, self._is_head_next = request, True

    def end_answer(self) -> None:
        """Send what waits."""
        self._is_head_next = False
        if self._head:
            self.sendall(b"")

    def shutdown(self, how: int) -> None:
        """End the connection, as gunicorn does where an answer breaks off."""
        self._head = b""
        self._connection.shutdown(how)

    def sendall(self, data: bytes) -> None:
        """Send a part of an answer.

        Raises:
            ConnectionResetError: the client has not taken it in time; gunicorn logs no error for that.
        """
        self._deadline = None
        if self._is_head_next:
            self._is_head_next, self._head = False, data
            return
        if self._head:
            data, self._head = self._head + data, b""
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            raise ConnectionResetError(errno.ECONNRESET, "the client takes no answer") from error


class Worker(GeventWorker):
    """`worker_class` of config/gunicorn.py.

    While all connections are in use, each is closed after its answer, and others get one: clients that keep theirs, and
    ask again and again, would keep them out.
    """

    _served = 0  # connections

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a client's requests."""
        self._served += 1
        try:
            super().handle(listener, ClientSocket(client), addr)
        finally:
            self._served -= 1

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> bool:
        """Serve one of them."""
        if self._served >= self.worker_connections:
            req.force_close()
        sock.begin_answer(req)
        try:
            served: bool = super().handle_request(listener_name, req, sock, addr)
        finally:  # gunicorn ends a connection by an exception
            sock.end_answer()
        return served

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that does not reach the application: gunicorn chooses the status, and logs it."""
        page: Any = _Page()
        super().handle_error(req, page, addr, exc)
        status = HTTPStatus(page.status)
        detail = None if status is HTTPStatus.INTERNAL_SERVER_ERROR else str(exc)[:MAX_DETAIL]
        body = json.dumps(problem(status, detail)).encode()
        headers = {"Connection": "close", "Content-Type": MEDIA_TYPE, "Content-Length": len(body), **HEADERS}
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        with contextlib.suppress(OSError):  # the client may be gone
            client.sendall("\r\n".join([*lines, "", ""]).encode() + body)


class _Page:
    """Stands for the client where gunicorn answers with a page of its own, of which only the status is taken."""

    status = 500

    def gettimeout(self) -> float:
        return 0.0

    def sendall(self, data: bytes) -> None:
        self.status = int(data.split(maxsplit=2)[1])
