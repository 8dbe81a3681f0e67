"""Where is an order? Its time line from the accepted request to its row or the DLQ."""

from datetime import UTC, datetime
from typing import Any, Final

from flask import request
from werkzeug.exceptions import NotFound
from werkzeug.sansio.response import Response as BaseResponse

from app.workbench.blueprint import page, see
from app.workbench.pages.dead_messages import shown_body
from app.workbench.parts import parts

MAX_NAME: Final = 255  # characters: as long as any id that is kept


@page("/orders", "orders.html")
def orders() -> dict[str, Any] | BaseResponse:
    """The search; what is searched for has a page of its own."""
    named = request.args.get("q", "").strip()[:MAX_NAME]
    if named:
        return see("order", named=named)
    return {"now": datetime.now(UTC)}


@page("/orders/<path:named>", "order.html")
def order(named: str) -> dict[str, Any] | BaseResponse:
    """An order or task, found by order id, task id or the id of a dead message."""
    known, timeline = parts().dlq.messages, parts().history.timeline(named)
    if timeline is None:
        if known.get(named) is None:
            raise NotFound(f"Nothing is known of {named}: no order, task or dead message has this id.")
        return see("message", message_id=named)
    messages = known.of_subject(timeline.order_id) if timeline.order_id else known.of_task(named)
    return {
        "now": datetime.now(UTC),
        "named": named,
        "timeline": timeline,
        "messages": [message for message in messages if message.gone_at is None],
        "payload": shown_body(timeline.payload) if timeline.payload else None,
    }
