"""The brokers that the tests can run on, and what the tests need to know of each."""

import contextlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy import create_engine

from celery_sqs.monitor import metadata
from tests.celery_suite.adapter import ENDPOINT, KEYS, QUEUES, REGION, SET_UP
from tests.emulator import Ministack, Queues
from tests.polling import poll
from tests.processes import ROOT, Process, free_port, listens

VENV: Final = ROOT / ".venv-celery"

QUEUE: Final = "celery"  # Celery's name of its default queue
VISIBILITY_TIMEOUT: Final = 30  # seconds
RECEIVE_WAIT: Final = 1  # seconds
POLLING_INTERVAL: Final = 0.1  # seconds between two polls of kombu's transport

#: Where the tests' tasks are, the class that some of these derive from, and how it is imported.
TASKS: Final = "t/integration/tasks.py"
BASE: Final = "Task"
IMPORT: Final = rf"^from celery import .*\b{BASE}\b.*$"

#: The file with the tables of the framework's monitor, through which workers are asked.
MONITOR: Final = "monitor.db"

#: In Celery's root folder this file overrides the configuration of the tests' app.
OVERRIDES: Final = "integration-tests-config.json"

BROKERS: Final = ("sqs", "redis", "kombu")

#: What the heading of a run on this transport says of how it is set up.
SET_UP_AS: Final = ", with the extra monitor, purge allowed, task classes derived from SQSTask, no pauses for retries"


@dataclass(frozen=True)
class Broker:
    """A broker and a result backend for one group of tests.

    Attributes:
        environment: variables for pytest.
        overrides: Celery settings of the tests' app.
    """

    environment: Mapping[str, str]
    overrides: Mapping[str, Any]


@contextlib.contextmanager
def running(kind: str, folder: Path) -> Iterator[Broker]:
    """A broker of one of BROKERS, and redis for the results, for as long as the context lasts."""
    with contextlib.ExitStack() as servers:
        port = servers.enter_context(_redis(folder))
        url = f"redis://127.0.0.1:{port}/0"
        environment = {"TEST_BACKEND": url, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port)}
        environment["WORKER_LOGLEVEL"] = "INFO"  # what Celery's tests of the worker's log need
        if kind == "redis":
            yield Broker({**environment, "TEST_BROKER": url}, {})
            return
        emulator = Ministack(folder)
        servers.callback(emulator.stop)
        queues = Queues.fresh(emulator, VISIBILITY_TIMEOUT, RECEIVE_WAIT)
        environment |= {
            "TEST_BROKER": f"sqs://{':'.join(KEYS)}@{urlsplit(emulator.url).netloc}",
            QUEUES: f"{queues.url} {queues.dlq_url}",
            ENDPOINT: emulator.url,
        }
        if kind == "kombu":
            yield Broker(environment, {"broker_transport_options": _kombus_options(queues)})
        else:
            monitor = f"sqlite:///{folder / MONITOR}"
            metadata.create_all(create_engine(monitor))
            yield Broker({**environment, SET_UP: "1"}, _settings(queues, emulator.url, monitor))


def _settings(queues: Queues, endpoint: str, monitor: str) -> dict[str, Any]:
    return {
        "sqs_monitor_database": monitor,
        "sqs_purge_allowed": True,
        "sqs_queues": {QUEUE: {"url": queues.url, "dlq_url": queues.dlq_url}},
        "sqs_region": REGION,
        "sqs_endpoint_url": endpoint,
        "sqs_access_key": KEYS,
    }


def _kombus_options(queues: Queues) -> dict[str, Any]:
    return {
        "region": REGION,
        "is_secure": False,
        "predefined_queues": {QUEUE: {"url": queues.url}},
        "visibility_timeout": VISIBILITY_TIMEOUT,
        "wait_time_seconds": RECEIVE_WAIT,
        "polling_interval": POLLING_INTERVAL,
    }


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[int]:
    """A redis server that stores nothing on disk; its port."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    server = Process([*command, "--dir", folder], folder / "redis.log", {})
    try:
        poll(lambda: listens(port), 10, "redis-server listens")
        yield port
    finally:
        server.stop()


def installed() -> bool:
    """Whether all is there that the tests run on."""
    return (VENV / "installed").exists() and shutil.which("redis-server") is not None


def command() -> list[str | Path]:
    """How to start pytest in the environment of the tests."""
    plugins = ("celery.contrib.pytest", "tests.celery_suite.adapter")
    return [VENV / "bin" / "python", "-m", "pytest", *(word for name in plugins for word in ("-p", name))]


def variables() -> dict[str, str]:
    """What makes the programs of the environment, and this repository's code, those that the tests run."""
    return {"PATH": f"{VENV / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def configure(folder: Path, broker: Broker) -> None:
    """Write the broker's settings to a folder of tests, and derive their task classes from ours where it is ours."""
    (folder / OVERRIDES).write_text(json.dumps(broker.overrides))
    if SET_UP in broker.environment:
        tasks = folder / TASKS
        tasks.write_text(derived(tasks.read_text()))


def derived(source: str) -> str:
    """A module's source with SQSTask as the base of its task classes, as preflight wants it: all else is as it was.

    Raises:
        ValueError: it has no such class, or does not import Celery's base as it is known to.
    """
    changed, count = re.subn(rf"^(\s*class \w+)\({BASE}\):$", r"\1(SQSTask):", source, flags=re.MULTILINE)
    imported = re.sub(IMPORT, r"from celery_sqs import SQSTask\n\g<0>", changed, count=1, flags=re.MULTILINE)
    if not count or imported == changed:
        raise ValueError(f"{TASKS} has no class that derives from Celery's {BASE}, or imports that in another way")
    return imported
