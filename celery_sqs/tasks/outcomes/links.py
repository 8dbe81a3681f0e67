"""What follows a call of a batch that has succeeded: its links, and the rest of its chain."""

from typing import Any

from celery import group, maybe_signature


def send_links(app: Any, request: Any, result: Any) -> None:
    """Call what is linked to a call, and what is next in its chain, as `celery.app.trace.build_tracer` does.

    Args:
        app: Celery's.
        request: of the call; the parent of what is called.
        result: the first argument of each.

    Raises:
        celery_sqs.errors.NotConfirmed: SQS has not confirmed a message in time.
    """
    family = {"parent_id": request.id, "root_id": request.root_id or request.id}
    links: list[Any] = [maybe_signature(each, app=app) for each in request.callbacks or ()]
    groups = [each for each in links if isinstance(each, group)]
    others = [each for each in links if not isinstance(each, group)]
    for each in [*groups, *([group(others, app=app)] if len(others) > 1 else others)]:
        app.amqp._retry_publish(each.apply_async, (result,), **family)
    if request.chain:
        following: Any = maybe_signature(request.chain[-1], app=app)
        app.amqp._retry_publish(following.apply_async, (result,), chain=request.chain[:-1], **family)
