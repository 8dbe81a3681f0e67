"""Real processes for the tests: each with a log file, each ended by the test that started it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
BIN: Final = Path(sys.executable).parent

STOP_TIMEOUT: Final = 15  # seconds


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(port: int) -> bool:
    """Whether somebody accepts connections on a port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Process:
    """A child process in a group of its own.

    Args:
        command: the program and its arguments.
        log: where its output goes.
        environment: all of its environment but PATH and HOME.
        folder: where it runs.
    """

    def __init__(
        self, command: Sequence[str | Path], log: Path, environment: Mapping[str, str], folder: Path = ROOT
    ) -> None:
        self._log = log
        inherited = {name: os.environ[name] for name in ("HOME", "PATH", "PYTHONPATH") if name in os.environ}
        with log.open("ab") as output:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                cwd=folder,
                env={"PYTHONUNBUFFERED": "1", **inherited, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        """The process's id, which is its group's, too."""
        return self._child.pid

    @property
    def returncode(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._child.poll()

    def says(self, text: str) -> bool:
        """Whether it has printed a text; fails when it ended without."""
        if text in self.output:
            return True
        assert self.returncode is None, f"ended with {self.returncode}:\n{self.output}"
        return False

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to the process alone, not to its children."""
        self._child.send_signal(signum)

    def wait(self, timeout: float = STOP_TIMEOUT) -> int:
        """Wait for its end; returns its exit code."""
        return self._child.wait(timeout)

    def kill(self) -> None:
        """SIGKILL to it and all its children, as when a machine dies."""
        self._signal_group(signal.SIGKILL)
        self._child.wait(STOP_TIMEOUT)

    def stop(self) -> None:
        """End it by SIGTERM, and by SIGKILL where that is not enough."""
        if self.returncode is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOP_TIMEOUT)
        self._signal_group(signal.SIGKILL)
        self._child.wait(STOP_TIMEOUT)

    def _signal_group(self, signum: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signum)
