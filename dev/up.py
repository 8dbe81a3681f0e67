"""Run everything on this machine: `make up`. It checks the ports and leaves the rest to honcho."""

import os
import signal
import socket
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import click
from honcho.environ import parse_procfile
from honcho.manager import Manager
from honcho.printer import Printer

from config.settings import Settings
from dev.local import LOOPBACK, local_settings, sqs_port, web_url

PROCFILE: Final = Path("Procfile.dev")

_ENDED_BY_CTRL_C: Final = 128 + signal.SIGINT


class PrefixPrinter:
    """honcho's printer, without its prefix for what `banner` prints: users copy those lines."""

    def __init__(self) -> None:
        self.width = 0  # honcho sets it to the longest name
        self._printer = Printer(sys.stdout)
        self._closed = False

    def write(self, message: Any) -> None:
        """Print a line of a process."""
        if self._closed:
            return
        self._printer.width = self.width
        self._printer.prefix = message.name != "banner"
        try:
            self._printer.write(message)
        except OSError:  # the terminal or the pipe is closed
            self._closed = True
            os.kill(os.getpid(), signal.SIGTERM)


@click.command()
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    default="var",
    show_default=True,
    help="Folder that keeps the emulator's queues.",
)
def main(state: Path) -> None:
    """Run everything on this machine until Ctrl-C."""
    settings = local_settings("make up")
    _require_free_ports(settings)
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = _environment(settings, state)
    Path(environment["DEV_WORKER_STARTED"]).unlink(missing_ok=True)
    # Flower does not start without OPERATORS, and honcho ends all processes when one ends.
    sys.exit(_run(environment, without=() if settings.operators else ("flower",)))


def _require_free_ports(settings: Settings) -> None:
    """End with one line that names the first port that is not free."""
    needs = [
        (settings.port, "the web server", "PORT"),
        (sqs_port(settings), "the SQS emulator", "SQS_ENDPOINT"),
    ]
    if settings.operators:
        needs.append((settings.flower_port, "Flower", "FLOWER_PORT"))
    with ExitStack() as reserved:
        for port, needed_by, variable in needs:
            try:
                reserved.enter_context(socket.create_server((LOOPBACK, port)))
            except OSError as error:
                sys.exit(
                    f"make up: port {port} is not free ({os.strerror(error.errno or 0)}), and {needed_by} needs it. "
                    f"Stop what uses it, or choose another port with {variable}."
                )


def _environment(settings: Settings, state: Path) -> dict[str, str]:
    """The environment of Procfile.dev's commands."""
    return {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "BIND_HOST": LOOPBACK,
        "DEV_STATE": str(state),
        "DEV_SQS_PORT": str(sqs_port(settings)),
        "DEV_WEB_URL": web_url(settings),
        "DEV_WORKER_STARTED": str(state / "worker-started"),
    }


def _run(environment: dict[str, str], without: tuple[str, ...]) -> int:
    """Run Procfile.dev until a signal, or until one of its processes ends; returns the exit code."""
    manager = Manager(printer=PrefixPrinter())
    for name, command in parse_procfile(PROCFILE.read_text()).processes.items():
        if name not in without:
            manager.add_process(name, command, env=environment)
    # A closed terminal must not leave the processes behind; honcho knows SIGINT and SIGTERM only.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    returncode: int = manager.returncode
    return 0 if returncode == _ENDED_BY_CTRL_C else returncode


if __name__ == "__main__":
    main()
