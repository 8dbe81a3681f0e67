"""The dry run: which of the dead messages would the code of today accept? Nothing is sent and nothing is written."""

from dataclasses import dataclass, field
from datetime import UTC
from typing import Any, Final

from flask import request

from celery_sqs import system
from celery_sqs.workbench.actions.requested_selection import RequestedSelection
from celery_sqs.workbench.views import page

#: Messages that one page tries. The next page goes on after them.
TRIED_AT_ONCE: Final = 500

#: Messages between two pauses: the process answers others meanwhile.
CHUNK: Final = 100

MAX_EXAMPLES: Final = 3

#: Answers that are listed. One that quotes its message is an answer of its own.
MAX_ANSWERS: Final = 20


@dataclass(slots=True)
class Answer:
    """Messages with the same answer.

    Attributes:
        accepted: whether they would be accepted.
        why: in a few words.
        count: how many.
        examples: message ids of some.
    """

    accepted: bool
    why: str
    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a dry run.

    Attributes:
        tried: how many messages were tried.
        accepted: how many of these would be accepted.
        answers: refusals first, and of these the most frequent first; not all of them.
        not_listed: how many messages have an answer that is not among these.
        after: the last message that was tried, where there are more.
    """

    tried: int
    accepted: int
    answers: list[Answer]
    not_listed: int
    after: str | None


@page("/dlq/dry-run", "dry_run.html")
def dry_run() -> dict[str, Any]:
    """Try the messages that the address names, five hundred at a time."""
    requested = RequestedSelection.asked(request.args)
    after = request.args.get("after")
    return {
        "now": system.now(UTC),
        "requested": requested,
        "summary": summarised(requested, after),
        "from_start": not after,
    }


def summarised(requested: RequestedSelection, after: str | None = None) -> Summary:
    """Try up to five hundred messages of a selection, starting after one."""
    dlq = requested.service
    answers: dict[tuple[bool, str], Answer] = {}
    tried, more = 0, True
    while tried < TRIED_AT_ONCE and more:
        messages = dlq.messages.selected(requested.selection, after, CHUNK)
        for message, result in zip(messages, dlq.dry_run(messages), strict=True):
            answer = answers.setdefault((result.accepted, result.why), Answer(result.accepted, result.why))
            answer.count += 1
            if len(answer.examples) < MAX_EXAMPLES:
                answer.examples.append(message.message_id)
        tried += len(messages)
        more = len(messages) == CHUNK
        after = messages[-1].message_id if messages else after
        system.time.sleep(0)  # a greenlet gives way to others here
    more = more and bool(dlq.messages.selected(requested.selection, after, 1))
    ordered = sorted(answers.values(), key=lambda answer: (answer.accepted, -answer.count))
    accepted = sum(answer.count for answer in ordered if answer.accepted)
    not_listed = sum(answer.count for answer in ordered[MAX_ANSWERS:])
    return Summary(tried, accepted, ordered[:MAX_ANSWERS], not_listed, after if more else None)
