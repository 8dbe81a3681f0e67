"""What the framework takes from a Celery app's configuration, read and checked in one place.

Each setting is an argument of `celery_sqs.setup`, or a key `sqs_...` of `app.conf`, which is read when it is first
needed: configuration that comes late, or has a namespace as Django's has, is seen.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import SplitResult, urlsplit

from botocore.exceptions import InvalidRegionError
from botocore.utils import validate_region_name

from celery_sqs import kombu_options
from celery_sqs.aws.endpoint import Endpoint, one_region
from celery_sqs.errors import Misconfigured

LOOPBACK: Final = "127.0.0.1"

#: Every setting and its default. None for `region`, `endpoint_url` and `access_key`: what boto3 finds.
DEFAULTS: Final[Mapping[str, Any]] = {
    "sqs_queues": None,
    "sqs_region": None,
    "sqs_endpoint_url": None,
    "sqs_access_key": None,
    "sqs_default_task": None,
    "sqs_send_timeout": 5.0,
    "sqs_health_host": LOOPBACK,
    "sqs_health_port": 0,
    "sqs_preflight": "refuse",
    "sqs_purge_allowed": False,
    "sqs_monitor_database": None,
    "sqs_monitor_events": True,
    "sqs_monitor_retention_days": 7,
    "sqs_monitor_revoke": True,
}

#: Celery's settings that ask for events, and why there are none without a monitor.
ASKING_FOR_EVENTS: Final = ("task_send_sent_event", "worker_send_task_events")
NO_EVENTS: Final = "events go through sqs_monitor_database, which is not set: SQS has no broadcast"

#: Of a result backend that sends results through the broker.
RPC: Final = "rpc:"

MAX_PORT: Final = 65_535
MAX_SEND_TIMEOUT: Final = 86_400.0  # seconds

_QUEUE_KEYS: Final = frozenset({"url", "dlq_url", "tasks", "envelope"})

#: The envelopes that `celery_sqs.message.unwrap` opens by name; "plain": none is opened, and none is refused.
ENVELOPES: Final = ("eventbridge", "plain", "sns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A queue that messages are sent to and received from.

    Attributes:
        url: its URL.
        dlq_url: the DLQ that people and tools look into; None for the one that the queue's redrive policy names.
        tasks: the names of the tasks that its messages may name; None for every task of the app, Celery's own
            (`celery.group` and its like) among them.
        envelope: what is around its messages: one of `ENVELOPES`, a function that opens another, or a list of these,
            outermost first; None: nothing, and an envelope that is known here is refused.
    """

    url: str
    dlq_url: str | None = None
    tasks: Collection[str] | None = None
    envelope: Any = None

    @property
    def name(self) -> str:
        """SQS's name for it."""
        return self.url.rstrip("/").rsplit("/", 1)[-1]

    @property
    def urls(self) -> list[str]:
        """Its URL, and that of its DLQ where that is given."""
        return [url for url in (self.url, self.dlq_url) if url]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings.

    Attributes:
        queues: by Celery's name for each; never empty.
        endpoint: where SQS is.
        default_task: the task of a message that names none; None: such a message is poison.
        send_timeout: seconds until a caller of `delay` gets `NotConfirmed`.
        health_host: the address that a worker answers on.
        health_port: its port; 0 for none.
        preflight: what a worker does whose queues contradict its settings.
        purge_allowed: whether `celery purge` and its like delete all messages of a queue.
        monitor_database: where the monitor's tables are; None: there is no monitor.
    """

    queues: Mapping[str, Queue]
    endpoint: Endpoint
    default_task: str | None = None
    send_timeout: float = 5.0
    health_host: str = LOOPBACK
    health_port: int = 0
    preflight: Literal["refuse", "warn"] = "refuse"
    purge_allowed: bool = False
    monitor_database: Any = field(default=None, repr=False)

    @property
    def default_queue(self) -> str:
        """The queue of a task that has no route: the first."""
        return next(iter(self.queues))

    def queue(self, name: str) -> Queue:
        """The queue that Celery knows by a name.

        Raises:
            Misconfigured: there is none.
        """
        if name not in self.queues:
            raise Misconfigured(f"sqs_queues: there is no queue {name!r}; there are {', '.join(self.queues)}")
        return self.queues[name]

    def at(self, queue_url: str) -> Queue:
        """The queue at a URL; one without anything else where the settings have none."""
        return next((queue for queue in self.queues.values() if queue.url == queue_url), Queue(url=queue_url))

    @classmethod
    def of(cls, conf: Any) -> "Settings":
        """Read a Celery app's configuration.

        Raises:
            Misconfigured: a setting is missing or wrong.
        """
        _require_known(conf)
        if str(conf.result_backend).startswith(RPC):
            raise Misconfigured(
                "result_backend: rpc:// needs a queue for each caller; use redis, a database or another"
            )
        given = kombu_options.completed(conf, DEFAULTS)
        _require_monitor_for_events(conf, given["sqs_monitor_database"])
        _number(given, "sqs_monitor_retention_days", "a number of days above 0", lambda days: days > 0)
        for name in ("sqs_monitor_events", "sqs_monitor_revoke"):
            _flag(given, name)
        queues = _queues(given["sqs_queues"])
        return cls(
            queues=queues,
            endpoint=Endpoint(
                region=one_region(_region(given), [url for queue in queues.values() for url in queue.urls]),
                url=_endpoint_url(given),
                credentials=_access_key(given["sqs_access_key"]),
            ),
            default_task=_text(given, "sqs_default_task"),
            send_timeout=_number(
                given, "sqs_send_timeout", "a number of seconds, above 0 and up to a day", _is_timeout
            ),
            health_host=_text(given, "sqs_health_host") or LOOPBACK,
            health_port=int(_number(given, "sqs_health_port", "a port, or 0 for none", _is_port)),
            preflight=_preflight(given["sqs_preflight"]),
            purge_allowed=_flag(given, "sqs_purge_allowed"),
            monitor_database=given["sqs_monitor_database"],
        )


def _require_known(conf: Any) -> None:
    for name in conf:
        if str(name).startswith("sqs_") and name not in DEFAULTS:
            raise Misconfigured(f"{name}: there is no such setting; there are {', '.join(DEFAULTS)}")


def _require_monitor_for_events(conf: Any, database: Any) -> None:
    for name in ASKING_FOR_EVENTS:
        if database is None and conf[name]:
            raise Misconfigured(f"{name}: {NO_EVENTS}")


def _queues(given: Any) -> dict[str, Queue]:
    if not given:
        raise Misconfigured('sqs_queues: not set. Give {"name": "https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE"}')
    if not isinstance(given, Mapping):
        raise Misconfigured(f"sqs_queues: {given!r} is no mapping of names to URLs")
    return {_name(name): _queue(name, queue) for name, queue in given.items()}


def _name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise Misconfigured(f"sqs_queues: {name!r} is no name of a queue")
    return name


def _queue(name: str, given: Any) -> Queue:
    match given:
        case Queue():
            queue = given
        case str():
            queue = Queue(url=given)
        case {"url": str()} if given.keys() <= _QUEUE_KEYS:
            queue = Queue(**given)
        case _:
            raise Misconfigured(f"sqs_queues[{name!r}]: {given!r} is neither a URL nor a celery_sqs.Queue")
    _require_names(name, queue.tasks)
    _require_envelopes(name, queue.envelope)
    for url in queue.urls:
        parts = _parsed(url)
        if parts is None or not parts.path.strip("/"):
            raise Misconfigured(f"sqs_queues[{name!r}]: {url!r} is no URL of a queue")
    return queue


def _require_names(queue: str, tasks: Any) -> None:
    """Text is a collection of text, too, and none is the name of a task."""
    is_list = isinstance(tasks, Collection) and not isinstance(tasks, str | bytes)
    if tasks is not None and not (is_list and tasks and all(isinstance(task, str) and task for task in tasks)):
        raise Misconfigured(f"sqs_queues[{queue!r}]: tasks: {tasks!r} is no list of names of tasks")


def _require_envelopes(queue: str, envelope: Any) -> None:
    given = envelope if isinstance(envelope, list | tuple) else [envelope] * (envelope is not None)
    for each in given:
        if not (each in ENVELOPES or callable(each)):
            known = ", ".join(ENVELOPES)
            raise Misconfigured(f"sqs_queues[{queue!r}]: envelope: {each!r} is neither a function nor one of {known}")


def _parsed(url: Any) -> SplitResult | None:
    """A URL's parts; None if it is not one of a server that speaks HTTP."""
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except (AttributeError, TypeError, ValueError):  # no text; an address or a port that is none
        return None
    return parts if is_http and not any(map(str.isspace, url)) else None


