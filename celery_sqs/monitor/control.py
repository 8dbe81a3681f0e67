"""`celery inspect`, `celery status` and Flower's questions to workers, through tables instead of a broadcast.

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

from celery_sqs.monitor.commands import ANSWERED, Command, Commands
from celery_sqs.monitor.engine import engine_of
from celery_sqs.monitor.event_reader import EventReader

#: The methods of celery.app.control.Control that are replaced, checked against Celery 5.7.0.
OVERRIDDEN: Final = ("broadcast", "discard_all", "purge")

#: Seconds that replies get at least. Workers look once a second, and Celery's default is one second in all.
PATIENCE: Final = 3.0

LOOK: Final = 0.1  # seconds between two looks for replies

_DLQ: Final = "a message that fails ends in the DLQ, where it can be looked at, redriven or discarded"
_SETTING: Final = "change the setting and start the worker anew"

#: What to do instead of what cannot be done.
INSTEAD: Final[Mapping[str, str]] = {
    "add_consumer": f"a worker takes from the one queue that SQS_QUEUE_URL names: {_SETTING}",
    "autoscale": "start more workers, or stop some with SIGTERM",
    "cancel_consumer": "stop the worker with SIGTERM",
    "disable_events": "what the tasks report is switched off by TASK_EVENTS=false",
    "enable_events": "what the tasks report is on unless TASK_EVENTS says otherwise",
    "pool_grow": "start more workers, or one with a higher --concurrency",
    "pool_restart": "stop the worker with SIGTERM and start another",
    "pool_shrink": "stop a worker with SIGTERM, or start one with a lower --concurrency",
    "purge": f"no order is ever thrown away unseen; {_DLQ}",
    "rate_limit": "set rate_limit at the task and start the workers anew",
    "revoke": f"SQS cannot take a single message back; {_DLQ}",
    "revoke_by_stamped_headers": f"SQS cannot take a single message back; {_DLQ}",
    "shutdown": "stop the worker with SIGTERM: it finishes what it has begun and gives back the rest",
    "terminate": f"a task that runs for too long is ended by its time limit; {_DLQ}",
    "time_limit": "set the time limits where the Celery app is made and start the workers anew",
}


class Refused(Exception):
    """A command that this app does not pass on, and what to do instead."""

    def __init__(self, command: str) -> None:
        reason = (
            f"{command} is not possible here. SQS cannot reach all workers at once, so commands go through the "
            f"database, and what comes from there may ask a worker but not change it ({', '.join(ANSWERED)})."
        )
        advice = INSTEAD.get(command)
        super().__init__(f"{reason} Instead: {advice}." if advice else reason)


class OutOfReach(ConnectionError):
    """The database, through which commands go, cannot be used."""


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
        """Ask workers a question and wait for the replies, whether `reply` asks for them or not.

        It returns once all workers have replied that are alive, or `limit` of them, or in time: `timeout` seconds,
        or `PATIENCE` if that is more. The other parameters are Celery's.

        Returns:
            For each reply a mapping of the worker's name to it.

        Raises:
            Refused: the command is none that workers answer.
            OutOfReach: the database cannot be used.
        """
        if command not in ANSWERED:
            raise Refused(command)
        question = Command.new(command, {**(arguments or {}), **extra_kwargs}, destination)
        is_meant = partial(match, pattern=pattern, matcher=matcher) if pattern else question.is_for
        try:
            with closing(self._ask(question, is_meant, max(timeout or 0, PATIENCE))) as answers:
                return [_shown(answer, callback) for answer in islice(answers, limit or None)]
        except SQLAlchemyError as error:
            raise OutOfReach(f"workers are asked through the database, which cannot be used: {error}") from error

    def purge(self, connection: Any = None) -> int:
        """Never: it would delete orders that nobody has looked at."""
        raise Refused("purge")

    discard_all = purge

    @cached_property
    def _database(self) -> tuple[Commands, EventReader]:
        engine = engine_of(self.app)
        return Commands(engine), EventReader(engine)

    def _ask(self, question: Command, is_meant: Callable[[str], bool], patience: float) -> Generator[dict[str, Any]]:
        """Send a question and give each answer as it comes. What is in the tables goes when nobody wants more."""
        commands, watch = self._database
        deadline = time.monotonic() + patience
        heard: set[str] = set()
        commands.send(question, patience)
        try:
            while True:
                replies = commands.replies(question.ticket)
                for worker in filter(is_meant, replies.keys() - heard):
                    heard.add(worker)
                    yield {worker: replies[worker]}
                now = datetime.now(UTC)
                alive = {worker.name for worker in watch.workers() if worker.is_alive(now) and is_meant(worker.name)}
                # Where no worker is known, there may be one that has not told of itself yet.
                if (alive and alive <= heard) or time.monotonic() > deadline:
                    return
                time.sleep(LOOK)
        finally:
            commands.forget(question.ticket)


def _shown(answer: dict[str, Any], callback: Callable[..., Any] | None) -> dict[str, Any]:
    if callback is not None:
        callback(answer)
    return answer
