"""A worker's end of remote control: it polls the database for commands and replies to them."""

import functools
import logging
import queue
from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any, Final

from celery.worker import state

from celery_sqs import system
from celery_sqs.monitor.connection_guard import ConnectionGuard
from celery_sqs.monitor.control.commands import CLOCK_SKEW, MAX_COMMANDS, Command, CommandStore
from celery_sqs.monitor.control.panel import learn
from celery_sqs.monitor.control.pause_reader import PauseReader
from celery_sqs.threads import Guarded

logger = logging.getLogger(__name__)

POLL_INTERVAL: Final = 1.0  # seconds between two queries for commands

#: Seconds without a poll after which a command may have come and gone.
MISSED_AFTER: Final = 3.0

#: Seconds that a worker's start waits for what is paused and revoked, where the database does not answer.
START_TIMEOUT: Final = 5.0


class CommandListener:
    """Answers commands, from a thread of its own.

    Args:
        store: of commands and replies.
        worker: this worker's name.
        handle: returns the reply to a command, or a function that does and may wait for a result backend. It runs on
            the worker's main thread, which changes all that it reads.
        call_soon: schedules a call on the worker's main thread, from any thread. What the call raises would end the
            worker.
        may_revoke: the setting `sqs_monitor_revoke`.
        pause_reader: says which queues are paused; None: it is not asked.
        poll_interval: seconds between two queries for commands.
    """

    def __init__(
        self,
        store: CommandStore,
        worker: str,
        handle: Callable[[Command], Any],
        call_soon: Callable[[Callable[[], None]], Any],
        may_revoke: bool = False,
        pause_reader: PauseReader | None = None,
        poll_interval: float = POLL_INTERVAL,
    ) -> None:
        self._store = store
        self._worker = worker
        self._handle = handle
        self._call_soon = call_soon
        self._may_revoke = may_revoke
        self._pause_reader = pause_reader
        self._poll_interval = poll_interval
        self._replies: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._scheduled: set[str] = set()  # tickets of the commands that the last poll has found
        # What was sent while this worker was down is not for it; but the sender's clock may be late.
        self._since = system.now(UTC) - timedelta(seconds=CLOCK_SKEW)
        self._polled_at = float("-inf")
        self._is_complete = system.threading.Event()
        self._guard = ConnectionGuard(logger, "answers to remote control")
        self._stopped = system.threading.Event()
        self._thread = Guarded(self._run, name="sqs-command-listener")

    def start(self) -> None:
        """Begin to poll. When it returns, what is paused and revoked is known, unless the database cannot be used."""
        self._thread.start()
        deadline = system.time.monotonic() + START_TIMEOUT
        text = "the worker starts as if nothing were %s: the monitor's database has not said so within %d s"
        if self._pause_reader is not None and not self._pause_reader.has_answer.wait(START_TIMEOUT):
            logger.warning(text, "paused", START_TIMEOUT)
        if self._may_revoke and not self._is_complete.wait(max(0.0, deadline - system.time.monotonic())):
            logger.warning(text, "revoked", START_TIMEOUT)

    def stop(self) -> None:
        """Poll no more. It does not wait for the thread: the database may be away."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._guard.suppress_errors():
                if self._pause_reader is not None:
                    self._pause_reader.look()
                self._poll()
            self._write_replies(system.time.monotonic() + self._poll_interval)

    def _poll(self) -> None:
        now = system.time.monotonic()
        if self._may_revoke and now - self._polled_at > MISSED_AFTER:
            self._learn_all()
        pending = self._store.pending(self._since)
        self._polled_at = now if len(pending) < MAX_COMMANDS else float("-inf")
        scheduled, self._scheduled = self._scheduled, {command.ticket for command in pending}
        for command in pending:
            if command.ticket not in scheduled and command.is_for(self._worker):
                if self._may_revoke and command.revokes:
                    learn(command)  # at once: with the solo pool the main thread may run other calls first
                self._call_soon(functools.partial(self._answer, command))

    def _learn_all(self) -> None:
        """What was revoked before this worker started, or while the database was away."""
        task_ids = [task_id for command in self._store.revocations() for task_id in learn(command)]
        self._call_soon(functools.partial(state.revoked.update, task_ids))  # for `inspect revoked`
        self._is_complete.set()

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
        while (remaining := deadline - system.time.monotonic()) > 0:
            try:
                ticket, reply = self._replies.get(timeout=remaining)
            except queue.Empty:
                return
            with self._guard.suppress_errors():
                self._store.reply(ticket, self._worker, reply() if callable(reply) else reply)