def _endpoint_url(conf: Any) -> str | None:
    url = _text(conf, "sqs_endpoint_url")
    if url is not None and _parsed(url) is None:
        raise Misconfigured(f"sqs_endpoint_url: {url!r} is no URL of a server")
    return url


def _region(conf: Any) -> str | None:
    region = _text(conf, "sqs_region")
    if region is None:
        return None
    try:
        validate_region_name(region)
    except InvalidRegionError as error:
        raise Misconfigured(f"sqs_region: {region!r} is no name of a region") from error
    return region


def _text(conf: Any, name: str) -> str | None:
    value = conf[name]
    if value is not None and not isinstance(value, str):
        raise Misconfigured(f"{name}: {value!r} is no text")
    return value or None


def _number(conf: Any, name: str, what: str, fits: Callable[[float], bool]) -> float:
    value = conf[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or not fits(value):
        raise Misconfigured(f"{name}: {value!r} is not {what}")
    return value


def _flag(conf: Any, name: str) -> bool:
    value = conf[name]
    if not isinstance(value, bool):
        raise Misconfigured(f"{name}: {value!r} is neither True nor False")
    return value


def _is_timeout(value: float) -> bool:
    return 0 < value <= MAX_SEND_TIMEOUT


def _is_port(value: float) -> bool:
    return isinstance(value, int) and 0 <= value <= MAX_PORT


def _access_key(given: Any) -> tuple[str, str] | None:
    match given:
        case None:
            return None
        case [str(key), str(secret)] if key and secret:
            return key, secret
    raise Misconfigured("sqs_access_key: not a pair of access key ID and secret access key")


def _preflight(given: Any) -> Literal["refuse", "warn"]:
    if given in ("refuse", "warn"):  # a value that cannot be hashed is wrong, and no other error
        choice: Literal["refuse", "warn"] = given
        return choice
    raise Misconfigured(f"sqs_preflight: {given!r} is neither 'refuse' nor 'warn'")
