"""Celery's `app.control`, which asks workers through tables instead of a broadcast.

Celery's own needs a fanout exchange, which SQS does not have: with plain Celery each of these ends in an error
or, in Flower, in an answer of 200 for what never was sent.
"""

import getpass
import os
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from datetime import UTC
from functools import cached_property, partial
from itertools import islice
from typing import Any, Final

from billiard.common import TERM_SIGNAME
from celery.app import control
from celery.platforms import signals
from celery.utils.functional import maybe_list
from kombu.matcher import match
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs import system
from celery_sqs.monitor.control.commands import STAMPS, Command, CommandStore, UnsupportedCommand, answered
from celery_sqs.monitor.engine import engine_of
from celery_sqs.monitor.event_reader import EventReader
from celery_sqs.monitor.schema.completeness import why_failed

#: Seconds that replies get at least. Workers poll once a second, and Celery's default is one second in all.
MIN_TIMEOUT: Final = 3.0

POLL_INTERVAL: Final = 0.1  # seconds between two queries for replies


class DatabaseUnavailable(ConnectionError):
    """The database that commands go through cannot be used."""


class NotDone(Exception):
    """A command revokes nothing, or not all; the text names the workers that cannot, or the argument, and why."""


class Control(control.Control):
    """`Celery(control="celery_sqs.monitor.control:Control")`."""

    def broadcast(
        self,
        command: str,
        arguments: Mapping[str, Any] | None = None,
        destination: Any = None,
        connection: Any = None,
        reply: bool = False,
        timeout: float = 1.0,
        limit: int | None = None,
        callback: Callable[..., Any] | None = None,
        channel: Any = None,
        pattern: Any = None,
        matcher: Any = None,
        **extra_kwargs: Any,
    ) -> list[dict[str, Any]]:
        """Send a command to workers and wait for the replies, whether `reply` asks for them or not.

        It returns once all workers have replied that are alive, or `limit` of them, or after `timeout` seconds, or
        `MIN_TIMEOUT` if that is more. The other parameters are Celery's.

        Returns:
            For each reply a mapping of the worker's name to it.

        Raises:
            UnsupportedCommand: workers do not answer this command.
            NotDone: a worker cannot do what revokes calls; or it names no call, no signal, or workers by a pattern.
            DatabaseUnavailable: the database cannot be used.
        """
        sent = self._command(command, {**(arguments or {}), **extra_kwargs}, destination, pattern)
        is_addressed = partial(match, pattern=pattern, matcher=matcher) if pattern else sent.is_for
        try:
            with closing(self._replies(sent, is_addressed, max(timeout or 0, MIN_TIMEOUT))) as replies:
                received = [_passed_on(each, callback) for each in islice(replies, limit or None)]
        except SQLAlchemyError as error:
            why = why_failed(engine_of(self.app), error)
            raise DatabaseUnavailable(f"commands go through the database: {why}") from error
        return _require_done(sent, received)

    def _command(self, method: str, arguments: dict[str, Any], destination: Any, pattern: Any) -> Command:
        """A command that workers answer."""
        app: Any = self.app
        if method not in answered(app.conf.sqs_monitor_revoke):
            raise UnsupportedCommand(method)
        command = Command.new(method, arguments, destination, _origin())
        wrong = _problem(command, pattern) if command.revokes else ""
        if wrong:
            raise NotDone(f"{method}: {wrong}")
        return command

    @cached_property
    def _database(self) -> tuple[CommandStore, EventReader]:
        engine = engine_of(self.app)
        return CommandStore(engine), EventReader(engine)

    def _replies(
        self, command: Command, is_addressed: Callable[[str], bool], timeout: float
    ) -> Generator[dict[str, Any]]:
        """Send a command and yield each reply as it comes. At the end its rows are deleted."""
        store, reader = self._database
        deadline = system.time.monotonic() + timeout
        replied: set[str] = set()
        store.send(command, timeout)
        try:
            while True:
                replies = store.replies(command.ticket)
                for worker in filter(is_addressed, replies.keys() - replied):
                    replied.add(worker)
                    yield {worker: replies[worker]}
                now = system.now(UTC)
                alive = {row.name for row in reader.workers() if row.is_alive(now) and is_addressed(row.name)}
                # Where no worker is on record, there may be one that has not written its row yet.
                if (alive and alive <= replied) or system.time.monotonic() > deadline:
                    return
                system.time.sleep(POLL_INTERVAL)
        finally:
            store.delete(command)


def _passed_on(reply: dict[str, Any], callback: Callable[..., Any] | None) -> dict[str, Any]:
    if callback is not None:
        callback(reply)
    return reply


def _origin() -> str:
    """Who revokes, as far as this process knows, and when."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user has no name
        user = str(os.getuid())
    return f"by {user}@{socket.gethostname()}, process {os.getpid()}, at {system.now(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _problem(command: Command, pattern: Any) -> str:
    """Why a command that revokes would do nothing, or not what its sender means; empty if it would."""
    if pattern:
        return "workers do not know the pattern; name them by `destination`"
    if command.method == STAMPS:
        return "" if command.arguments.get("headers") else "headers: there is none"
    ids = maybe_list(command.arguments.get("task_id")) or []
    if not ids or not all(isinstance(each, str) and each for each in ids):
        return f"task_id: {command.arguments.get('task_id')!r} is no id of a call"
    signal = command.arguments.get("signal")
    try:
        signals.signum(signal or TERM_SIGNAME)
    except (AttributeError, TypeError):
        return f"signal: there is no {signal!r}; say SIGTERM or another in upper case"
    return ""


def _require_done(command: Command, replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The replies. Who revokes does not look at them in Celery, so nobody would see there what is not done."""
    answers = [(worker, answer) for reply in replies for worker, answer in reply.items()]
    failed = [f"{worker}: {answer['error']}" for worker, answer in answers if command.revokes and "error" in answer]
    if failed:
        raise NotDone(f"{command.method}: {'; '.join(failed)}")
    return replies
