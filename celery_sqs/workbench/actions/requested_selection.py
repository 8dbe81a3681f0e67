"""What an action is about: one dead message, a group of them, or all of a queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import url_for
from werkzeug.exceptions import NotFound

from celery_sqs.dlq import DeadLetterService, Selection
from celery_sqs.workbench.requested_queue import argument, has_several, requested, service_of, services_of

MESSAGE: Final = "message"
GROUP: Final = "group"
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class RequestedSelection:
    """What was selected on a page.

    Attributes:
        queue: the queue that they are of, by Celery's name.
        kind: `message`, `group` or `all`.
        name: the message's id or the group's fingerprint; "1" with all.
        count: how many messages in the queue that is now.
        reason: why they died, where that is the same for all of them; empty otherwise.
    """

    queue: str
    kind: str
    name: str
    count: int
    reason: str

    @classmethod
    def asked(cls, values: Mapping[str, str], *, allow_all: bool = True) -> "RequestedSelection":
        """The selection that a request names: by `message`, `group` or `all`, and of several queues by `queue`.

        Raises:
            NotFound: it names none, or messages of several queues, or nothing of it is in the queue.
        """
        for kind in (MESSAGE, GROUP, ALL) if allow_all else (MESSAGE, GROUP):
            if values.get(kind):
                return cls._of(kind, values[kind], requested(values))
        raise NotFound("Say which messages: message=, group= or all=1.")

    @classmethod
    def _of(cls, kind: str, name: str, queue: str | None) -> "RequestedSelection":
        selection, messages = _selection(kind, name), services_of(queue).messages
        first = messages.selected(selection, None, 1)
        if not first:
            raise NotFound("Nothing of this is in the DLQ any more, as far as the last scan has seen.")
        count = messages.count(selection)
        if queue is None and count > services_of(first[0].queue).messages.count(selection):
            raise NotFound("There are such messages of several queues. Say which: queue=.")
        reason = "" if kind == ALL else first[0].error_class or "no reason on record"
        return cls(first[0].queue, kind, name, count, reason)

    @property
    def service(self) -> DeadLetterService:
        """What does it."""
        return service_of(self.queue)

    @property
    def selection(self) -> Selection:
        """The same, as the DLQ's parts take it."""
        return _selection(self.kind, self.name)

    @property
    def arguments(self) -> dict[str, str]:
        """The same, as an address spells it."""
        return {self.kind: self.name} | ({"queue": self.queue} if has_several() else {})

    @property
    def title(self) -> str:
        """What it is, in words."""
        if self.kind == MESSAGE:
            return f"message {self.name}"
        messages = "1 message" if self.count == 1 else f"{self.count:,} messages"
        of_queue = f" of {self.queue}" if has_several() else ""
        return f"{messages}{of_queue}: {self.reason}" if self.kind == GROUP else f"all {messages}{of_queue}"

    @property
    def address(self) -> str:
        """The page that shows it."""
        match self.kind:
            case "message":
                return url_for("workbench.message", message_id=self.name)
            case "group":
                return url_for("workbench.group", fingerprint=self.name, queue=argument(self.queue))
        return url_for("workbench.dlq", queue=argument(self.queue))


def _selection(kind: str, name: str) -> Selection:
    match kind:
        case "message":
            return Selection.ids([name])
        case "group":
            return Selection.group(name)
    return Selection.all()
