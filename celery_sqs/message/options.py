"""What is wrong with an option of a call, in the words of the caller: Celery and the message have others for it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from numbers import Real
from typing import Any, Final

from celery_sqs import system
from celery_sqs.errors import Unsendable
from celery_sqs.message import envelope, exact_json
from celery_sqs.message.names import require_short

_TIME: Final = "a time (a datetime, or text in ISO 8601) of the years 2 to 9998"
_SECONDS: Final = "a number of seconds that ends before the year 9999"
_TEXT: Final = "text"
_WHOLE: Final = "a whole number"

#: By header the option that it is made of, and what that may be. Other headers have the option's own name.
_OPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "argsrepr": ("argsrepr", _TEXT),
    "eta": ("eta", _TIME),
    "expires": ("expires", _TIME),
    "group": ("group_id", _TEXT),
    "group_index": ("group_index", _WHOLE),
    "id": ("task_id", _TEXT),
    "ignore_result": ("ignore_result", "True or False"),
    "kwargsrepr": ("kwargsrepr", _TEXT),
    "origin": ("origin", _TEXT),
    "parent_id": ("parent_id", _TEXT),
    "replaced_task_nesting": ("replaced_task_nesting", _WHOLE),
    "retries": ("retries", f"a whole number from 0 to {envelope.MAX_RETRIES}"),
    "root_id": ("root_id", _TEXT),
    "shadow": ("shadow", _TEXT),
    "stamped_headers": ("stamped_headers", "a list of names"),
    "stamps": ("stamps", "a mapping"),
    "task": ("the task's name", _TEXT),
    "timelimit": ("time_limit, soft_time_limit", f"a pair of seconds from 0 to {envelope.MAX_TIME_LIMIT}, or None"),
    envelope.PRIORITY: ("priority", _WHOLE),
    envelope.WAITED_FOR: ("eta", _TIME),
}

#: What Celery gives first, and by position, for a message in either protocol.
_BY_POSITION: Final = ("task_id", "name", "args", "kwargs", "countdown", "eta", "group_id", "group_index", "expires")


def require(options: Mapping[str, Any]) -> None:
    """Refuse by name the options of a call that Celery fails at.

    Raises:
        Unsendable: one of them is none that a call can have.
    """
    headers = options.get("headers")
    if not (headers is None or isinstance(headers, Mapping)):
        raise Unsendable(f"headers: {headers!r} is not a mapping")
    for name, fits, what in _DUE:
        value = options.get(name)
        if value is not None and not fits(value):
            raise Unsendable(f"{name}: {value!r} is not {what}")


def require_of_message(given: Sequence[Any], options: Mapping[str, Any]) -> None:
    """Refuse the same of what Celery makes a message of: a call by `send_task` has met no check before.

    Args:
        given: by position.
        options: by name.

    Raises:
        Unsendable: one of them is none that a call can have.
    """
    require({**dict(zip(_BY_POSITION, given, strict=False)), **options})


def checked(headers: dict[str, Any]) -> dict[str, Any]:
    """The headers of a call that go with its message: see `envelope.checked_headers`.

    Raises:
        ValueError: one has a value that a worker cannot take; it names the option.
    """
    for name in ("task", "id"):
        if not (isinstance(headers[name], str) and headers[name]):
            raise ValueError(_refusal(name, headers[name]))
        require_short(_OPTIONS[name][0], headers[name])
    try:
        return envelope.checked_headers(headers)
    except envelope.WrongHeader as error:
        raise ValueError(_refusal(error.name, error.value)) from error


def written(headers: dict[str, Any]) -> str:
    """The JSON of a call's headers.

    Raises:
        ValueError: one of them is no JSON; it is named.
    """
    try:
        return exact_json.dumps(headers)
    except (TypeError, ValueError, RecursionError):
        for name, value in headers.items():
            _require_json(name, value)
        raise


def _require_json(name: Any, value: Any) -> None:
    if name == envelope.PROPERTIES:  # of options such as app_id
        for option, each in value.items():
            _require_json(option, each)
        return
    try:
        exact_json.dumps({name: value})
    except (TypeError, ValueError, RecursionError) as error:
        where = name if name in envelope.CARRIED else f"headers: {name!r}"
        raise ValueError(f"{where} is no JSON: {error}") from error


def _refusal(header: str, value: Any) -> str:
    option, what = _OPTIONS.get(header, (header, "what a worker can take"))
    return f"{option}: {value!r} is not {what}"


def _is_time(value: Any) -> bool:
    return envelope.is_time(value.isoformat() if isinstance(value, datetime) else value)


def _is_day_or_time(value: Any) -> bool:
    """Celery takes a date for an `eta`: its midnight. For `expires` it does not."""
    return envelope.is_time(value.isoformat() if isinstance(value, date) else value)


def _is_delay(value: Any) -> bool:
    if not isinstance(value, Real):
        return False
    try:
        return _is_time(system.now(UTC) + timedelta(seconds=float(value)))
    except (OverflowError, ValueError):
        return False


#: The options whose values Celery works with before there is a message.
_DUE: Final = (
    ("eta", _is_day_or_time, _TIME),
    ("countdown", _is_delay, _SECONDS),
    ("expires", lambda value: _is_delay(value) or _is_time(value), f"{_TIME}, or {_SECONDS}"),
)
