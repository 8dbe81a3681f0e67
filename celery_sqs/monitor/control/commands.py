"""Commands to workers and their replies, in two tables: SQS cannot reach all workers at once."""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kombu.utils.encoding import safe_repr
from sqlalchemy import Engine, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from celery_sqs import system
from celery_sqs.monitor.tables import commands, replies, revocations
from celery_sqs.tasks.revocations import RETENTION

#: The commands that workers answer: Celery's inspect commands, which change nothing. Client and worker both check it,
#: as whoever can write to the database must not be able to stop workers.
INSPECT_COMMANDS: Final = (
    "active",
    "active_queues",
    "clock",
    "conf",
    "ping",
    "query_task",
    "registered",
    "report",
    "reserved",
    "revoked",
    "scheduled",
    "stats",
)

STAMPS: Final = "revoke_by_stamped_headers"

#: Those that withdraw calls, and are kept for the workers that start later.
REVOKE_COMMANDS: Final = ("revoke", STAMPS, "terminate")

#: What `sqs_monitor_revoke` switches off. `hello` is Celery's question, but brings ids that the worker takes over.
CHANGING_COMMANDS: Final = ("hello", *REVOKE_COMMANDS)

_DLQ: Final = "a message that fails ends in the DLQ, where it can be inspected, redriven or discarded"
_RESTART: Final = "change the settings and restart the worker"

#: What to do instead of a command that is not answered.
ALTERNATIVES: Final[Mapping[str, str]] = {
    "add_consumer": f"a worker receives from the queues that it was started with: {_RESTART}",
    "autoscale": "start more workers, or stop some with SIGTERM",
    "cancel_consumer": "stop the worker with SIGTERM",
    "disable_events": "set sqs_monitor_events to False, and no task events are written",
    "enable_events": "task events are written unless sqs_monitor_events is False",
    "hello": "workers know of each other, and of what is revoked, by the database",
    "pool_grow": "start more workers, or one with a higher --concurrency",
    "pool_restart": "stop the worker with SIGTERM and start another",
    "pool_shrink": "stop a worker with SIGTERM, or start one with a lower --concurrency",
    "rate_limit": "set rate_limit on the task and restart the workers",
    "revoke": f"leave the call to its task, which may see that it is not wanted any more; {_DLQ}",
    STAMPS: f"leave the calls to their task, which may see that they are not wanted any more; {_DLQ}",
    "shutdown": "stop the worker with SIGTERM: it finishes what it has begun and releases the rest",
    "terminate": f"a task that runs for too long is ended by its time limit; {_DLQ}",
    "time_limit": "set the time limits where the Celery app is configured and restart the workers",
}

#: Seconds that a command outlives its sender's timeout: the clocks of two machines may differ by that much.
CLOCK_SKEW: Final = 10.0

#: Seconds after which a reply is deleted, as no sender waits for it any more.
REPLY_RETENTION: Final = 300.0

MAX_COMMANDS: Final = 100  # of one query; there are as many as clients ask at one time

#: Characters of a reply. MariaDB takes 16 MB by default (max_allowed_packet).
MAX_REPLY: Final = 8_000_000


class UnsupportedCommand(Exception):
    """A command that workers do not answer, and what to do instead."""

    def __init__(self, command: str) -> None:
        is_off = command in CHANGING_COMMANDS
        reason = (
            f"{command} is not possible here. SQS cannot reach all workers at once, so commands go through the "
            f"database, and {'sqs_monitor_revoke is False, so ' if is_off else ''}what comes from there may ask a "
            f"worker but not change it ({', '.join(INSPECT_COMMANDS)})."
        )
        alternative = ALTERNATIVES.get(command)
        super().__init__(f"{reason} Instead: {alternative}." if alternative else reason)


