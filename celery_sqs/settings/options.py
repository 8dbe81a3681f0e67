"""Every setting: its default, and which values it may have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from botocore.exceptions import InvalidRegionError
from botocore.utils import validate_region_name

from celery_sqs.errors import Misconfigured
from celery_sqs.settings.queue import parsed, queues

LOOPBACK: Final = "127.0.0.1"

MAX_PORT: Final = 65_535
MAX_SEND_TIMEOUT: Final = 86_400.0  # seconds
MAX_RETENTION: Final = 36_500.0  # days; there are no instants before the year 1

#: Given a setting's name and its value: the value as `Settings` has it, or `Misconfigured`, in one line with the name.
Check = Callable[[str, Any], Any]


@dataclass(frozen=True, slots=True)
class Option:
    """A setting.

    Attributes:
        default: its value where nothing is configured.
        check: what says whether a value is one for it.
    """

    default: Any
    check: Check


def _text(name: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Misconfigured(f"{name}: {value!r} is no text")
    return value or None


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Misconfigured(f"{name}: {value!r} is neither True nor False")
    return value


def _number(what: str, fits: Callable[[float], bool]) -> Check:
    def check(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
            raise Misconfigured(f"{name}: {value!r} is not {what}")
        return value

    return check


def _region(name: str, value: Any) -> str | None:
    region = _text(name, value)
    if region is None:
        return None
    try:
        validate_region_name(region)
    except InvalidRegionError as error:
        raise Misconfigured(f"{name}: {region!r} is no name of a region") from error
    return region


def _endpoint_url(name: str, value: Any) -> str | None:
    url = _text(name, value)
    if url is not None and parsed(url) is None:
        raise Misconfigured(f"{name}: {url!r} is no URL of a server")
    return url


def _access_key(name: str, value: Any) -> tuple[str, str] | None:
    match value:
        case None:
            return None
        case [str(key), str(secret)] if key and secret:
            return key, secret
    raise Misconfigured(f"{name}: not a pair of access key ID and secret access key")


def _host(name: str, value: Any) -> str:
    return _text(name, value) or LOOPBACK


def _preflight(name: str, value: Any) -> Literal["refuse", "warn"]:
    if value in ("refuse", "warn"):  # a value that cannot be hashed is wrong, and no other error
        choice: Literal["refuse", "warn"] = value
        return choice
    raise Misconfigured(f"{name}: {value!r} is neither 'refuse' nor 'warn'")


def _database(name: str, value: Any) -> Any:
    """A database; no error shows its URL, which may have a password."""
    is_url = isinstance(value, str) and bool(value.partition("://")[1])
    if value is None or is_url or callable(value):
        return value
    raise Misconfigured(f"{name}: neither an SQLAlchemy URL nor a function that returns an Engine")


#: None for `region`, `endpoint_url` and `access_key`: what boto3 finds.
OPTIONS: Final[Mapping[str, Option]] = {
    "sqs_queues": Option(None, queues),
    "sqs_region": Option(None, _region),
    "sqs_endpoint_url": Option(None, _endpoint_url),
    "sqs_access_key": Option(None, _access_key),
    "sqs_default_task": Option(None, _text),
    "sqs_send_timeout": Option(
        5.0, _number("a number of seconds, above 0 and up to a day", lambda value: 0 < value <= MAX_SEND_TIMEOUT)
    ),
    "sqs_health_host": Option(LOOPBACK, _host),
    "sqs_health_port": Option(
        0, _number("a port, or 0 for none", lambda value: isinstance(value, int) and 0 <= value <= MAX_PORT)
    ),
    "sqs_preflight": Option("refuse", _preflight),
    "sqs_purge_allowed": Option(False, _flag),
    "sqs_monitor_database": Option(None, _database),
    "sqs_monitor_events": Option(True, _flag),
    "sqs_monitor_retention_days": Option(
        7, _number("a number of days, above 0 and up to 100 years", lambda value: 0 < value <= MAX_RETENTION)
    ),
    "sqs_monitor_revoke": Option(True, _flag),
}

DEFAULTS: Final[Mapping[str, Any]] = {name: option.default for name, option in OPTIONS.items()}
