"""Clients that mean harm, on bare sockets: nobody waits for them for longer than seconds, and no error is ours."""

import contextlib
import json
import random
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus

import pytest
import requests

from config.problem import HEADERS as EVERYWHERE
from config.web_worker import MAX_DETAIL
from tests.e2e.conftest import Client
from tests.polling import poll
from tests.processes import BIN, Process

CONNECTIONS = 20
PATIENCE = 15  # seconds until others are served
SEED = 17
CASES = 500


@pytest.fixture
def web(environment, tmp_path):
    """One process with few connections."""
    environment |= {
        "WEB_WORKERS": "1",
        "WEB_CONNECTIONS": str(CONNECTIONS),
        "OPERATORS": "ada:a-password-of-the-tests",  # there is a form to sign in
        "DLQ_RESCUE_MINUTES": "0",
    }
    command = [BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"]
    process = Process(command, tmp_path / "web.log", environment)
    poll(Client(f"http://127.0.0.1:{environment['PORT']}", {}).alive, 30, "web answers")
    yield process
    process.kill()


def request(token, *headers, start="POST /api/v1/orders HTTP/1.1", body=b""):
    """The bytes of a request."""
    lines = [start, "Host: 127.0.0.1", f"Authorization: {token}", *headers]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + body


LENGTH = "Content-Length: 99"
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
CHUNKED = "Transfer-Encoding: chunked"

SILENT = {
    "of a body": lambda token: request(token, JSON, LENGTH),
    "of a chunk": lambda token: request(token, JSON, CHUNKED, body=b"5\r\n{"),
    "of a form": lambda token: request(token, FORM, LENGTH, start="POST /monitor/login HTTP/1.1"),
    "of a head": lambda _: b"POST /api/v1/orders HTTP/1.1\r\nHost:",
    "of anything": lambda _: b"",
}


@pytest.mark.long
@pytest.mark.parametrize("nothing", SILENT)
def test_with_every_connection_held_by_a_silent_client_others_are_served(web, environment, token, nothing):
    address = ("127.0.0.1", int(environment["PORT"]))
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            silent = stack.enter_context(socket.create_connection(address, timeout=10))
            silent.sendall(SILENT[nothing](token()["Authorization"]))
        client = Client(f"http://127.0.0.1:{address[1]}", token(), timeout=PATIENCE)
        began = time.monotonic()
        assert client.get("/healthz").status_code == 200
        assert client.try_post().status_code == 202
        assert time.monotonic() - began < PATIENCE
        if nothing in {"of a body", "of a form"}:
            answer = silent.recv(1000)
            assert answer.startswith(b"HTTP/1.1 408 ")
            assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.long
def test_a_client_that_reads_no_answer_is_waited_for_no_longer(web, environment, token):
    address = ("127.0.0.1", int(environment["PORT"]))
    page = request(token()["Authorization"], start="GET /api/openapi.json HTTP/1.1")
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS):
            deaf = stack.enter_context(socket.socket())
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            deaf.connect(address)
            deaf.sendall(page * 200)  # more answers than the buffers hold
        began = time.monotonic()
        assert Client(f"http://127.0.0.1:{address[1]}", {}, timeout=PATIENCE).get("/healthz").status_code == 200
        assert time.monotonic() - began < PATIENCE
    assert '"level": "error"' not in web.output


@pytest.mark.long
def test_clients_that_keep_their_connections_and_ask_again_keep_nobody_out(web, environment, token):
    over, kept = threading.Event(), set()

    def ask_again():
        with requests.Session() as session:
            while not over.wait(0.2):
                with contextlib.suppress(requests.RequestException):
                    session.get(f"http://127.0.0.1:{environment['PORT']}/healthz", timeout=PATIENCE)
                    kept.add(threading.get_ident())

    with ThreadPoolExecutor(CONNECTIONS) as clients:
        for _ in range(CONNECTIONS):
            clients.submit(ask_again)
        try:
            poll(lambda: len(kept) == CONNECTIONS, PATIENCE, "each has been answered")
            client = Client(f"http://127.0.0.1:{environment['PORT']}", token(), timeout=PATIENCE)
            for _ in range(5):
                assert client.try_post().status_code == 202
        finally:
            over.set()


STARTS = [
    "POST /api/v1/orders HTTP/1.1",
    "GET /api/v1/orders/{} HTTP/1.1",
    "GET /api/v1/orders?page={}&page_size={} HTTP/1.1",
    "POST /monitor/login HTTP/1.1",
    "GET /monitor/{} HTTP/1.1",
    "{} /healthz HTTP/1.1",
    "GET {} HTTP/1.1",
    "GET /api/docs/{} HTTP/1.{}",
]
STRANGE = [
    "",
    "\x00",
    "%00",
    "%ff%fe",
    "..%2f..%2fetc",
    "a" * 9000,
    "-1",
    "1e999",
    "9" * 400,
    "\udcff\udcfe",
    "{{7*7}}",
    "' OR 1",
]
HEADERS = [
    JSON,
    FORM,
    "Content-Type: multipart/form-data; boundary=",
    "Content-Type: application/json; charset={}",
    CHUNKED,
    "Transfer-Encoding: {}",
    LENGTH,
    "Content-Length: {}",
    "Content-Encoding: gzip",
    "Expect: 100-continue",
    "Expect: {}",
    "Host: {}",
    "Cookie: session={}",
    "X-Request-ID: {}",
    "traceparent: {}",
    "Idempotency-Key: {}",
    "Prefer: wait={}",
    "If-None-Match: {}",
    "Range: bytes={}",
    "X-Forwarded-For: {}",
    "SCRIPT_NAME: {}",
    "PATH_INFO: {}",
    "Accept: {}",
    "{}: {}",
]
BODIES = [
    b"",
    b"zz\r\n{}\r\n0\r\n\r\n",
    b"5\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}\r\n0\r\nbad trailer\r\n\r\n",
    b"-1\r\n\r\n",
    b"ffffffffffffffff\r\n{}",
    b"[" * 60_000,
    b'{"quantity": 1e999999999, "totalPrice": -0}',
    b'{"productName": "\\ud800", "quantity": 1, "totalPrice": 1}',
    b"\xff\xfe\x00{",
    b"username=%ff&password=%00&next=//",
    b"\x00" * 99,
]


