"""What an action is about: one dead message, a group of them, or all."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import url_for
from werkzeug.exceptions import NotFound

from celery_sqs.dlq import Selection
from celery_sqs.workbench.parts import parts

MESSAGE: Final = "message"
GROUP: Final = "group"
ALL: Final = "all"


@dataclass(frozen=True, slots=True)
class RequestedSelection:
    """What was selected on a page.

    Attributes:
        kind: `message`, `group` or `all`.
        name: the message's id or the group's fingerprint; "1" with all.
        count: how many messages in the queue that is now.
        reason: why they died, where that is the same for all of them; empty otherwise.
    """

    kind: str
    name: str
    count: int
    reason: str

    @classmethod
    def asked(cls, values: Mapping[str, str], *, allow_all: bool = True) -> "RequestedSelection":
        """The selection that a request names: by `message`, `group` or `all`.

        Raises:
            NotFound: it names none, or nothing of it is in the queue.
        """
        for kind in (MESSAGE, GROUP, ALL) if allow_all else (MESSAGE, GROUP):
            if values.get(kind):
                selection, messages = _selection(kind, values[kind]), parts().dlq.messages
                first = messages.selected(selection, None, 1)
                if not first:
                    raise NotFound("Nothing of this is in the DLQ any more, as far as the last scan has seen.")
                reason = first[0].error_class or "no reason on record"
                count = messages.count(selection)
                return cls(kind, values[kind], count, "" if kind == ALL else reason)
        raise NotFound("Say which messages: message=, group= or all=1.")

    @property
    def selection(self) -> Selection:
        """The same, as the DLQ's parts take it."""
        return _selection(self.kind, self.name)

    @property
    def arguments(self) -> dict[str, str]:
        """The same, as an address spells it."""
        return {self.kind: self.name}

    @property
    def title(self) -> str:
        """What it is, in words."""
        if self.kind == MESSAGE:
            return f"message {self.name}"
        messages = "1 message" if self.count == 1 else f"{self.count:,} messages"
        return f"{messages}: {self.reason}" if self.kind == GROUP else f"all {messages}"

    @property
    def address(self) -> str:
        """The page that shows it."""
        match self.kind:
            case "message":
                return url_for("workbench.message", message_id=self.name)
            case "group":
                return url_for("workbench.group", fingerprint=self.name)
        return url_for("workbench.dlq")


def _selection(kind: str, name: str) -> Selection:
    match kind:
        case "message":
            return Selection.ids([name])
        case "group":
            return Selection.group(name)
    return Selection.all()
