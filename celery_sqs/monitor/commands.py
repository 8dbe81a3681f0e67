"""Commands to workers, and their replies, in two tables: SQS has no way to reach all workers at once."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kombu.utils.encoding import safe_repr
from sqlalchemy import Engine, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from celery_sqs.monitor.tables import commands, replies

#: The commands that workers answer: all of them questions, none changes anything. Both ends go by this list,
#: as whoever can write to the database should not be able to stop workers.
ANSWERED: Final = (
    "active",
    "active_queues",
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

#: Seconds that a command outlives its sender's patience. The clocks of two machines may differ that much.
CLOCK_DIFFERENCE: Final = 10.0

#: Seconds after which a reply has nobody left who waits for it.
KEPT: Final = 300.0

MOST: Final = 100  # commands that a worker looks at; there are as many as clients ask at one time

#: Characters of a reply. MariaDB takes 16 MB by default (max_allowed_packet).
MAX_REPLY: Final = 8_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A question to workers.

    Attributes:
        ticket: what its replies go under.
        method: one of Celery's remote control commands. It may be anything: see `ANSWERED`.
        arguments: of the method.
        destination: names of workers; None for all.
    """

    ticket: str
    method: str
    arguments: dict[str, Any]
    destination: list[str] | None

    @classmethod
    def new(cls, method: str, arguments: dict[str, Any], destination: str | Sequence[str] | None = None) -> "Command":
        """A command with a ticket of its own."""
        names = [destination] if isinstance(destination, str) else list(destination or ())
        return cls(ticket=str(uuid.uuid4()), method=method, arguments=arguments, destination=names or None)

    def is_for(self, worker: str) -> bool:
        """Whether a worker is meant."""
        return self.destination is None or worker in self.destination


class Commands:
    """The tables `commands` and `replies`.

    Args:
        engine: from `orders.database.connect`.

    Every method raises SQLAlchemy's errors.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self, command: Command, patience: float) -> None:
        """Put a command where workers look for it.

        Args:
            command: a new one.
            patience: seconds that its sender waits for replies.
        """
        now = datetime.now(UTC)
        row = {
            "ticket": command.ticket,
            "method": command.method,
            "arguments": json.dumps(command.arguments),
            "destination": None if command.destination is None else json.dumps(command.destination),
            "sent_at": now,
            "expires_at": now + timedelta(seconds=patience + CLOCK_DIFFERENCE),
        }
        with self._engine.begin() as connection:
            connection.execute(insert(commands), row)

    def waiting(self, since: datetime) -> list[Command]:
        """The latest commands that were sent since and have not expired. What is no command at all is left out."""
        of = commands.c
        query = select(commands).where(of.sent_at >= since, of.expires_at > datetime.now(UTC))
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(of.id.desc()).limit(MOST)).all()
        return [command for row in rows if (command := _command(row)) is not None]

    def reply(self, ticket: str, worker: str, reply: Any) -> None:
        """Answer a command; once, as a second worker of the same name is not heard."""
        row = {"ticket": ticket, "worker": worker, "reply": _spelt(reply), "replied_at": datetime.now(UTC)}
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

    def forget(self, ticket: str) -> None:
        """Delete a command and its replies, and what is left of commands that nobody waits for any more."""
        now = datetime.now(UTC)
        is_late = or_(replies.c.ticket == ticket, replies.c.replied_at < now - timedelta(seconds=KEPT))
        with self._engine.begin() as connection:
            connection.execute(delete(commands).where(or_(commands.c.ticket == ticket, commands.c.expires_at < now)))
            connection.execute(delete(replies).where(is_late))


def _command(row: Any) -> Command | None:
    """The command in a row, unless somebody has written nonsense into it."""
    try:
        arguments = json.loads(row.arguments)
        destination = None if row.destination is None else json.loads(row.destination)
    except (ValueError, RecursionError):
        return None
    if not isinstance(arguments, dict) or not isinstance(destination, list | None):
        return None
    return Command(ticket=row.ticket, method=row.method, arguments=arguments, destination=destination)


def _spelt(reply: Any) -> str:
    """A reply as JSON, in ASCII, so that any text of a message can be stored."""
    try:
        text = json.dumps(reply, default=safe_repr)
    # With a pool of threads a task may change its arguments while they are written down.
    except (TypeError, ValueError, RuntimeError) as error:
        return json.dumps({"error": f"the reply cannot be written as JSON: {error!r}"})
    if len(text) > MAX_REPLY:
        return json.dumps({"error": f"the reply has {len(text)} characters, more than {MAX_REPLY}"})
    return text
