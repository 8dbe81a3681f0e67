"""A call's group and deduplication ids, which a task may work out from the arguments."""

from typing import Any

from celery_sqs.message.outgoing import DEDUPLICATION, GROUP


def with_ids(task: Any, args: Any, kwargs: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a call, with the ids that its task works out where the caller has given none."""
    call = args or (), kwargs or {}
    for name, work_out in ((GROUP, task.message_group_id), (DEDUPLICATION, task.message_deduplication_id)):
        if name not in options and (worked_out := work_out(*call[0], **call[1])) is not None:
            options = {**options, name: worked_out}
    return options
