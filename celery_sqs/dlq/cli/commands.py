"""The commands of a DLQ as a group, and `celery -A shop sqs dlq`, which is one."""

from collections.abc import Callable
from typing import Any, Final

import click

from celery_sqs.dlq import DeadLetterService
from celery_sqs.dlq.cli import repair, scanning
from celery_sqs.dlq.cli.group import PlainGroup

COMMANDS: Final = (
    scanning.ls,
    scanning.show,
    scanning.dry_run,
    repair.redrive,
    repair.edit,
    repair.discard,
    repair.rescue,
    repair.resume,
    repair.log,
)

HELP: Final = """Scan the dead-letter queue, and repair what is in there.

Commands end with 0 if all is well, with 1 if something was refused, has failed or was stopped, and with 2 if SQS or the
database cannot be asked.
"""

_QUEUE: Final = click.Option(
    ["--queue"], metavar="NAME", help="Celery's name of the queue whose DLQ it is; else the default queue."
)


def dlq_group(service: Callable[[click.Context], DeadLetterService], *params: click.Parameter) -> click.Group:
    """A group with all commands, named `dlq`.

    Args:
        service: makes what the commands work with.
        params: options of the group, for `service` to find in `context.params`.
    """

    @click.pass_context
    def make(context: click.Context, /, **_: Any) -> None:
        context.obj = service(context)

    return PlainGroup("dlq", COMMANDS, callback=make, params=list(params), help=HELP)


def _of_app(context: click.Context) -> DeadLetterService:
    return DeadLetterService.of(context.obj.app, context.params["queue"])


dlq = dlq_group(_of_app, _QUEUE)
