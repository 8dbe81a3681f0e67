"""How long a task's name and a task id may be: they are in logs, events, tables and keys, and may be anybody's."""

from typing import Any, Final

from celery_sqs.message.envelope import is_text

#: Characters, as many as our tables take (`celery_sqs.database.columns.MAX_NAME`). Celery's ids have 36, and its own
#: tables take 155: celery.backends.database.models.
MAX_NAME: Final = 255


def require_named(task: Any, task_id: Any) -> None:
    """Refuse a call without a name or an id that a worker can take.

    Raises:
        ValueError: it is such a call.
    """
    if not (is_text(task) and is_text(task_id)):
        raise ValueError("it names no task, or has no id")
    require_short("the task's name", task)
    require_short("the task id", task_id)


def require_short(what: str, text: str) -> None:
    """Refuse a name or an id that is too long.

    Args:
        what: it is, for the reason, which does not quote the text.
        text: the name or the id.

    Raises:
        ValueError: it is too long.
    """
    if len(text) > MAX_NAME:
        raise ValueError(f"{what} has {len(text)} characters, and a worker takes {MAX_NAME}")
