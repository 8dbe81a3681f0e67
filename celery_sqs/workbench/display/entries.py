"""A time line's entries as people read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import url_for

from celery_sqs.dlq import kind_in_words
from celery_sqs.workbench.display.values import short
from celery_sqs.workbench.history.timeline import Entry
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.requested_queue import has_several

#: What happened, in words, and the class of its colour. A host has titles for what it adds.
_TITLES: Final = {
    "sent": ("Sent: the queue has it", "accent"),
    "received": ("Received by a worker", "accent"),
    "started": ("Started", "accent"),
    "begun": ("Attempt begun, alone: it is on record before it runs", "accent"),
    "failed": ("Attempt failed", "warning"),
    "succeeded": ("Done: the worker has settled it", "ok"),
    "dead": ("Dead: in the DLQ", "danger"),
    "redriven": ("Redriven by an operator", "accent"),
    "edited": ("Edited and redriven by an operator", "accent"),
    "discarded": ("Discarded by an operator", "danger"),
    "rescued": ("Sent again by itself: it was dead with attempts left", "accent"),
}

_LABELS: Final = {
    "message_id": "SQS message",
    "new_message_id": "new SQS message",
    "next_visible_at": "next try from",
    "receive_count": "receive",
    "repair_id": "repair",
    "state": "came to",
    "task_id": "task id",
}

#: Not in the list of facts: quoted above it, on a page of their own, or said by the entry's name.
_NOT_LISTED: Final = frozenset({"error", "body", "new_body", "fingerprint", "in_dlq", "final"})

#: Below that many seconds two entries are together.
_TOGETHER: Final = 0.001


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry as it is shown.

    Attributes:
        at: when; aware, UTC.
        later: how long after the one before; empty where that does not matter.
        title: what happened.
        kind: the class of its colour.
        quote: what was raised.
        facts: label, text and, for some, the address of a page on it; without what the entry before said, too.
    """

    at: datetime
    later: str
    title: str
    kind: str
    quote: str
    facts: list[tuple[str, str, str | None]]


def shown_entries(entries: Sequence[Entry]) -> list[Shown]:
    """A time line's entries, each with how long it took since the one before, and what is new in it."""
    before = [None, *entries]
    return [_shown(entry, previous) for entry, previous in zip(entries, before, strict=False)]


def _shown(entry: Entry, previous: Entry | None) -> Shown:
    titles = {**_TITLES, **parts().words.entries}
    title, kind = titles.get(entry.what, (entry.what.capitalize(), ""))
    seconds = (entry.at - previous.at).total_seconds() if previous else 0
    known = previous.detail if previous else {}
    news = {
        key: value
        for key, value in entry.detail.items()
        if key not in _NOT_LISTED
        and (key != "queue" or has_several())
        and value not in (None, "")
        and value != known.get(key)
    }
    error = "" if entry.what == "dead" else str(entry.detail.get("error") or "")  # that of the last attempt, again
    facts = [_fact(key, value) for key, value in news.items()]
    return Shown(entry.at, f"+{short(seconds)}" if seconds >= _TOGETHER else "", title, kind, error, facts)


def _fact(key: str, value: Any) -> tuple[str, str, str | None]:
    link = None
    if key == "kind":
        value = kind_in_words(value)
    if key == "repair_id":
        link = url_for("workbench.repair", repair_id=value)
    return _LABELS.get(key, key.replace("_", " ")), _instant(value) if key.endswith("_at") else str(value), link


def _instant(value: Any) -> str:
    """An instant in ISO 8601 as time of day; whatever else it is, as it is."""
    try:
        return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M:%S}"
    except (TypeError, ValueError):
        return str(value)
