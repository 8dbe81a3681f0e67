"""What pages show, as JSON has it and as people write it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from celery_sqs import system
from celery_sqs.dlq import kind_in_words
from celery_sqs.workbench.display.percentiles import Percentile

_MINUTE: Final = 60
_TWO_DIGITS: Final = 10
_DAY: Final = 24 * 60 * 60


def plain(value: Any) -> Any:
    """A value as JSON types: dataclasses as objects, instants in ISO 8601."""
    match value:
        case datetime():
            return iso(value)
        case UUID():
            return str(value)
        case Mapping():
            return {str(key): plain(below) for key, below in value.items()}
        case list() | tuple():
            return [plain(below) for below in value]
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: plain(getattr(value, each.name)) for each in fields(value)}
    return value


def iso(instant: datetime) -> str:
    """An instant in ISO 8601, in UTC."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(instant: datetime, now: datetime | None = None) -> str:
    """An instant as people read it: the time of day, with its date where that is not today's. UTC."""
    now = now or system.now(UTC)
    return f"{instant:%H:%M:%S}" if instant.date() == now.date() else f"{instant:%Y-%m-%d %H:%M:%S}"


def ago(instant: datetime, now: datetime | None = None) -> str:
    """How long ago an instant was, in one unit: `4 min ago`."""
    seconds = ((now or system.now(UTC)) - instant).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {short(math.floor(-seconds))}" if seconds < 0 else f"{short(math.floor(seconds))} ago"


def short(seconds: float) -> str:
    """Seconds in one unit: `350 ms`, `4 min`, `3 d`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    for size, unit in ((_DAY, "d"), (3600, "h"), (_MINUTE, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{round(seconds, 0 if seconds >= _TWO_DIGITS else 1):g} s"


def percentile(value: Percentile | None) -> str:
    """A percentile of times."""
    if value is None:
        return "-"
    return f"> {short(value.seconds)}" if value.is_more else short(value.seconds)


def number(value: float) -> str:
    """A count with its thousands apart."""
    return f"{value:,}"


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    each.__name__: each for each in (ago, clock, iso, kind_in_words, number, percentile, short)
}
