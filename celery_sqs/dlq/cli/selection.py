"""Which dead messages a command is about: some by id, a group or all, of one queue."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, TypeVar

import click

from celery_sqs.dlq import DeadLetterService, DeadLetterServices, Refused, Selection

C = TypeVar("C", bound=Callable[..., Any])


def selecting(command: C) -> C:
    """Give a command the parameters `message_ids`, `fingerprint` and `everything`, for `select`."""
    command = click.option("--all", "everything", is_flag=True, help="All messages in the DLQ of a queue.")(command)
    command = click.option("--group", "fingerprint", metavar="FP", help="Those of a group: see ls.")(command)
    return click.argument("message_ids", metavar="[ID]...", nargs=-1)(command)


def select(
    services: DeadLetterServices, message_ids: Sequence[str], fingerprint: str | None, everything: bool
) -> tuple[DeadLetterService, Selection]:
    """The selected messages and the service of their queue, after a scan where they are not known without one.

    Raises:
        click.UsageError: not exactly one of the three ways to select was used, or more than one queue is meant.
        Refused: a message is not in the DLQ.
    """
    if bool(message_ids) + (fingerprint is not None) + everything != 1:
        raise click.UsageError("Name message ids, or --group, or --all.")
    if message_ids:
        return _of_ids(services, message_ids)
    if fingerprint is None:
        service = services[_only(services.names, services)]
        service.scan()
        return service, Selection.all()
    for each in services:
        each.scan()
    return services[_only(queues_of(fingerprint, services), services)], Selection.group(fingerprint)


def queues_of(fingerprint: str, services: DeadLetterServices) -> list[str]:
    """The queues that have messages of a group, as they were scanned last.

    Raises:
        Refused: there are none.
    """
    found = [group.queue for group in services.messages.groups() if group.fingerprint == fingerprint]
    if not found:
        raise Refused(f"there is no group {fingerprint} in the DLQ; ls shows those that there are")
    return found


def _of_ids(services: DeadLetterServices, message_ids: Sequence[str]) -> tuple[DeadLetterService, Selection]:
    selection = Selection.ids(message_ids)
    if services.messages.count(selection) < len(set(message_ids)):
        for each in services:
            each.scan()
    known = services.messages.selected(selection, None, len(message_ids))
    missing = set(message_ids) - {message.message_id for message in known}
    if missing:
        raise Refused(f"not in the DLQ: {', '.join(each for each in message_ids if each in missing)}")
    return services[_only({message.queue for message in known}, services)], selection


def _only(queues: Collection[str], services: DeadLetterServices) -> str:
    """The queue that is meant: the one of these, or the only one there is."""
    if not queues and len(services.names) > 1:
        raise Refused("no message that is in a DLQ is selected")
    names = list(queues) or list(services.names)
    if len(names) > 1:
        raise click.UsageError(f"Name one queue by --queue: {', '.join(sorted(names))}.")
    return names[0]
