"""Tokens signed by hand, as a proper library would not, and a provider of keys."""

import base64
import hashlib
import hmac
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def hand_signed(claims, secret, algorithm="HS256", **header):
    """A token of any content. The signature is HMAC-SHA256, whatever the header says."""
    parts = ({"typ": "JWT", "alg": algorithm} | header, claims)
    text = ".".join(_encoded(json.dumps(part).encode()) for part in parts)
    signature = hmac.digest(secret, text.encode(), hashlib.sha256)
    return f"{text}.{_encoded(signature)}"


def _encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class KeyServer:
    """An identity provider's key endpoint on loopback.

    Attributes:
        status: the status it answers with; None hangs up without an answer.
        body: what it answers, as bytes.
        answers: where it is not set, it takes a request and says nothing.
        resets: whether it breaks connections off instead of closing them.
        asked: how often it has been asked.
    """

    def __init__(self):
        self.status = 200
        self.body = b""
        self.answers = threading.Event()
        self.answers.set()
        self.resets = False
        self.asked = 0
        self._server = self._server_class()(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/keys"

    def publish(self, *keys):
        """Answer with these keys."""
        self.status, self.body = 200, json.dumps({"keys": keys}).encode()

    def stop(self):
        """End it; the port is closed afterwards."""
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _server_class(self):
        server = self

        class Server(ThreadingHTTPServer):
            def shutdown_request(self, request):
                if not server.resets:
                    super().shutdown_request(request)
                    return
                # To linger for no time at all is to send a reset.
                request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_request(request)

        return Server

    def _handler(self):
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked += 1
                server.answers.wait()
                if server.status is None:
                    return
                self.send_response(server.status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(server.body)

            def log_message(self, *args):
                """Say nothing."""

        return Handler
