"""kombu's configuration of SQS: the options in `broker_transport_options`, and the broker's URL.

Each option of kombu's SQS transport is honoured under its name, or refused with what to use instead. The README's
"Coming from kombu's SQS" has them all.
"""

import difflib
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from celery_sqs.errors import Misconfigured

OPTIONS: Final = "broker_transport_options"

#: Options that are honoured here, those of kombu's connection among them, which kombu honours itself.
HONOURED: Final = frozenset(
    {
        "is_secure",
        "polling_interval",
        "port",
        "predefined_queues",
        "region",
        "sqs_base64_encoding",
        "visibility_timeout",
        "wait_time_seconds",
    }
)
OF_CONNECTION: Final = frozenset(
    {
        "callback",
        "connect_retries_timeout",
        "errback",
        "interval_max",
        "interval_start",
        "interval_step",
        "max_retries",
    }
)

_CREATED: Final = "queues are not created here; set it where you create them"
_EXCHANGES: Final = "SQS has no exchanges; name the queue of each call"
_ROLE: Final = "use a profile with role_arn in AWS's configuration, which boto3 reads"

#: Options that are refused where they ask for anything, and what to use instead.
REFUSED: Final[Mapping[str, str]] = {
    "body_encoding": "a body is JSON text; remove it",
    "client-config": "calls are not made by boto3; use sqs_send_timeout, and HTTPS_PROXY and AWS_CA_BUNDLE",
    "deadletter_queue": "a call to an unknown queue raises; what fails goes to the DLQ of its queue's RedrivePolicy",
    "fetch_message_attributes": "all attributes are received, and a task gets the headers of its message",
    "predefined_exchanges": _EXCHANGES,
    "queue_name_prefix": "sqs_queues has whole URLs",
    "queue_tags": _CREATED,
    "regioninfo": "use region",
    "sqs-creation-attributes": _CREATED,
    "sts_role_arn": _ROLE,
    "sts_token_buffer_time": _ROLE,
    "sts_token_timeout": _ROLE,
    "supports_fanout": _EXCHANGES,
}

#: The same for the keys of each of `predefined_queues`.
OF_QUEUE: Final = frozenset({"url", "region", "access_key_id", "secret_access_key"})
REFUSED_OF_QUEUE: Final[Mapping[str, str]] = {
    "backoff_policy": "use backoff_base and backoff_cap of the task's class",
    "backoff_tasks": "use backoff_base and backoff_cap of the task's class",
    "session_token": "use AWS_SESSION_TOKEN, or another place where boto3 finds credentials",
}

#: Celery's parts of a broker's URL.
_PARTS: Final = ("broker_user", "broker_password", "broker_vhost", "broker_port")

LONGEST_WAIT: Final = 20  # seconds, of a long poll
LONGEST_HIDDEN: Final = 12 * 60 * 60  # seconds, of a visibility timeout

#: Celery's default queue, which is the first where `predefined_queues` has it.
_DEFAULT_QUEUE: Final = "celery"


