"""What a task adds to the message of each call: attributes, and group and deduplication ids."""

from typing import Any, Final

from celery_sqs.message.outgoing import DEDUPLICATION, GROUP

#: The option of a call.
ATTRIBUTES: Final = "message_attributes"


def with_ids(task: Any, args: Any, kwargs: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a call, with the ids that its task works out where the caller has given none."""
    call = args or (), kwargs or {}
    for name, work_out in ((GROUP, task.message_group_id), (DEDUPLICATION, task.message_deduplication_id)):
        if name not in options and (worked_out := work_out(*call[0], **call[1])) is not None:
            options = {**options, name: worked_out}
    return options


def with_attributes(task: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options of a call, with the message attributes of its task beside those that the caller gives."""
    own, given = task.message_attributes, options.get(ATTRIBUTES)
    return {**options, ATTRIBUTES: {**own, **given} if given else own} if own else options
