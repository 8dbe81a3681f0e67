"""Whether anybody would notice that a call does not go Celery's own way: who has patched that, or listens on it.

Asked at each call, as a tracer may come at any time; so it compares with what was Celery's own at the import.
"""

import sys
from typing import Any, Final

from celery import Celery, Task
from celery.app import amqp
from celery.signals import after_task_publish, before_task_publish, task_sent
from kombu import Producer

from celery_sqs.own_way import is_own

#: By what the monitor's receiver of `after_task_publish` is known: it reads no more than the fast path tells.
MONITOR: Final = "celery_sqs.monitor"

_SENDER: Final = "send_task_message"


def _own(theirs: type, name: str) -> Any:
    """A method of Celery's; None where it is not Celery's own any more."""
    found = getattr(theirs, name)
    # Modules such as `celery.app.task` have a function for a namesake in their package.
    return found if is_own(found, sys.modules[theirs.__module__]) else None


_APPLY_ASYNC, _SEND_TASK = _own(Task, "apply_async"), _own(Celery, "send_task")
_PUBLISH = _own(Producer, "publish")


def is_noticed(app: Celery) -> bool:
    """Whether anybody would see a call of an app that takes the fast path differ from one that takes Celery's own."""
    return bool(
        # Who listens here may change the message, or wants what the fast path does not make.
        before_task_publish.receivers
        or task_sent.receivers
        or (after_task_publish.receivers and any(key[0] != MONITOR for key, _ in after_task_publish.receivers))
        or Task.apply_async is not _APPLY_ASYNC
        or Producer.publish is not _PUBLISH
        or type(app).send_task is not _SEND_TASK
        or "send_task" in vars(app)
        or not _is_own_sender(app)
    )


def _is_own_sender(app: Celery) -> bool:
    # To read a cached property of kombu's costs more than all the rest.
    of_amqp = vars(vars(app).get("amqp") or app.amqp)
    sender = of_amqp.get(_SENDER) or app.amqp.send_task_message
    return is_own(sender, amqp)
