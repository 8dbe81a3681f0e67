"""A result that its backend does not take, of a call that has succeeded: it is lost, and the message is done."""

from traceback import walk_tb
from typing import Any, Final

from kombu.exceptions import EncodeError

LOST: Final = "the result of %s[%s] is lost: its backend does not take it. The call has succeeded, and is not run again"


def is_lost(task: Any, request: Any, error: BaseException) -> bool:
    """Whether an error says no more of a call than that its result is not stored.

    Another run would do again what has been done. But a result that is no JSON is the task's failure, as in Celery. And
    a part of a chord has failed, or its chord would never come to its body.

    Args:
        task: the task.
        request: of the call.
        error: what its tracer, or `mark_as_done`, has raised.
    """
    if isinstance(error, EncodeError) or request.chord:
        return False
    stores = getattr(type(task.backend).mark_as_done, "__code__", None)
    return any(frame.f_code is stores for frame, _ in walk_tb(error.__traceback__))
