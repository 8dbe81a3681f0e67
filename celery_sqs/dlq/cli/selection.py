"""Which dead messages a command is about: some by id, a group or all."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from celery_sqs.dlq import DeadLetterService, Refused, Selection

C = TypeVar("C", bound=Callable[..., Any])


def selecting(command: C) -> C:
    """Give a command the parameters `message_ids`, `fingerprint` and `everything`, for `select`."""
    command = click.option("--all", "everything", is_flag=True, help="All messages in the DLQ.")(command)
    command = click.option("--group", "fingerprint", metavar="FP", help="Those of a group: see ls.")(command)
    return click.argument("message_ids", metavar="[ID]...", nargs=-1)(command)


def select(
    service: DeadLetterService, message_ids: Sequence[str], fingerprint: str | None, everything: bool
) -> Selection:
    """The selected messages, after a scan of the DLQ where they are not known without one.

    Raises:
        click.UsageError: not exactly one of the three ways to select was used.
        Refused: a message is not in the DLQ.
    """
    if bool(message_ids) + (fingerprint is not None) + everything != 1:
        raise click.UsageError("Name message ids, or --group, or --all.")
    if not message_ids:
        service.scan()
        if fingerprint is None:
            return Selection.all()
        group = Selection.group(fingerprint)
        if not service.messages.count(group):
            raise Refused(f"there is no group {fingerprint} in the DLQ; ls shows those that there are")
        return group
    selection = Selection.ids(message_ids)
    if service.messages.count(selection) < len(set(message_ids)):
        service.scan()
    known = {message.message_id for message in service.messages.selected(selection, None, len(message_ids))}
    missing = [message_id for message_id in message_ids if message_id not in known]
    if missing:
        raise Refused(f"not in the DLQ: {', '.join(missing)}")
    return selection
