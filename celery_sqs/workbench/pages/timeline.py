"""What became of a call? Its time line from the call to its end or the DLQ."""

from datetime import UTC
from typing import Any, Final

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs import system
from celery_sqs.workbench.pages.dead_messages import shown_body
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.views import PLURAL, page, see

MAX_NAME: Final = 255  # characters: as long as any id that is kept


@page(f"/{PLURAL}", "search.html")
def search() -> dict[str, Any] | BaseResponse:
    """The search; what is searched for has a page of its own."""
    named = request.args.get("q", "").strip()[:MAX_NAME]
    if named:
        return see("timeline", named=named)
    return {"now": system.now(UTC)}


@page(f"/{PLURAL}/<path:named>", "timeline.html")
def timeline(named: str) -> dict[str, Any] | BaseResponse:
    """A task or what it is about, found by the subject, the task's id or the id of a dead message."""
    known, found = parts().dlq.messages, parts().history.timeline(named)
    if found is None:
        if known.get(named) is None:
            ids = parts().words.ids
            raise NotFound(f"Nothing is known of {named}: there is no {ids} and no dead message like it.")
        return see("message", message_id=named)
    messages = known.of_subject(found.subject) if found.subject else known.of_task(named)
    return {
        "now": system.now(UTC),
        "named": named,
        "timeline": found,
        "messages": [message for message in messages if message.gone_at is None],
        "payload": shown_body(found.payload) if found.payload else None,
    }
