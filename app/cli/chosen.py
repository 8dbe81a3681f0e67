"""Which dead letters a command is about: some by id, a group or all."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from app.services import services
from tasks.repair.bench import Bench
from tasks.repair.letters import Chosen
from tasks.repair.repairs import Refused

C = TypeVar("C", bound=Callable[..., Any])


def bench() -> Bench:
    """The repair bench of the current application."""
    return Bench.of(services().settings, services().engine)


def choosing(command: C) -> C:
    """Give a command the parameters `message_ids`, `fingerprint` and `everything`, for `choose`."""
    command = click.option("--all", "everything", is_flag=True, help="All messages in the DLQ.")(command)
    command = click.option("--group", "fingerprint", metavar="FP", help="Those of a group: see ls.")(command)
    return click.argument("message_ids", metavar="[ID]...", nargs=-1)(command)


def choose(at: Bench, message_ids: Sequence[str], fingerprint: str | None, everything: bool) -> Chosen:
    """The chosen letters, after a look into the DLQ where it takes one to know them.

    Raises:
        click.UsageError: not exactly one of the three ways to choose was used.
        Refused: a message is not in the DLQ.
    """
    if bool(message_ids) + (fingerprint is not None) + everything != 1:
        raise click.UsageError("Name message ids, or --group, or --all.")
    if not message_ids:
        at.take_census()
        return Chosen.all() if fingerprint is None else Chosen.group(fingerprint)
    chosen = Chosen.ids(message_ids)
    if at.letters.count(chosen) < len(set(message_ids)):
        at.take_census()
    known = {letter.message_id for letter in at.letters.chosen(chosen, None, len(message_ids))}
    missing = [message_id for message_id in message_ids if message_id not in known]
    if missing:
        raise Refused(f"not in the DLQ: {', '.join(missing)}")
    return chosen