def completed(conf: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a Celery app by name, with kombu's option where ours is not set.

    Args:
        conf: the app's configuration.
        names: those of the settings.

    Raises:
        Misconfigured: an option is wrong, not taken or unknown, or contradicts a setting.
    """
    options = conf.broker_transport_options
    require_known(options)
    expected(options)
    values = {name: conf[name] for name in names}
    for name, (label, value) in _found(conf, options).items():
        if values[name] and value and _comparable(values[name]) != _comparable(value):
            raise Misconfigured(f"{label}: it is another than {name}; set one of them")
        values[name] = values[name] or value
    return values


def expected(options: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Visibility timeout and receive wait that the queues are to have, in seconds; None for what they have.

    Raises:
        Misconfigured: it is no number, or out of SQS's range.
    """
    hidden = _seconds(options, "visibility_timeout", lambda seconds: 0 < seconds <= LONGEST_HIDDEN)
    return hidden, _seconds(options, "wait_time_seconds", lambda seconds: 0 <= seconds <= LONGEST_WAIT)


def require_known(options: Any) -> None:
    """Refuse what is not honoured.

    Raises:
        Misconfigured: an option is not taken, or unknown.
    """
    if not isinstance(options, Mapping):
        raise Misconfigured(f"{OPTIONS}: not a mapping of names to values")
    _require_known(OPTIONS, options, HONOURED | OF_CONNECTION, REFUSED)
    if options.get("polling_interval"):
        raise Misconfigured(f"{OPTIONS}: polling_interval is not taken: a long poll follows the last one; remove it")
    if options.get("sqs_base64_encoding"):
        raise Misconfigured(f"{OPTIONS}: sqs_base64_encoding is not taken: a body is JSON text; remove it")


def require_sqs(name: str, url: Any) -> tuple[str | None, int | None, tuple[str, str] | None]:
    """Host, port and access key that a broker's URL names.

    Raises:
        Misconfigured: it is another broker's, or has what is not taken. The text has nothing of the URL but its scheme.
    """
    form = "sqs://, or sqs://KEY:SECRET@HOST:PORT with KEY and SECRET percent-encoded"
    try:
        parts, port = urlsplit(url or "sqs://"), urlsplit(url or "sqs://").port
    except (AttributeError, TypeError, ValueError):
        raise Misconfigured(f"{name}: it is not {form}") from None  # the error may quote the secret
    if parts.scheme != "sqs" and "://" in url:
        raise Misconfigured(f"{name}: {parts.scheme!r} is another broker than sqs://")
    if parts.scheme != "sqs" or parts.path.strip("/") or parts.query or parts.fragment:
        raise Misconfigured(f"{name}: it is not {form}")
    key, secret = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(key) != bool(secret):
        raise Misconfigured(f"{name}: it has KEY or SECRET alone; give both, or none")
    return parts.hostname, port, (key, secret) if key else None


def predefined(options: Any) -> dict[str, Any] | None:
    """`predefined_queues` as `sqs_queues`; None where there are none.

    Raises:
        Misconfigured: it is not as kombu has it, or has what is not taken.
    """
    given = options.get("predefined_queues") if isinstance(options, Mapping) else None
    if not given:
        return None
    label = f"{OPTIONS}: predefined_queues"
    if not isinstance(given, Mapping):
        raise Misconfigured(f"{label}: not a mapping of names to queues")
    for name, queue in given.items():
        if not isinstance(queue, Mapping) or not isinstance(queue.get("url"), str):
            raise Misconfigured(f"{label}[{name!r}]: not a mapping with the url of a queue")
        _require_known(f"{label}[{name!r}]", queue, OF_QUEUE, REFUSED_OF_QUEUE)
    return {name: given[name]["url"] for name in sorted(given, key=lambda name: name != _DEFAULT_QUEUE)}


def _require_known(label: str, given: Mapping[str, Any], known: frozenset[str], refused: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name in refused and value:
            raise Misconfigured(f"{label}: {name} is not taken: {refused[name]}")
        if name not in known and name not in refused:
            alike = difflib.get_close_matches(str(name), known, 1)
            hint = f"; there is {alike[0]}" if alike else f"; there are {', '.join(sorted(known))}"
            raise Misconfigured(f"{label}: there is no option {name!r}{hint}")


def _found(conf: Any, options: Mapping[str, Any]) -> dict[str, tuple[str, Any]]:
    """What is given of each of our settings, and where."""
    for name in _PARTS:
        if conf[name]:
            raise Misconfigured(f"{name}: not taken; use broker_url, or sqs_access_key and sqs_endpoint_url")
    url = conf.broker_url  # an attribute of Celery's, which reads the environment, too
    host, port, key = require_sqs("broker_url", url)
    if not url == conf.broker_read_url == conf.broker_write_url:
        raise Misconfigured("broker_read_url, broker_write_url: there is one SQS; set broker_url alone")
    return {
        "sqs_queues": (f"{OPTIONS}: predefined_queues", predefined(options)),
        "sqs_endpoint_url": ("broker_url", _endpoint(host, port, options)),
        "sqs_region": (f"{OPTIONS}: region", options.get("region") or _of_all(options, "region")),
        "sqs_access_key": ("broker_url", key) if key else (f"{OPTIONS}: predefined_queues", _key_of_all(options)),
    }


def _endpoint(host: str | None, port: int | None, options: Mapping[str, Any]) -> str | None:
    """The endpoint, as kombu makes it of a host. An option that kombu ignores there counts here, or is refused."""
    is_secure, own_port = options.get("is_secure"), options.get("port")
    if host is None:
        if port or own_port or is_secure is False:
            raise Misconfigured(f"{OPTIONS}: port and is_secure are of the host in broker_url; use sqs_endpoint_url")
        return None
    if port and own_port and port != own_port:
        raise Misconfigured(f"{OPTIONS}: port is another than in broker_url; set one of them")
    address = f"[{host}]" if ":" in host else host
    return f"http{'s' if is_secure else ''}://{address}" + (f":{port or own_port}" if port or own_port else "")


def _key_of_all(options: Mapping[str, Any]) -> tuple[Any, Any] | None:
    key, secret = _of_all(options, "access_key_id"), _of_all(options, "secret_access_key")
    return (key, secret) if key or secret else None


def _of_all(options: Mapping[str, Any], key: str) -> Any:
    """What all of `predefined_queues` have for a key."""
    values = [queue.get(key) for queue in (options.get("predefined_queues") or {}).values()]
    if any(value != values[0] for value in values):
        raise Misconfigured(f"{OPTIONS}: predefined_queues: the queues of an app have one {key}; use an app for each")
    return values[0] if values else None


def _seconds(options: Mapping[str, Any], name: str, fits: Callable[[float], bool]) -> float | None:
    value = options.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
        raise Misconfigured(f"{OPTIONS}: {name}: {value!r} is no number of seconds that SQS has for it")
    return value


def _comparable(value: Any) -> Any:
    """A value in a form in which equal settings are equal."""
    match value:
        case str():
            return value.rstrip("/")
        case list() | tuple():
            return list(value)
        case Mapping():
            return {name: _comparable(queue) for name, queue in value.items()}
    return value
