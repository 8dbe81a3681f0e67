"""Celery's `app.control`, which asks workers through tables instead of a broadcast.

Celery's own needs a fanout exchange, which SQS does not have: with plain Celery each of these ends in an error
or, in Flower, in an answer of 200 for what never was sent.
"""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from datetime import UTC, datetime
from functools import cached_property, partial
from itertools import islice
from typing import Any, Final

from celery.app import control
from kombu.matcher import match
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.monitor.control.commands import INSPECT_COMMANDS, Command, CommandStore, UnsupportedCommand
from celery_sqs.monitor.engine import engine_of
from celery_sqs.monitor.event_reader import EventReader

#: Seconds that replies get at least. Workers poll once a second, and Celery's default is one second in all.
MIN_TIMEOUT: Final = 3.0

POLL_INTERVAL: Final = 0.1  # seconds between two queries for replies


class DatabaseUnavailable(ConnectionError):
    """The database that commands go through cannot be used."""


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
            DatabaseUnavailable: the database cannot be used.
        """
        if command not in INSPECT_COMMANDS:
            raise UnsupportedCommand(command)
        sent = Command.new(command, {**(arguments or {}), **extra_kwargs}, destination)
        is_addressed = partial(match, pattern=pattern, matcher=matcher) if pattern else sent.is_for
        try:
            with closing(self._replies(sent, is_addressed, max(timeout or 0, MIN_TIMEOUT))) as replies:
                return [_passed_on(each, callback) for each in islice(replies, limit or None)]
        except SQLAlchemyError as error:
            raise DatabaseUnavailable(f"commands go through the database, which cannot be used: {error}") from error

    @cached_property
    def _database(self) -> tuple[CommandStore, EventReader]:
        engine = engine_of(self.app)
        return CommandStore(engine), EventReader(engine)

    def _replies(
        self, command: Command, is_addressed: Callable[[str], bool], timeout: float
    ) -> Generator[dict[str, Any]]:
        """Send a command and yield each reply as it comes. At the end its rows are deleted."""
        store, reader = self._database
        deadline = time.monotonic() + timeout
        replied: set[str] = set()
        store.send(command, timeout)
        try:
            while True:
                replies = store.replies(command.ticket)
                for worker in filter(is_addressed, replies.keys() - replied):
                    replied.add(worker)
                    yield {worker: replies[worker]}
                now = datetime.now(UTC)
                alive = {row.name for row in reader.workers() if row.is_alive(now) and is_addressed(row.name)}
                # Where no worker is on record, there may be one that has not written its row yet.
                if (alive and alive <= replied) or time.monotonic() > deadline:
                    return
                time.sleep(POLL_INTERVAL)
        finally:
            store.delete(command.ticket)


def _passed_on(reply: dict[str, Any], callback: Callable[..., Any] | None) -> dict[str, Any]:
    if callback is not None:
        callback(reply)
    return reply
