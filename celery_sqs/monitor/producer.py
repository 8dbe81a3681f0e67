"""What ties a producer to the feed: a call is on record as soon as SQS has it."""

from typing import Any

from celery import current_app

from celery_sqs.monitor.dispatcher import feed
from celery_sqs.tasks.task import SQSTask


def sent(sender: str, headers: dict[str, Any], body: Any, **_: Any) -> None:
    """Celery's signal for a call that SQS has confirmed, in the process that has made it."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # the stubs lack it
    task = app.tasks.get(sender)
    if isinstance(task, SQSTask):
        args, kwargs, _embed = body
        subject = task.subject(*args, **kwargs)
        feed(app).take("task-sent", None, {"uuid": headers["id"], "name": sender, "subject": subject})
