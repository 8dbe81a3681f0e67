"""The commands of a DLQ as a group, and `celery -A shop sqs dlq`, which is one."""

from collections.abc import Callable
from typing import Any, Final

import click

from celery_sqs.dlq import DeadLetterServices
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

HELP: Final = """Scan the dead-letter queues, and repair what is in there.

Commands end with 0 if all is well, with 1 if something was refused, has failed or was stopped, and with 2 if SQS or the
database cannot be asked.
"""

_QUEUE: Final = click.Option(
    ["--queue"], metavar="NAME", help="Celery's name of the queue whose DLQ it is; else all queues of the app."
)


def dlq_group(services: Callable[[click.Context], DeadLetterServices], *params: click.Parameter) -> click.Group:
    """A group with all commands, named `dlq`.

    Args:
        services: makes what the commands work with.
        params: options of the group, for `services` to find in `context.params`.
    """

    @click.pass_context
    def make(context: click.Context, /, **_: Any) -> None:
        context.obj = services(context)

    return PlainGroup("dlq", COMMANDS, callback=make, params=list(params), help=HELP)


def _of_app(context: click.Context) -> DeadLetterServices:
    services, name = DeadLetterServices.of(context.obj.app), context.params["queue"]
    return services.only(name) if name else services


dlq = dlq_group(_of_app, _QUEUE)
