"""`celery purge` where no queue may be purged: it is refused before Celery's command asks whether to go on."""

import functools
import sys
from typing import Any, Final

import click

from celery_sqs.errors import Unpurgeable

#: Celery's command line has loaded it before the app.
COMMAND: Final = "celery.bin.purge"

REFUSED: Final = "each message in it was confirmed to whoever sent it; sqs_purge_allowed is not set"


def refuse_before_asking() -> None:
    """Have Celery's command, in a process that has loaded it, refuse at once what the transport would refuse then."""
    module = sys.modules.get(COMMAND)
    command: Any = getattr(module, "purge", None)
    if command is None or getattr(command.callback, "__module__", None) == __name__:
        return
    by_celery = command.callback

    @functools.wraps(by_celery)
    def purge(*args: Any, queues: Any = None, **kwargs: Any) -> Any:
        app = click.get_current_context().obj.app
        if not app.conf.get("sqs_purge_allowed", True):  # of another transport it is not known
            raise Unpurgeable(", ".join(queues or app.amqp.queues), REFUSED)
        return by_celery(*args, queues=queues, **kwargs)

    purge.__module__ = __name__
    command.callback = purge
