"""A worker's end of remote control: it polls the database for commands and replies to them."""

import contextlib
import functools
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

from celery.utils.collections import AttributeDict
from celery.worker.control import Panel

from celery_sqs.monitor.connection_guard import ConnectionGuard
from celery_sqs.monitor.control.commands import INSPECT_COMMANDS, Command, CommandStore, UnsupportedCommand
from celery_sqs.threads import Guarded

logger = logging.getLogger(__name__)

POLL_INTERVAL: Final = 1.0  # seconds between two queries for commands

COPY_ATTEMPTS: Final = 5


class CommandListener:
    """Answers commands, from a thread of its own.

    Args:
        store: of commands and replies.
        worker: this worker's name.
        handle: returns the reply to a command. It runs on the worker's main thread, which changes all that it reads.
        call_soon: schedules a call on the worker's main thread, from any thread. What the call raises would end the
            worker.
        poll_interval: seconds between two queries for commands.
    """

    def __init__(
        self,
        store: CommandStore,
        worker: str,
        handle: Callable[[Command], Any],
        call_soon: Callable[[Callable[[], None]], Any],
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        self._store = store
        self._worker = worker
        self._handle = handle
        self._call_soon = call_soon
        self._poll_interval = poll_interval
        self._replies: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._scheduled: set[str] = set()  # tickets of the commands that the last poll has found
        # What was sent while this worker was down is not for it.
        self._since = datetime.now(UTC)
        self._guard = ConnectionGuard(logger, "answers to remote control")
        self._stopped = threading.Event()
        self._thread = Guarded(self._run, name="sqs-command-listener")

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Poll no more. It does not wait for the thread: the database may be away."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._guard.suppress_errors():
                self._poll()
            self._write_replies(time.monotonic() + self._poll_interval)

    def _poll(self) -> None:
        pending = self._store.pending(self._since)
        scheduled, self._scheduled = self._scheduled, {command.ticket for command in pending}
        for command in pending:
            if command.ticket not in scheduled and command.is_for(self._worker):
                self._call_soon(functools.partial(self._answer, command))

    def _answer(self, command: Command) -> None:
        """On the worker's main thread."""
        try:
            reply = self._handle(command)
        # Celery's own does the same: kombu.pidbox.Node.dispatch.
        except Exception as error:
            logger.exception("the command %s failed", command.method)
            reply = {"error": repr(error)}
        self._replies.put((command.ticket, reply))

    def _write_replies(self, deadline: float) -> None:
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                ticket, reply = self._replies.get(timeout=remaining)
            except queue.Empty:
                return
            with self._guard.suppress_errors():
                self._store.reply(ticket, self._worker, reply)


def panel_state(consumer: Any) -> Any:
    """What Celery's handlers get as their state: as celery.worker.pidbox.Pidbox has it."""
    return AttributeDict(app=consumer.app, hostname=consumer.hostname, consumer=consumer, tset=_copy)


def handle(state: Any, command: Command) -> Any:
    """The reply of Celery's handler to a command.

    Args:
        state: from `panel_state`.
        command: as it stands in the table, where it may be anything: only `INSPECT_COMMANDS` are answered.
    """
    if command.method not in INSPECT_COMMANDS:
        return {"error": str(UnsupportedCommand(command.method))}
    return Panel.data[command.method](state, **command.arguments)


def _copy(requests: Iterable[Any]) -> set[Any]:
    """A copy of one of Celery's sets of requests. The threads of a pool may add to it meanwhile."""
    for _ in range(COPY_ATTEMPTS):
        with contextlib.suppress(RuntimeError):
            return set(requests)
    return set(requests)
