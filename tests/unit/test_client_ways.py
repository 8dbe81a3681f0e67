"""The ways to SQS of the calls that go round boto3: straight, through a proxy, and over TLS."""

import contextlib
import socket
import socketserver
import threading

import pytest

from celery_sqs.aws import endpoint
from celery_sqs.errors import CallFailed
from tests import certificate
from tests.processes import free_port
from tests.unit.sqs_endpoint import REGION, calls_to, serving


@pytest.fixture
def sqs():
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_calls_go_through_the_proxy_of_the_environment(sqs, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", sqs.url.replace("http://", "http://user:secret@"))
    calls_to("http://sqs.example").receive_message(QueueUrl="http://q")
    [(path, headers, _)] = sqs.received
    assert path == "http://sqs.example/"
    assert headers["Host"] == "sqs.example"
    assert headers["Proxy-Authorization"].startswith("Basic ")


class _Tunnel(socketserver.StreamRequestHandler):
    """A proxy that connects once, and passes on what one side and the other say."""

    def handle(self):
        self.server.asked.append(self.rfile.readline().decode().strip())
        while self.rfile.readline().strip():
            pass
        with socket.create_connection(self.server.behind) as behind:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=self._pass_on, args=(behind, self.connection), daemon=True).start()
            self._pass_on(self.connection, behind)

    @staticmethod
    def _pass_on(speaker, listener):
        with contextlib.suppress(OSError):
            while data := speaker.recv(4096):
                listener.sendall(data)


def test_over_tls_a_proxy_is_a_tunnel(tmp_path, monkeypatch):
    issued = certificate.make(tmp_path)
    with serving(tls=issued) as server, socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Tunnel) as proxy:
        proxy.daemon_threads, proxy.behind, proxy.asked = True, server.server_address, []
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
        calls = calls_to(server.url.replace("http:", "https:"), ca_bundle=issued.file)
        assert calls.receive_message(QueueUrl="http://q") == {}
        proxy.shutdown()
        [asked] = proxy.asked
        assert asked.startswith(f"CONNECT 127.0.0.1:{server.server_port} HTTP/1.")
    assert [path for path, _, _ in server.received] == ["/"]


def test_no_proxy_leaves_it_out(sqs, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    calls_to(sqs.url).receive_message(QueueUrl="http://q")
    assert len(sqs.received) == 1


def test_the_certificate_is_checked(tmp_path):
    issued = certificate.make(tmp_path)
    with serving(tls=issued) as server:
        url = server.url.replace("http:", "https:")
        assert calls_to(url, ca_bundle=issued.file).receive_message(QueueUrl="http://q") == {}
        with pytest.raises(CallFailed, match=r"SSLError.*certificate"):
            calls_to(url).receive_message(QueueUrl="http://q")


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_the_bundle_that_boto3_would_trust_is_trusted(tmp_path, monkeypatch, variable):
    issued = certificate.make(tmp_path)
    with serving(tls=issued) as server:
        url = server.url.replace("http:", "https:")
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)  # it comes first
        monkeypatch.setenv(variable, str(issued.file))
        ours = endpoint.sqs_client(endpoint.Endpoint(REGION, url, ("key", "secret")))
        assert ours.receive_message(QueueUrl="http://q") == {}


def test_without_an_endpoint_it_is_the_regions_own():
    ours = endpoint.sqs_client(endpoint.Endpoint("cn-north-1", None, ("key", "secret")))
    assert ours._url == "https://sqs.cn-north-1.amazonaws.com.cn/"
