"""The parts that all contenders share, and the line that each run gets for itself."""

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
from tests.emulator import Ministack, Queues
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
        """Its process."""
        return self._process.pid

    def calls(self) -> dict[str, int]:
        """SQS calls so far, by action."""
        with socket.create_connection(("127.0.0.1", self._control), timeout=5) as control, control.makefile() as answer:
            counts: dict[str, int] = json.loads(answer.read())
        return counts

    def stop(self) -> None:
        """End it."""
        self._process.kill()


@dataclass(frozen=True)
class Line:
    """What one run works on: a fresh queue behind a proxy of its own, and a fresh database.

    A queue that a killed worker polled is not used again: its long poll would swallow messages.
    """

    folder: Path
    queues: Queues
    proxy: Proxy
    database_url: str

    def environment(self) -> dict[str, str]:
        """What web and worker are told, ours and the peers'."""
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


class Rig:
    """One emulator and one database server, both real, on this machine."""

    def __init__(self, folder: Path) -> None:
        for name in ("emulator", "mariadb"):
            (folder / name).mkdir()
        self.folder = folder
        self.emulator = Ministack(folder / "emulator")
        self.mariadb = MariaDB(folder / "mariadb")
        self._lines = 0

    def stop(self) -> None:
        """End both."""
        self.emulator.stop()
        self.mariadb.stop()

    def pids(self) -> dict[str, list[int]]:
        """Their processes, by what they are."""
        return {"emulator": [self.emulator.pid], "database": [self.mariadb._process.pid]}

    @contextlib.contextmanager
    def line(self, round_trip: float) -> Iterator[Line]:
        """A line for one run.

        Args:
            round_trip: seconds that every SQS call takes longer.
        """
        self._lines += 1
        folder = self.folder / f"run-{self._lines}"
        folder.mkdir()
        queues = Queues.fresh(self.emulator, ORDER_QUEUE.visibility_timeout, ORDER_QUEUE.receive_wait)
        database_url = self.mariadb.fresh()
        proxy = Proxy(self.emulator.port, round_trip, folder / "proxy.log")
        try:
            yield Line(folder, queues, proxy, database_url)
        finally:
            proxy.stop()
            queues.delete()
            self.mariadb.execute(f"DROP DATABASE {make_url(database_url).database}")


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """The shared parts, for the length of the benchmark."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        started = Rig(Path(folder))
        try:
            yield started
        finally:
            started.stop()


@contextlib.contextmanager
def running(command: list[Any], line: Line, name: str, environment: dict[str, str]) -> Iterator[Process]:
    """A process on a line, killed with its children when the block ends."""
    process = Process(command, line.folder / f"{name}.log", environment)
    try:
        yield process
    finally:
        process.kill()
