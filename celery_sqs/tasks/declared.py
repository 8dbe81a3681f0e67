"""What the author of a task declares of it: classes of exceptions, seconds and sizes, and which values make no sense.

A wrong one shows only when a call fails, in the tracer or in the worker's main process. So a worker looks at its start.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from celery_sqs.message.names import MAX_NAME

#: What an author may give as exceptions: a class, or any iterable of them that can be read more than once.
Exceptions: TypeAlias = "type[BaseException] | Iterable[Exceptions]"

#: Attributes that name exceptions. Celery reads the first.
OF_EXCEPTIONS: Final = ("throws", "permanent", "blocked")


def make_tuples(task_class: Any) -> None:
    """Have the exceptions of a task class in tuples, as `except` and `isinstance` take nothing else.

    What is wrong stays as its author has written it, for `mistakes` to show.
    """
    for attribute in OF_EXCEPTIONS:
        given = getattr(task_class, attribute)
        classes = _flat(given)
        if classes != given and _are_exceptions(classes):
            setattr(task_class, attribute, classes)


def _flat(given: Any) -> Any:
    """A class, or any iterable of classes and of such iterables, as one tuple; anything else as it is.

    An iterator can be read once only. Classes of tasks share what a base class has, and apps what a shared task has:
    all but the first would have none. So it is as wrong as text.
    """
    if isinstance(given, type):
        return (given,)
    if isinstance(given, str | bytes | Iterator) or not isinstance(given, Iterable):
        return given
    flat: list[Any] = []
    for each in given:
        found = _flat(each)
        flat.extend(found if isinstance(found, tuple) else [found])
    return tuple(flat)


def mistakes(task: Any, is_batch: bool) -> Iterator[str]:
    """A sentence for each attribute of a task whose value makes no sense.

    Args:
        task: the task, as an app has it.
        is_batch: whether it is a batch task.
    """
    for attributes, makes_sense, wanted in _WANTED:
        for attribute in attributes:
            value = getattr(task, attribute)
            if not makes_sense(value):
                yield _sentence(task, attribute, value, wanted)
    if len(task.name) > MAX_NAME:
        yield f"The task {task.name[:50]!r}... has a name of {len(task.name)} characters: it may have {MAX_NAME}."
    if is_batch and not _is_size(task.batch_size):
        yield _sentence(task, "batch_size", task.batch_size, "a whole number, 1 at least")


def _sentence(task: Any, attribute: str, value: Any, wanted: str) -> str:
    return f"The task {task.name!r} has {attribute}={value!r}: it has to be {wanted}."


def _are_exceptions(value: Any) -> bool:
    if not isinstance(value, tuple):
        return False
    return all(isinstance(each, type) and issubclass(each, BaseException) for each in value)


def _are_seconds(value: Any) -> bool:
    return _is_number(value, int | float) and 0 <= value < math.inf


def _are_seconds_or_none(value: Any) -> bool:
    return value is None or _are_seconds(value)


def _is_size(value: Any) -> bool:
    return _is_number(value, int) and value >= 1


def _is_number(value: Any, kinds: Any) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


#: Attributes of every task, what is asked of their values, and that in words.
_WANTED: Final[tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...]] = (
    (OF_EXCEPTIONS, _are_exceptions, "an exception class, or a list, tuple or set of such"),
    (("backoff_base", "backoff_cap"), _are_seconds, "a finite number of seconds, 0 at least"),
    (("time_limit", "soft_time_limit"), _are_seconds_or_none, "None or a finite number of seconds, 0 at least"),
)
