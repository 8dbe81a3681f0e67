"""`celery -A shop sqs workbench`: a process that serves the workbench, and whom it lets in."""

import re
import socket
from types import SimpleNamespace

import pytest
import requests
from click.testing import CliRunner

from celery_sqs.cli import sqs
from tests.polling import poll
from tests.processes import BIN, Process, free_port
from tests.shop import bury, make_shop

SECRET = "a secret of the tests that is long enough"
PASSWORD = "a-password-of-the-tests"

SHOP = """
from celery import Celery
import celery_sqs
app = Celery("shop")
celery_sqs.setup(
    app, queues={"mail": "http://127.0.0.1:1/000000000000/mail"}, region="us-east-1", access_key=("test", "test"),
    monitor_database="sqlite:///shop.db",
)
@app.task(name="shop.send_mail")
def send_mail(mail): ...
"""


@pytest.fixture
def serve(tmp_path):
    """A function that starts the command in a shop's folder; returns its process and where it is."""
    bury(make_shop(tmp_path), "m1")
    (tmp_path / "shop.py").write_text(SHOP)
    processes = []

    def serve(*options, **environment):
        command = [BIN / "celery", "-A", "shop", "sqs", "workbench", "--port", "0", *options]
        process = Process(command, tmp_path / f"{len(processes)}.log", environment, tmp_path)
        processes.append(process)
        poll(lambda: re.search(r"workbench at \S+", process.output), 30, "it listens")
        return process, re.search(r"workbench at (\S+)/", process.output)[1]

    yield serve
    for process in processes:
        process.kill()


def sign_in(url, name, password):
    """A browser after signing in; checks that it got in."""
    http = requests.Session()
    token = re.search(r'name="csrf_token" value="([^"]+)"', http.get(f"{url}/login", timeout=10).text)[1]
    form = {"csrf_token": token, "name": name, "password": password}
    answer = http.post(f"{url}/login", data=form, timeout=10, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    return http


def test_on_loopback_it_makes_up_a_password_and_prints_it(serve):
    process, url = serve()
    assert url.startswith("http://127.0.0.1:")
    assert requests.get(f"{url}/dlq.json", timeout=10).status_code == 401
    password = re.search(r"sign in as operator with (\S+)", process.output)[1]
    answer = sign_in(url, "operator", password).get(f"{url}/dlq/messages", timeout=10)
    assert (answer.status_code, "task-of-m1" in answer.text) == (200, True)
    _, other = serve()
    assert requests.get(f"{other}/dlq.json", auth=("operator", password), timeout=10).status_code == 401


def test_operators_come_from_the_environment_and_are_not_printed(serve):
    process, url = serve(WORKBENCH_OPERATORS=f"ada:{PASSWORD}", WORKBENCH_SECRET=SECRET)
    sign_in(url, "ada", PASSWORD)
    assert "sign in as" not in process.output
    assert PASSWORD not in process.output


def test_metrics_are_on_a_port_of_their_own_for_whoever_asks(serve):
    port = free_port()
    _, url = serve("--metrics-port", str(port))
    assert 'sqs_queue_up{queue="mail"} 0.0' in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    assert "sqs_queue_up" not in requests.get(f"{url}/metrics", timeout=10).text


def test_a_port_for_metrics_that_is_taken_is_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        options = ["workbench", "--port", "0", "--metrics-port", str(taken.getsockname()[1])]
        ended = CliRunner().invoke(sqs, options, obj=SimpleNamespace(app=make_shop(tmp_path)))
    assert (ended.exit_code, ended.stderr.count("\n")) == (1, 1)
    assert "--metrics-port" in ended.stderr


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--host", "10.0.0.1"], "have to be set to listen on 10.0.0.1"),
        (["--host", "::", "--operators", f"ada:{PASSWORD}"], "have to be set to listen on ::"),
        (["--host", "intake.example", "--secret", SECRET], "have to be set to listen on intake.example"),
        (["--secret", "short"], "WORKBENCH_SECRET needs at least 32 bytes"),
        (["--operators", "ada:secret"], "12 or more characters a password"),
        (["--operators", f"ada:{PASSWORD},ada:{PASSWORD}2"], "names an operator twice"),
        (["--operators", f":{PASSWORD}"], "NAME:PASSWORD"),
    ],
)
def test_what_is_not_safe_is_refused_in_words_without_the_secret(tmp_path, options, error):
    ended = CliRunner().invoke(sqs, ["workbench", *options], obj=SimpleNamespace(app=make_shop(tmp_path)))
    assert ended.exit_code == 2
    assert error in ended.stderr
    assert not {"ada:secret", "short."} & set(ended.stderr.split())
    assert PASSWORD not in ended.stderr
