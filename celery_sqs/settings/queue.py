"""A queue of the settings, and which values it may have."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from celery_sqs.aws.queue import account_and_name
from celery_sqs.errors import Misconfigured

_KEYS: Final = frozenset({"url", "dlq_url", "tasks", "envelope"})

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


def queues(setting: str, given: Any) -> dict[str, Queue]:
    """The queues that a value names.

    Raises:
        Misconfigured: it is no mapping of names to queues, is empty, or a queue of it is wrong.
    """
    if not given:
        raise Misconfigured(f'{setting}: not set. Give {{"name": "https://sqs.REGION.amazonaws.com/ACCOUNT/QUEUE"}}')
    if not isinstance(given, Mapping):
        raise Misconfigured(f"{setting}: {given!r} is no mapping of names to URLs")
    return {_name(setting, name): _queue(f"{setting}[{name!r}]", queue) for name, queue in given.items()}


def parsed(url: Any) -> SplitResult | None:
    """A URL's parts; None if it is not one of a server that speaks HTTP."""
    try:
        parts = urlsplit(url)
        is_http = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except (AttributeError, TypeError, ValueError):  # no text; an address or a port that is none
        return None
    return parts if is_http and not any(map(str.isspace, url)) else None


def _name(setting: str, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise Misconfigured(f"{setting}: {name!r} is no name of a queue")
    return name


def _queue(place: str, given: Any) -> Queue:
    match given:
        case Queue():
            queue = given
        case str():
            queue = Queue(url=given)
        case Mapping():
            _require_keys(place, given)
            queue = Queue(**given)
        case _:
            raise Misconfigured(f"{place}: {given!r} is neither a URL nor a celery_sqs.Queue")
    _require_names(place, queue.tasks)
    _require_envelopes(place, queue.envelope)
    for url in (queue.url, *filter(None, [queue.dlq_url])):
        parts = parsed(url)
        if parts is None or not parts.path.strip("/"):
            raise Misconfigured(f"{place}: {url!r} is no URL of a queue")
    # What scans a DLQ spends receives of its messages: good ones would die of it.
    if queue.dlq_url and account_and_name(queue.url) == account_and_name(queue.dlq_url):
        raise Misconfigured(f"{place}: dlq_url: {queue.dlq_url!r} is the queue itself")
    return queue


def _require_keys(place: str, given: Mapping[Any, Any]) -> None:
    unknown = next((key for key in given if key not in _KEYS), None)
    if unknown is not None:
        raise Misconfigured(f"{place}: there is no key {unknown!r}; there are {', '.join(sorted(_KEYS))}")
    if "url" not in given:
        raise Misconfigured(f"{place}: there is no url in {dict(given)!r}")


def _require_names(place: str, tasks: Any) -> None:
    """Text is a collection of text, too, and none is the name of a task."""
    is_list = isinstance(tasks, Collection) and not isinstance(tasks, str | bytes)
    if tasks is not None and not (is_list and tasks and all(isinstance(task, str) and task for task in tasks)):
        raise Misconfigured(f"{place}: tasks: {tasks!r} is no list of names of tasks")


def _require_envelopes(place: str, envelope: Any) -> None:
    given = envelope if isinstance(envelope, list | tuple) else [envelope] * (envelope is not None)
    for each in given:
        if not (each in ENVELOPES or callable(each)):
            known = ", ".join(ENVELOPES)
            raise Misconfigured(f"{place}: envelope: {each!r} is neither a function nor one of {known}")
