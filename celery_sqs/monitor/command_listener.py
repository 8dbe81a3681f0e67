"""A worker's end of remote control: it looks for commands in the database and answers them."""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from celery import bootsteps
from celery.utils.collections import AttributeDict
from celery.worker.control import Panel

from celery_sqs.monitor.commands import ANSWERED, Command, Commands
from celery_sqs.monitor.connection_guard import ConnectionGuard
from celery_sqs.monitor.control import Refused
from celery_sqs.monitor.engine import engine_of
from celery_sqs.worker.consumer import Consumer

logger = logging.getLogger(__name__)

LOOK: Final = 1.0  # seconds between two looks for commands; one query each

SNAPSHOT_TRIES: Final = 5


class CommandListener:
    """Answers commands, from a thread of its own.

    Args:
        commands: where they come from and where the replies go.
        worker: this worker's name.
        answer: answers a command.
        soon: from any thread, has something called on the worker's main one. All that is answered from is
            changed there. Nothing raised may reach it: it would end the worker.
        look: seconds between two looks.
    """

    def __init__(
        self,
        commands: Commands,
        worker: str,
        answer: Callable[[Command], Any],
        soon: Callable[[Callable[[], None]], Any],
        look: float = LOOK,
    ) -> None:
        self._commands = commands
        self._worker = worker
        self._answer = answer
        self._soon = soon
        self._pause = look
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._known: set[str] = set()
        # What was sent while this worker was down is not for it.
        self._since = datetime.now(UTC)
        self._contact = ConnectionGuard(logger, "answers to remote control")
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch-inbox", daemon=True)

    def start(self) -> None:
        """Begin to look for commands."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more. It waits for nothing: the database may be away."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._contact.kept():
                self._look()
            self._write_until(time.monotonic() + self._pause)

    def _look(self) -> None:
        waiting = self._commands.waiting(self._since)
        known, self._known = self._known, {command.ticket for command in waiting}
        for command in waiting:
            if command.ticket not in known and command.is_for(self._worker):
                self._soon(functools.partial(self._answer_here, command))

    def _answer_here(self, command: Command) -> None:
        """On the worker's main thread."""
        try:
            answer = self._answer(command)
        # Celery's own does the same: kombu.pidbox.Node.dispatch.
        except Exception as error:
            answer = {"error": repr(error)}
        self._answers.put((command.ticket, answer))

    def _write_until(self, deadline: float) -> None:
        while (left := deadline - time.monotonic()) > 0:
            try:
                ticket, answer = self._answers.get(timeout=left)
            except queue.Empty:
                return
            with self._contact.kept():
                self._commands.reply(ticket, self._worker, answer)


class Answering(bootsteps.StartStopStep):
    """Has a worker answer commands. Celery's own step for that is left out by `worker_enable_remote_control`."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Consumer, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._commands = Commands(engine_of(parent.app))
        self._listener: CommandListener | None = None

    def start(self, parent: Consumer) -> None:
        """Begin. The state that handlers get is the one of celery.worker.pidbox.Pidbox."""
        state = AttributeDict(app=parent.app, hostname=parent.hostname, consumer=parent, tset=_snapshot)
        self._listener = CommandListener(
            self._commands, parent.hostname, functools.partial(reply, state), parent.call_soon
        )
        self._listener.start()

    def stop(self, parent: Consumer) -> None:
        """Stop."""
        if self._listener is not None:
            self._listener.stop()


def reply(state: Any, command: Command) -> Any:
    """What Celery's handler says to a command.

    Args:
        state: what Celery's handlers are given: see `Answering.start`.
        command: it may be anything: only what is on the list is answered.
    """
    if command.method not in ANSWERED:
        return {"error": str(Refused(command.method))}
    return Panel.data[command.method](state, **command.arguments)


def _snapshot(requests: Iterable[Any]) -> set[Any]:
    """A copy of one of Celery's sets of requests. The threads of a pool may add to it while it is made."""
    for _ in range(SNAPSHOT_TRIES):
        with contextlib.suppress(RuntimeError):
            return set(requests)
    return set(requests)
