"""Who drains: the project's worker and its peers, each as its own documentation would start it."""

import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.messages import Form, like_kombu, like_ours, plain_json
from bench.rig import Line, running
from tests.processes import BIN

OURS: Final = "ours"
LOOP: Final = "hand loop"
TUNED: Final = "Celery tuned"
DEFAULT: Final = "Celery default"

#: In the order of a repetition.
NAMES: Final = (DEFAULT, TUNED, LOOP, OURS)

#: What is tried for the tuned Celery, on top of the options in `bench.peers.plain_celery`. The first
#: is what a quick run takes untried.
TUNINGS: Final = (
    "--pool threads -c 8 --prefetch-multiplier 4",
    "--pool threads -c 16 --prefetch-multiplier 4",
    "--pool threads -c 4 --prefetch-multiplier 10",
    "--pool prefork -c 2 --prefetch-multiplier 10",
    "--pool prefork -c 4 --prefetch-multiplier 4",
    "--pool prefork -c 8 --prefetch-multiplier 4",
)

_PUBLISH_TIMEOUT: Final = 30  # seconds


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A worker that writes the orders of a queue into the table.

    Attributes:
        name: how the report calls it.
        command: starts it; it prints "ready." when it begins.
        form: makes the messages that its own producer sends.
        orders: backlog by milliseconds of added round trip. A slow worker gets a shorter one, so that
            a run stays short; the emulator's work grows with the backlog, so that is in its favour.
        settings: environment variables of its own.
    """

    name: str
    command: Sequence[str | Path]
    form: Form
    orders: Callable[[int], int]
    settings: dict[str, str] = field(default_factory=dict)

    def described(self) -> str:
        """Its command without the folders."""
        return shlex.join(Path(part).name if isinstance(part, Path) else part for part in self.command)


@dataclass(frozen=True)
class Field:
    """All contenders, and how long their backlogs are.

    Attributes:
        peers: the folder of the peers' programs.
        kombu: the form of plain Celery's messages.
        own: the form of the project's.
        ours_args: arguments of the project's worker, its defaults if empty.
        scale: orders in the longest backlog.
    """

    peers: Path
    kombu: Form
    own: Form
    ours_args: Sequence[str]
    scale: int

    def named(self, name: str, tuning: str) -> Contender:
        """A contender; `tuning` is the tuned Celery's options."""
        make = {DEFAULT: self.default, TUNED: lambda: self.tuned(tuning), LOOP: self.loop, OURS: self.ours}
        return make[name]()

    def default(self) -> Contender:
        """Plain Celery with its default settings."""
        return Contender(
            name=DEFAULT,
            command=[*self._celery(), "worker"],
            form=self.kombu,
            orders=lambda round_trip: self.scale // 5,
        )

    def tuned(self, options: str) -> Contender:
        """Plain Celery as fast as options make it."""
        return Contender(
            name=TUNED,
            command=[*self._celery(), "worker", *shlex.split(options)],
            form=self.kombu,
            orders=lambda round_trip: self.scale // (4 if round_trip else 2),
            settings={"BENCH_TUNED": "1"},
        )

    def loop(self) -> Contender:
        """The loop written by hand."""
        return Contender(
            name=LOOP,
            command=[self.peers / "python", "-m", "bench.peers.hand_loop"],
            form=plain_json,
            orders=lambda round_trip: self.scale,
        )

    def ours(self) -> Contender:
        """The project's worker."""
        return Contender(
            name=OURS,
            command=[BIN / "celery", "-A", "tasks", "worker", *self.ours_args],
            form=self.own,
            orders=lambda round_trip: self.scale,
        )

    def _celery(self) -> list[str | Path]:
        return [self.peers / "celery", "-A", "bench.peers.plain_celery"]


def kombu_form(line: Line, peers: Path) -> Form:
    """Plain Celery's form, from a message that it published itself."""
    return like_kombu(_published(line, [peers / "python", "-m", "bench.peers.plain_celery"]))


def own_form(line: Line) -> Form:
    """The project's form, from a message that it published itself."""
    return like_ours(_published(line, [sys.executable, "-m", "bench.publish"]))


def _published(line: Line, command: list[str | Path]) -> dict[str, Any]:
    with running(command, line, "publish", line.environment()) as process:
        code = process.wait(_PUBLISH_TIMEOUT)
        if code:
            raise RuntimeError(f"{command} ended with {code}:\n{process.output}")
    [message] = line.queues.peek(line.queues.url)
    found: dict[str, Any] = message
    return found
