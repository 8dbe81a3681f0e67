"""The contenders: the project's worker and its peers, each started as its own documentation has it."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench import peer_environments
from bench.messages import MessageFactory, dramatiq_messages, kombu_messages, our_messages, plain_json, taskiq_messages
from bench.testbed import Backend, Testbed, running
from tests.processes import BIN

OURS: Final = "ours"
EVENTS_OFF: Final = "ours, reports off"
DEFAULT: Final = "Celery default"
TUNED: Final = "Celery tuned"
ONE_BY_ONE: Final = "hand loop, one by one"
LOOP: Final = "hand loop, batched"
DRAMATIQ: Final = "dramatiq"
NODE_SINGLE: Final = "sqs-consumer, one by one"
NODE_BATCH: Final = "sqs-consumer, batched"
TASKIQ: Final = "taskiq"

#: In the order of a repetition.
NAMES: Final = (DEFAULT, TUNED, ONE_BY_ONE, LOOP, DRAMATIQ, NODE_SINGLE, NODE_BATCH, TASKIQ, EVENTS_OFF, OURS)
#: The other frameworks, without Celery.
OTHERS: Final = (DRAMATIQ, NODE_SINGLE, NODE_BATCH, TASKIQ)

#: The options that are tried for the tuned Celery, in addition to those in `bench.peers.plain_celery.app`. A quick run
#: takes the first.
TUNINGS: Final = (
    "--pool threads -c 8 --prefetch-multiplier 4",
    "--pool threads -c 16 --prefetch-multiplier 4",
    "--pool threads -c 4 --prefetch-multiplier 10",
    "--pool prefork -c 2 --prefetch-multiplier 10",
    "--pool prefork -c 4 --prefetch-multiplier 4",
    "--pool prefork -c 8 --prefetch-multiplier 4",
)

#: For each contender the source of its options.
SOURCES: Final = {
    DEFAULT: "Celery's documentation, *Using Amazon SQS*: broker URL and `predefined_queues`, nothing else. "
    "It loses an order when its task fails.",
    TUNED: "the options of *Optimizing* and *Configuration and defaults* that keep a failing order and cost the least, "
    "see `bench/peers/plain_celery/app.py`, and the OPTIONS that drained fastest of those below.",
    ONE_BY_ONE: "the architecture decision's own: receive one, insert it, delete it.",
    LOOP: "what AWS's *Amazon SQS batch actions* suggests: receive ten, insert them in one statement, delete ten.",
    DRAMATIQ: "the README of dramatiq_sqs, *Usage*; `dramatiq` with its defaults: a process per core, each with 8 "
    "threads.",
    NODE_SINGLE: "the README of sqs-consumer, *Usage*, and mysql2, *Using Prepared Statements*.",
    NODE_BATCH: "the same with `handleMessageBatch` and `batchSize: 10`, and one multi-row insert.",
    TASKIQ: "the README of taskiq-aio-sqs, *General usage* and *Configuration*, with ten messages a receive instead of "
    "one; taskiq's guide, *CLI*: two processes and a thread pool. It deletes a message also when its task fails.",
    EVENTS_OFF: "`TASK_EVENTS=false`, to show what the reports to the tables cost.",
    OURS: "this project's worker with its defaults, the reports on.",
}

_PUBLISH_TIMEOUT: Final = 30  # seconds


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A worker that writes the orders of a queue into the table.

    Attributes:
        name: in the report.
        command: starts it.
        make_message: makes the messages that its own producer sends.
        shares: its backlog in parts of the usual one, without an added round trip and with one. A slow worker gets a
            short one, which is in its favour: the emulator's work grows with the backlog.
        ready: what it prints when it begins to receive.
        settings: environment variables of its own.
        numbered: arguments that distinguish one of several workers from the others, with {} for its number.
    """

    name: str
    command: Sequence[str | Path]
    make_message: MessageFactory
    shares: tuple[float, float] = (1.0, 1.0)
    ready: str = "ready."
    settings: dict[str, str] = field(default_factory=dict)
    numbered: Sequence[str] = ()

    def orders(self, scale: int, round_trip: int) -> int:
        """Its backlog where the usual one is `scale`."""
        return round(scale * self.shares[bool(round_trip)])

    def described(self) -> str:
        """Its command without the folders."""
        return shlex.join(Path(part).name if isinstance(part, Path) else part for part in self.command)

    def number(self, number: int) -> list[str | Path]:
        """The command of one of several workers."""
        return [*self.command, *(part.format(number) for part in self.numbered)]


