"""An HTTP server in SQS's place, for the calls that go round boto3."""

import contextlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from botocore.credentials import ReadOnlyCredentials

from celery_sqs.aws.client import SqsClient, Target

REGION = "eu-central-1"
KEYS = ReadOnlyCredentials("the-key", "the-secret", "the-session-token")


class Endpoint(ThreadingHTTPServer):
    """Answers every call alike, and keeps what it was sent.

    Attributes:
        answers: with this status and these bytes; None never answers.
        hangs_up: whether it closes each connection after its answer without a header that says so.
        closed: how many connections it has closed.
        received: path, headers and body of each call.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = (200, b"{}")
        self.hangs_up = False
        self.closed = 0
        self.received = []
        self.silence = threading.Event()

    def close_request(self, request):
        super().close_request(request)
        self.closed += 1

    def has_closed(self, count):
        return self.closed == count

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):  # the name is http.server's
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append((self.path, dict(self.headers), body))
        if self.server.answers is None:
            self.server.silence.wait(10)
            return
        status, text = self.server.answers
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
        self.close_connection = self.server.hangs_up

    def log_message(self, *args):
        """Say nothing."""


@contextlib.contextmanager
def serving(tls=None):
    with Endpoint() as server:
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.file, tls.key_file)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.silence.set()
        server.shutdown()


def calls_to(url, credentials=lambda: KEYS, ca_bundle=None, read_timeout=5.0):
    target = Target(
        url=url,
        region=REGION,
        credentials=credentials,
        ca_bundle=ca_bundle and str(ca_bundle),
        connect_timeout=2.0,
        read_timeout=read_timeout,
    )
    return SqsClient(target)
