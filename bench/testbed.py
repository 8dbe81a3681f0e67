"""The servers that all runs share, and the backend of each run: a queue, a database, and a proxy before SQS."""

import contextlib
import json
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import make_url

from config.queues import ORDER_QUEUE
from tests.emulator import EMULATORS, Queues
from tests.mariadb import MariaDB
from tests.polling import poll
from tests.processes import Process, free_port, listens

JWT_SECRET: Final = "a-secret-of-the-benchmark-and-of-nobody-else"  # noqa: S105 - it guards nothing
_ORDER_ID_SECRET: Final = "the-order-id-secret-of-the-benchmark"  # noqa: S105 - neither does this

_START_TIMEOUT: Final = 15  # seconds


class Proxy:
    """`bench.proxy` as a process of its own."""

    def __init__(self, upstream: int, round_trip: float, log: Path) -> None:
        self.port, self._control = free_port(), free_port()
        options = {
            "--listen": self.port,
            "--control": self._control,
            "--upstream": upstream,
            "--round-trip": round_trip,
        }
        arguments = [str(part) for option in options.items() for part in option]
        self._process = Process([sys.executable, "-m", "bench.proxy", *arguments], log, {})
        poll(lambda: listens(self._control) and listens(self.port), _START_TIMEOUT, "the proxy listens")

    @property
    def pid(self) -> int:
        """The id of its process."""
        return self._process.pid

    def calls(self) -> dict[str, int]:
        """SQS calls so far, by action."""
        with socket.create_connection(("127.0.0.1", self._control), timeout=5) as control, control.makefile() as answer:
            counts: dict[str, int] = json.loads(answer.read())
        return counts

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()


@dataclass(frozen=True)
class Backend:
    """A fresh queue behind a proxy of its own, and a fresh database, for one run.

    A queue is not used again after a worker was killed: the emulator would deliver messages to the worker's long poll.
    """

    folder: Path
    queues: Queues
    proxy: Proxy
    database_url: str

    def environment(self) -> dict[str, str]:
        """The environment variables of web and worker, ours and the peers'."""
        endpoint = f"http://127.0.0.1:{self.proxy.port}"
        account_and_name = "/".join(self.queues.url.split("/")[-2:])
        return {
            "APP_ENV": "production",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "SQS_ENDPOINT": endpoint,
            "SQS_QUEUE_URL": f"{endpoint}/{account_and_name}",
            "SQS_DLQ_URL": f"{endpoint}/{account_and_name}-dlq",
            "DATABASE_URL": self.database_url,
            "JWT_SECRET": JWT_SECRET,
            "ORDER_ID_SECRET": _ORDER_ID_SECRET,
        }


class Testbed:
    """One emulator and one database server, both real processes on this machine."""

    def __init__(self, folder: Path, emulator: str) -> None:
        for name in ("emulator", "mariadb"):
            (folder / name).mkdir()
        self.folder = folder
        self.emulator = EMULATORS[emulator](folder / "emulator")
        self.mariadb = MariaDB(folder / "mariadb")
        self._runs = 0

    def stop(self) -> None:
        """Stop both."""
        self.emulator.stop()
        self.mariadb.stop()

    def pids(self) -> dict[str, list[int]]:
        """The ids of their processes, by their names."""
        return {"emulator": [self.emulator.pid], "database": [self.mariadb._process.pid]}

    @contextlib.contextmanager
    def backend(self, round_trip: float) -> Iterator[Backend]:
        """A backend for one run.

        Args:
            round_trip: seconds that every SQS call takes longer.
        """
        self._runs += 1
        folder = self.folder / f"run-{self._runs}"
        folder.mkdir()
        queues = Queues.fresh(self.emulator, ORDER_QUEUE.visibility_timeout, ORDER_QUEUE.receive_wait)
        database_url = self.mariadb.fresh()
        proxy = Proxy(self.emulator.port, round_trip, folder / "proxy.log")
        try:
            yield Backend(folder, queues, proxy, database_url)
        finally:
            proxy.stop()
            queues.delete()
            self.mariadb.execute(f"DROP DATABASE {make_url(database_url).database}")


@contextlib.contextmanager
def start_testbed(emulator: str) -> Iterator[Testbed]:
    """A testbed for the length of the benchmark, with this kind of emulator."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        started = Testbed(Path(folder), emulator)
        try:
            yield started
        finally:
            started.stop()


@contextlib.contextmanager
def running(command: list[Any], backend: Backend, name: str, environment: dict[str, str]) -> Iterator[Process]:
    """A process on a backend, killed with its children when the block ends."""
    process = Process(command, backend.folder / f"{name}.log", environment)
    try:
        yield process
    finally:
        process.kill()