class Contenders:
    """All contenders. Their messages are made after samples that their own producers send.

    Args:
        testbed: where the producers send.
        ours_args: arguments of the project's worker, its defaults if empty.
    """

    def __init__(self, testbed: Testbed, ours_args: Sequence[str]) -> None:
        self._testbed = testbed
        self._ours_args = ours_args
        self._made: dict[str, Contender | Exception] = {}
        self._samples: dict[str, dict[str, Any]] = {}

    def prepare(self, name: str) -> Exception | None:
        """Install a contender and get a sample of its messages, once; returns the error if it cannot run."""
        makers = {
            DEFAULT: self._default,
            TUNED: self._tuned,
            ONE_BY_ONE: lambda: self._loop(ONE_BY_ONE, at_once=1),
            LOOP: lambda: self._loop(LOOP, at_once=10),
            DRAMATIQ: self._dramatiq,
            NODE_SINGLE: lambda: self._node(NODE_SINGLE, "single"),
            NODE_BATCH: lambda: self._node(NODE_BATCH, "batch"),
            TASKIQ: self._taskiq,
            EVENTS_OFF: lambda: replace(self._ours(), name=EVENTS_OFF, settings={"TASK_EVENTS": "false"}),
            OURS: self._ours,
        }
        if name not in self._made:
            try:
                self._made[name] = makers[name]()
            # Any error: the other contenders run all the same, and each step of this one reports the error.
            except Exception as error:
                self._made[name] = error
        made = self._made[name]
        return made if isinstance(made, Exception) else None

    def named(self, name: str, options: str = "") -> Contender:
        """A contender by its name.

        Args:
            name: of the contender.
            options: further arguments of its command.
        """
        self.prepare(name)
        made = self._made[name]
        if isinstance(made, Exception):
            raise made
        return replace(made, command=[*made.command, *shlex.split(options)])

    def described(self) -> dict[str, str]:
        """The command of each that can run."""
        return {name: made.described() for name, made in self._made.items() if isinstance(made, Contender)}

    def _default(self) -> Contender:
        bin_ = peer_environments.python_bin(peer_environments.PEERS / "plain_celery")
        sample = self._sample([bin_ / "python", "-m", "bench.peers.plain_celery.app"])
        return Contender(
            name=DEFAULT,
            command=[bin_ / "celery", "-A", "bench.peers.plain_celery.app", "worker"],
            make_message=kombu_messages(sample),
            shares=(0.1, 0.1),
        )

    def _tuned(self) -> Contender:
        return replace(self._default(), name=TUNED, shares=(0.5, 0.25), settings={"BENCH_TUNED": "1"})

    def _loop(self, name: str, *, at_once: int) -> Contender:
        python = peer_environments.python_bin(peer_environments.PEERS / "hand_loop") / "python"
        return Contender(
            name=name,
            command=[python, "-m", "bench.peers.hand_loop.loop", str(at_once)],
            make_message=plain_json,
            shares=(1.0, 0.25) if at_once == 1 else (1.0, 1.0),
        )

    def _dramatiq(self) -> Contender:
        bin_ = peer_environments.python_bin(peer_environments.PEERS / "dramatiq_sqs")
        sample = self._sample([bin_ / "python", "-m", "bench.peers.dramatiq_sqs.worker"])
        return Contender(
            name=DRAMATIQ,
            command=[bin_ / "dramatiq", "bench.peers.dramatiq_sqs.worker"],
            make_message=dramatiq_messages(sample),
            ready="ready for action",
        )

    def _taskiq(self) -> Contender:
        bin_ = peer_environments.python_bin(peer_environments.PEERS / "taskiq_sqs")
        sample = self._sample([bin_ / "python", "-m", "bench.peers.taskiq_sqs.worker"])
        return Contender(
            name=TASKIQ,
            command=[bin_ / "taskiq", "worker", "bench.peers.taskiq_sqs.worker:broker"],
            make_message=taskiq_messages(sample),
        )

    def _node(self, name: str, mode: str) -> Contender:
        script = peer_environments.node_folder() / "consumer.js"
        shares = (1.0, 0.25) if mode == "single" else (1.0, 1.0)
        return Contender(name=name, command=[BIN / "node", script, mode], make_message=plain_json, shares=shares)

    def _ours(self) -> Contender:
        return Contender(
            name=OURS,
            command=[BIN / "celery", "-A", "tasks", "worker", *self._ours_args],
            make_message=our_messages(self._sample([sys.executable, "-m", "bench.publish"])),
            numbered=("-n", "worker-{}@%h"),
        )

    def _sample(self, command: list[str | Path]) -> dict[str, Any]:
        """A sample: the message that a producer sends to a queue of its own. Each producer runs once."""
        named = shlex.join(map(str, command))
        if named not in self._samples:
            with self._testbed.backend(0) as backend:
                self._samples[named] = _published(backend, command)
        return self._samples[named]


def _published(backend: Backend, command: list[str | Path]) -> dict[str, Any]:
    with running(command, backend, "publish", backend.environment()) as process:
        code = process.wait(_PUBLISH_TIMEOUT)
        if code:
            raise RuntimeError(f"{command} ended with {code}:\n{process.output}")
    [message] = backend.queues.peek(backend.queues.url)
    found: dict[str, Any] = message
    return found