def answered(may_revoke: bool) -> tuple[str, ...]:
    """The commands that workers answer, by the setting `sqs_monitor_revoke`."""
    return (*INSPECT_COMMANDS, *CHANGING_COMMANDS) if may_revoke else INSPECT_COMMANDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A remote control command to workers.

    Attributes:
        ticket: the key of its replies.
        method: one of Celery's remote control commands. From the table it may be anything: see `answered`.
        arguments: of the method.
        destination: names of workers; None for all.
    """

    ticket: str
    method: str
    arguments: dict[str, Any]
    destination: list[str] | None

    @classmethod
    def new(
        cls,
        method: str,
        arguments: dict[str, Any],
        destination: str | Sequence[str] | None = None,
        origin: str | None = None,
    ) -> "Command":
        """A command with a ticket of its own; one that revokes says who sends it and when, where that is known."""
        names = [destination] if isinstance(destination, str) else list(destination or ())
        if origin is not None and method in REVOKE_COMMANDS:
            arguments = {**arguments, "origin": origin}
        return cls(ticket=str(uuid.uuid4()), method=method, arguments=arguments, destination=names or None)

    @property
    def revokes(self) -> bool:
        """Whether it withdraws calls."""
        return self.method in REVOKE_COMMANDS

    def is_for(self, worker: str) -> bool:
        """Whether a worker is addressed."""
        return self.destination is None or worker in self.destination


class CommandStore:
    """The tables `commands`, `replies` and `revocations`.

    Args:
        engine: of the monitor's database.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self, command: Command, timeout: float) -> None:
        """Write a command to the table that workers poll. One that revokes is kept, unless it is for some workers only.

        Args:
            command: a new one.
            timeout: seconds that its sender waits for replies.
        """
        now = system.now(UTC)
        row = {
            "ticket": command.ticket,
            "method": command.method,
            "arguments": json.dumps(command.arguments),
            "destination": None if command.destination is None else json.dumps(command.destination),
            "sent_at": now,
            "expires_at": now + timedelta(seconds=timeout + CLOCK_SKEW),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(commands), row)
            if command.revokes and command.destination is None:
                kept = {name: row[name] for name in ("ticket", "method", "arguments")}
                connection.execute(insert(revocations), kept | {"expires_at": now + timedelta(seconds=RETENTION)})

    def revocations(self) -> list[Command]:
        """The commands that revoke and are kept."""
        query = select(revocations).where(revocations.c.expires_at > system.now(UTC))
        with self._engine.connect() as connection:
            return [command for row in connection.execute(query) if (command := _parse(row)) is not None]

    def pending(self, since: datetime) -> list[Command]:
        """The latest commands that were sent since and have not expired. Rows that are no commands are left out."""
        of = commands.c
        query = select(commands).where(of.sent_at >= since, of.expires_at > system.now(UTC))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(of.id.desc()).limit(MAX_COMMANDS)).all()
        return [command for row in rows if (command := _parse(row)) is not None]

    def reply(self, ticket: str, worker: str, reply: Any) -> None:
        """Reply to a command. Of two workers with one name the first reply stays."""
        row = {"ticket": ticket, "worker": worker, "reply": _to_json(reply), "replied_at": system.now(UTC)}
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(replies), row)
        except IntegrityError:
            return

    def replies(self, ticket: str) -> dict[str, Any]:
        """The replies to a command so far, by worker."""
        query = select(replies.c.worker, replies.c.reply).where(replies.c.ticket == ticket)
        with self._engine.connect() as connection:
            return {row.worker: json.loads(row.reply) for row in connection.execute(query)}

    def delete(self, command: Command) -> None:
        """Delete a command and its replies, and those of all commands that nobody waits for any more.

        One that revokes stays until it expires, for a worker that has just started and has not seen it.
        """
        now, ticket = system.now(UTC), command.ticket
        is_late = or_(replies.c.ticket == ticket, replies.c.replied_at < now - timedelta(seconds=REPLY_RETENTION))
        is_over = commands.c.expires_at < now
        with self._engine.begin() as connection:
            over = is_over if command.revokes else or_(commands.c.ticket == ticket, is_over)
            connection.execute(delete(commands).where(over))
            connection.execute(delete(replies).where(is_late))


def _parse(row: Any) -> Command | None:
    """The command in a row; None where somebody has written something else into it."""
    try:
        arguments = json.loads(row.arguments)
        text = getattr(row, "destination", None)  # none of what is kept has one
        destination = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(arguments, dict) or not isinstance(destination, list | None):
        return None
    return Command(ticket=row.ticket, method=row.method, arguments=arguments, destination=destination)


def _to_json(reply: Any) -> str:
    """A reply as JSON, in ASCII, so that any text of a message can be stored."""
    try:
        text = json.dumps(reply, default=safe_repr)
    # With a pool of threads a task may change its arguments while they are serialized.
    except (TypeError, ValueError, RuntimeError) as error:
        return json.dumps({"error": f"the reply cannot be written as JSON: {error!r}"})
    if len(text) > MAX_REPLY:
        return json.dumps({"error": f"the reply has {len(text)} characters, more than {MAX_REPLY}"})
    return text
