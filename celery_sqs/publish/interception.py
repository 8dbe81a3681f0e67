"""Whether Celery's path from a call to its message is intercepted: patched by somebody, or listened to by a signal.

Asked at each call, as a tracer may be installed at any time. The functions are compared with those at the import.
"""

import sys
from typing import Any, Final

from celery import Celery, Task
from celery.app import amqp
from celery.signals import after_task_publish, before_task_publish, task_sent
from kombu import Producer

from celery_sqs.patches import is_unpatched

#: The id of the monitor's receiver of `after_task_publish`. It reads nothing that the fast path does not pass.
MONITOR: Final = "celery_sqs.monitor"

_SENDER: Final = "send_task_message"


def _unpatched(theirs: type, name: str) -> Any:
    """A method of Celery's; None where it is patched."""
    found = getattr(theirs, name)
    # Modules such as `celery.app.task` have a function for a namesake in their package.
    return found if is_unpatched(found, sys.modules[theirs.__module__]) else None


_APPLY_ASYNC, _SEND_TASK = _unpatched(Task, "apply_async"), _unpatched(Celery, "send_task")
_PUBLISH = _unpatched(Producer, "publish")


def is_intercepted(app: Celery) -> bool:
    """Whether somebody intercepts the calls of an app, so that they have to take Celery's own path."""
    return bool(
        # A listener here may change the message, or needs what the fast path does not make.
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
    # Reading one of kombu's cached properties costs more than all the rest.
    of_amqp = vars(vars(app).get("amqp") or app.amqp)
    sender = of_amqp.get(_SENDER) or app.amqp.send_task_message
    return is_unpatched(sender, amqp)
