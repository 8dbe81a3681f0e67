"""A TLS proxy before SQS that notes who called what on which queue, and changes nothing."""

import contextlib
import http.client
import json
import re
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from tests.certificate import Certificate

TIMEOUT: Final = 30  # seconds; a long poll takes 20

_TARGET: Final = "AmazonSQS."
_SIGNER: Final = re.compile(r"Credential=([^/]+)/")
_OF_THE_CONNECTION: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date"})


class Call(NamedTuple):
    """A kind of call.

    Attributes:
        key: the access key that has signed it.
        action: what has to be allowed for it, such as sqs:SendMessage.
        queue: the name of the queue; empty when the call names none.
        refused: whether it was not allowed.
    """

    key: str
    action: str
    queue: str
    refused: bool


class Recorder:
    """The proxy, on threads of the test.

    Args:
        upstream_url: where SQS is.
        certificate: its own, and the one that SQS is to have.

    Attributes:
        url: its own address.
        calls: the kinds of calls that have come.
    """

    def __init__(self, upstream_url: str, certificate: Certificate) -> None:
        self.calls: set[Call] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.calls = self.calls
        self._server.upstream = urlsplit(upstream_url).netloc
        self._server.trust = ssl.create_default_context(cafile=certificate.file)
        ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ours.load_cert_chain(certificate.file, certificate.key_file)
        # The handshake is the connection's thread's: it would keep the others waiting here.
        self._server.socket = ours.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="recorder", daemon=True)
        self._thread.start()

    def through(self, url: str) -> str:
        """A queue's URL, as it is called through the proxy."""
        return self.url + urlsplit(url).path

    def stop(self) -> None:
        """Accept no more calls."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    calls: set[Call]
    upstream: str
    trust: ssl.SSLContext

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: processes that are killed leave broken connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, answer = self._pass_on(body)
        self.server.calls.add(self._call(body, status))
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in _OF_THE_CONNECTION:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Print nothing."""

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        """Send the same request, Host included, which is signed; returns the answer."""
        connection = http.client.HTTPSConnection(self.server.upstream, timeout=TIMEOUT, context=self.server.trust)
        with contextlib.closing(connection):
            connection.putrequest("POST", self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _call(self, body: bytes, status: int) -> Call:
        signer = _SIGNER.search(self.headers.get("Authorization", ""))
        name = self.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
        queue = json.loads(body).get("QueueUrl", "").rsplit("/", 1)[-1]
        return Call(
            key=signer[1] if signer else "",
            # A batch is authorised by the name of the single one:
            # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
            action=f"sqs:{name.removesuffix('Batch')}",
            queue=queue,
            refused=status == http.client.FORBIDDEN,
        )