#: What gunicorn answers by itself, and how it begins.
NO_REQUESTS = {
    b"\x00\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\n folded: b\r\n\r\n": 400,
    b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n": 400,
    b"GET / HTTP/9.9\r\n\r\n": 400,
    b"GET /<script>\xff HTTP\r\n\r\n": 400,
    b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n\r\n": 414,
    b"GET / HTTP/1.1\r\nExpect: a-miracle\r\n\r\n": 417,
    b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 9000 + b"\r\n\r\n": 431,
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n": 431,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: a-parcel\r\n\r\n": 501,
}


def test_what_does_not_reach_the_application_is_answered_as_all_else_is(web, environment):
    for sent, status in NO_REQUESTS.items():
        head, _, body = answer_to(("127.0.0.1", int(environment["PORT"])), sent).partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert first == f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", (sent[:60], first)
        assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE
        assert (headers["Content-Type"], headers["Connection"]) == ("application/problem+json", "close")
        problem = json.loads(body)
        assert (problem["status"], problem["title"]) == (status, HTTPStatus(status).phrase)
        assert len(problem["detail"]) <= MAX_DETAIL
    assert '"level": "error"' not in web.output


def test_what_a_client_calls_the_path_beside_its_request_counts_for_nothing(web, environment):
    address = ("127.0.0.1", int(environment["PORT"]))
    for header in (b"SCRIPT_NAME: /healthz", b"SCRIPT_NAME: /foo", b"PATH_INFO: /foo", b"Script_Name: http://a/"):
        sent = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + header + b"\r\n\r\n"
        assert answer_to(address, sent).startswith(b"HTTP/1.1 200 OK\r\n"), header
    assert '"level": "error"' not in web.output


def test_an_answer_that_is_only_a_head_arrives_on_a_connection_that_ends_and_on_one_that_goes_on(web, environment):
    last = b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    kept = last.replace(b"Connection: close\r\n", b"")
    for sent, answers in ((last, 1), (kept + last, 2), (kept, 1)):
        answer = answer_to(("127.0.0.1", int(environment["PORT"])), sent)
        assert answer.count(b"HTTP/1.1 200 OK\r\n") == answers
        assert answer.endswith(b"\r\n\r\n")


def test_no_body_that_a_client_sends_is_an_error_of_ours(web, environment, token):
    """Each body as chunks and by its length, for JSON and for a form: malformed chunks are among them."""
    address, authorization = ("127.0.0.1", int(environment["PORT"])), token()["Authorization"]
    sent = [
        request(authorization, media_type, framing, start=f"POST {path} HTTP/1.1", body=body)
        for media_type, path in ((JSON, "/api/v1/orders"), (FORM, "/monitor/login"))
        for framing in (CHUNKED, LENGTH)
        for body in BODIES
    ]
    with ThreadPoolExecutor(CONNECTIONS // 2) as clients:
        answers = list(clients.map(lambda each: answer_to(address, each), sent))
    wrong = [(each[:300], answer[:100]) for each, answer in zip(sent, answers, strict=True) if answer[9:10] != b"4"]
    assert wrong == []
    assert '"level": "error"' not in web.output


def strange_requests(token):
    """Requests that are wrong in some way, the same ones each time."""
    chosen = random.Random(SEED)

    def filled(text):
        while "{}" in text:
            text = text.replace("{}", chosen.choice(STRANGE).replace("{}", ""), 1)
        return text

    for _ in range(CASES):
        headers = [filled(header) for header in chosen.sample(HEADERS, chosen.randint(0, 4))]
        yield request(token, *headers, start=filled(chosen.choice(STARTS)), body=chosen.choice(BODIES))


def answer_to(address, sent):
    """The answer, as far as the client gets it; empty where the connection is closed without one."""
    answer = b""
    with socket.create_connection(address, timeout=PATIENCE) as client, contextlib.suppress(ConnectionError):
        client.sendall(sent)
        with contextlib.suppress(OSError):  # web may have closed it already
            client.shutdown(socket.SHUT_WR)
        while received := client.recv(65536):
            answer += received
    return answer


def test_nothing_that_a_client_sends_is_an_error_of_ours(web, environment, token):
    address = ("127.0.0.1", int(environment["PORT"]))
    authorization = token()["Authorization"]
    sent = [*strange_requests(authorization), request(authorization, start="GET /api/v1/orders HTTP/1.1", body=b"")]
    with ThreadPoolExecutor(CONNECTIONS // 2) as clients:
        answers = list(clients.map(lambda each: answer_to(address, each), sent))
    ours = [(each[:300], answer[:100]) for each, answer in zip(sent, answers, strict=True) if answer[9:10] == b"5"]
    # 501 is for a transfer coding that a server does not know: RFC 9112, section 6.1.
    assert [each for each in ours if not each[1].startswith(b"HTTP/1.1 501 ")] == []
    assert answers[-1].startswith(b"HTTP/1.1 200 ")
    assert b"4" in {answer[9:10] for answer in answers}
    assert '"level": "error"' not in web.output
