"""Pausing a queue's consumption for all workers, and resuming it."""

from collections.abc import Callable
from http import HTTPStatus

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs.monitor.pauses import NotChanged
from celery_sqs.workbench.actions.repair import required_reason
from celery_sqs.workbench.pages.queues import about_queues
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.views import operator, rendered, route, see


@route("/queues/pause", "POST")
def pause_queue() -> BaseResponse:
    """Pause a queue."""
    return _change(parts().pauses.pause)


@route("/queues/resume", "POST")
def resume_queue() -> BaseResponse:
    """Resume a queue."""
    return _change(parts().pauses.resume)


def _change(change: Callable[[str, str, str], object]) -> BaseResponse:
    queue = request.form.get("queue", "")
    if queue not in parts().queue_names:
        raise NotFound("The app has no such queue.")
    reason, errors = required_reason()
    if not errors:
        try:
            change(queue, operator(), reason)
        except NotChanged as error:
            errors["reason"] = f"{error}."
    if not errors:
        return see("queues")
    content = {**about_queues(), "errors": errors, "given": request.form}
    return rendered("queues.html", content, HTTPStatus.UNPROCESSABLE_ENTITY)
