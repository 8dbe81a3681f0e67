"""The service's own processes on queues that Terraform has made, each with the keys of its role and nobody else's."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import requests

from tests.conftest import JWT_SECRET
from tests.e2e.conftest import Client
from tests.polling import poll
from tests.processes import BIN, Process, free_port
from tests.terraform.aws import REGION, Aws
from tests.terraform.recorder import Recorder

OPERATOR: Final = ("ada", "a-password-of-the-tests")

#: Keeps orders of one product from being stored.
REFUSE: Final = """
CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW
IF NEW.product_name = 'explosive' THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not in this house'; END IF
"""

TIMEOUT: Final = 10  # seconds that a page may take


class Services:
    """What a test starts of the service, and the calls that it made of SQS.

    Args:
        aws: where the queues are.
        outputs: what the module has given.
        keys: the access keys of web, worker and operator, as environment variables.
        database_url: an empty database.
        folder: for logs.

    Attributes:
        database: the database's name.
    """

    def __init__(
        self,
        aws: Aws,
        outputs: Mapping[str, Any],
        keys: Mapping[str, Mapping[str, str]],
        database_url: str,
        folder: Path,
    ) -> None:
        self.database = database_url.rsplit("/", 1)[-1]
        self._recorder = Recorder(aws.url, aws.certificate)
        self._folder = folder
        self._keys = keys
        self._environment = {
            "APP_ENV": "production",  # or the keys would be made up
            "AWS_REGION": REGION,
            "AWS_CA_BUNDLE": str(aws.certificate.file),
            "SQS_ENDPOINT": self._recorder.url,
            "SQS_QUEUE_URL": self._recorder.through(outputs["queue_url"]),
            "SQS_DLQ_URL": self._recorder.through(outputs["dlq_url"]),
            "DATABASE_URL": database_url,
            "JWT_SECRET": JWT_SECRET,
            "ORDER_ID_SECRET": "the-order-id-secret-of-the-tests-alone",
            "WEB_WORKERS": "1",
        }
        self._started: list[Process] = []

    def stop(self) -> None:
        """End all that runs."""
        for process in self._started:
            process.kill()
        self._recorder.stop()

    def calls(self, role: str) -> set[tuple[str, str]]:
        """The actions that a role has asked for, each with the name of the queue."""
        key = self._keys[role]["AWS_ACCESS_KEY_ID"]
        return {(call.action, call.queue) for call in self._recorder.calls if call.key == key}

    def refused(self) -> set[tuple[str, str]]:
        """What anybody was refused, or asked without keys that we know."""
        known = {keys["AWS_ACCESS_KEY_ID"] for keys in self._keys.values()}
        return {(call.action, call.queue) for call in self._recorder.calls if call.refused or call.key not in known}

    def web(self, headers: Mapping[str, str]) -> "Web":
        """Start web."""
        ports = {"PORT": str(free_port()), "METRICS_PORT": str(free_port())}
        self._serve("web", "web", ports)
        return Web(ports, headers)

    def worker(self) -> None:
        """Start a worker. It would not start on queues that contradict it."""
        worker = self._start("worker", [BIN / "celery", "-A", "tasks", "worker", "-c", "1"], "worker", {})
        poll(lambda: worker.says("ready."), 30, "the worker is ready")

    def workbench(self) -> "Workbench":
        """Start what is web for operators."""
        ports = {"PORT": str(free_port())}
        self._serve("workbench", "operator", ports | {"OPERATORS": ":".join(OPERATOR)})
        return Workbench(f"http://127.0.0.1:{ports['PORT']}/monitor")

    def flask(self, *arguments: str) -> str:
        """Run a command of the operator's to its end; returns what it says."""
        return self._run("flask", "--app", "app", *arguments)

    def celery(self, *arguments: str) -> str:
        """Run a command of Celery's as the operator to its end; returns what it prints."""
        return self._run("celery", "-A", "tasks", *arguments)

    def _run(self, program: str, *arguments: str) -> str:
        name = f"{program}-{len(self._started)}"
        process = self._start(name, [BIN / program, *arguments], "operator", {"LOG_LEVEL": "ERROR"})
        assert process.wait(60) == 0, process.output
        return process.output

    def _serve(self, name: str, role: str, variables: Mapping[str, str]) -> None:
        command = [BIN / "gunicorn", "-c", "config/gunicorn.py", "app:create_app()"]
        process = self._start(name, command, role, variables)
        poll(lambda: process.says("Listening at"), 30, f"{name} listens")

    def _start(self, name: str, command: list[Any], role: str, variables: Mapping[str, str]) -> Process:
        environment = {**self._environment, **self._keys[role], **variables}
        self._started.append(Process(command, self._folder / f"{name}.log", environment))
        return self._started[-1]


class Web(Client):
    """A client of web, on both of its ports."""

    def __init__(self, ports: Mapping[str, str], headers: Mapping[str, str]) -> None:
        super().__init__(f"http://127.0.0.1:{ports['PORT']}", headers)
        self._metrics_url = f"http://127.0.0.1:{ports['METRICS_PORT']}/metrics"

    def metrics(self) -> str:
        """What Prometheus would get."""
        return requests.get(self._metrics_url, timeout=TIMEOUT).text


class Workbench:
    """An operator's browser."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()

    @contextlib.contextmanager
    def signed_in(self) -> Iterator["Workbench"]:
        """Sign in for the length of a block."""
        with self._session:
            name, password = OPERATOR
            self.post("/login", page="/login", name=name, password=password)
            yield self

    def get(self, page: str) -> str:
        """A page."""
        return self._send("GET", page)

    def post(self, action: str, page: str, **form: str) -> None:
        """Send a form of a page."""
        [token, *_] = re.findall(r'name="csrf_token" value="([^"]+)"', self.get(page))
        self._send("POST", action, {"csrf_token": token, **form})

    def _send(self, method: str, path: str, form: Mapping[str, str] | None = None) -> str:
        # By hand: in production cookies are for HTTPS alone. To a browser, this machine is as good.
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._session.cookies)
        answer = self._session.request(
            method, self._url + path, data=form, headers={"Cookie": cookies}, timeout=TIMEOUT, allow_redirects=False
        )
        assert answer.ok, answer.text
        return answer.text
