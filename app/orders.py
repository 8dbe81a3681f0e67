"""The orders API: post an order, ask what became of it, list one's own."""

import re
from datetime import UTC, datetime
from http import HTTPStatus as Status
from typing import Any, Final

import structlog
from flask import request, url_for
from flask.views import MethodView
from flask_smorest import abort
from werkzeug.exceptions import NotFound

from app.auth import READ, WRITE, caller, require
from app.body import StrictBlueprint
from app.problems import documented
from app.queue import NotQueued
from app.request_log import request_id, trace
from app.schemas import AcceptedOrder, Cursor, NewOrder, OrderPage, OrderView, PageQuery
from app.services import services
from orders.attempt import state_without_row
from orders.fields import parse_order_id
from orders.order import PENDING, Order
from orders.outcome import Position, StoredOrder

logger = structlog.stdlib.get_logger(__name__)

QUEUE_RETRY_AFTER: Final = 2  # seconds

KEY_HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[!-~]{1,255}")

_DENIED: Final = (Status.UNAUTHORIZED, Status.FORBIDDEN)
_NO_JSON: Final = (Status.BAD_REQUEST, Status.REQUEST_ENTITY_TOO_LARGE, Status.UNSUPPORTED_MEDIA_TYPE)

# For the description only.
_LOCATION: Final = {"schema": {"type": "string"}, "required": True, "description": "Where its state is shown."}
_IDEMPOTENCY_KEY: Final = {
    "in": "header",
    "name": KEY_HEADER,
    "required": False,
    "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$"},
    "description": "The same user and key always get the same order id.",
}
_ORDER_ID: Final = {"in": "path", "name": "order_id", "schema": {"type": "string", "format": "uuid"}}

blueprint = StrictBlueprint("orders", __name__, url_prefix="/api/v1/orders", description="Orders")


@blueprint.route("")
class Orders(MethodView):
    """All orders of the caller."""

    @require(WRITE)
    @blueprint.arguments(NewOrder())
    @blueprint.response(202, AcceptedOrder, headers={"Location": _LOCATION})
    @blueprint.doc(
        security=[{"bearer": []}],
        parameters=[_IDEMPOTENCY_KEY],
        responses=documented(*_DENIED, *_NO_JSON, Status.SERVICE_UNAVAILABLE),
    )
    def post(self, new: dict[str, Any]) -> tuple[Any, int, dict[str, str]]:
        """Accept an order.

        The answer is sent once the queue has confirmed the order; from then on it is not lost. A 503
        leaves open whether it was queued: repeat it with the same Idempotency-Key.
        """
        parts, user_id = services(), caller().user_id
        order = Order(
            order_id=parts.identity.issue(user_id, _idempotency_key()),
            user_id=user_id,
            timestamp=datetime.now(UTC),
            **new,
        )
        try:
            task_id = parts.queue.send(order, request_id(), trace())
        except NotQueued as error:
            logger.warning("order not queued", order_id=str(order.order_id), error=str(error))
            abort(
                503,
                message="The queue did not confirm the order. Please repeat it with the same Idempotency-Key.",
                headers={"Retry-After": str(QUEUE_RETRY_AFTER)},
            )
        order_id = str(order.order_id)
        logger.info("order accepted", order_id=order_id, task_id=task_id)
        accepted = {
            "order_id": order_id,
            "status": order.status,
            "state": "queued",
            "timestamp": order.timestamp,
        }
        # `url_for` would work out what the request's own path already says.
        return accepted, 202, {"Location": f"{request.root_path}{request.path}/{order_id}"}

    @require(READ, WRITE)
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, OrderPage)
    @blueprint.doc(security=[{"bearer": []}], responses=documented(*_DENIED, Status.SERVICE_UNAVAILABLE))
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        """List the caller's persisted orders, newest first."""
        limit = query["limit"]
        rows = services().store.newest(caller().user_id, limit + 1, query.get("cursor"))
        page = rows[:limit]
        return {
            "orders": [_persisted(stored) for stored in page],
            "next": _next_page(page[-1], limit) if len(rows) > limit else None,
        }


@blueprint.route("/<order_id>", parameters=[_ORDER_ID])
class OneOrder(MethodView):
    """One order of the caller."""

    @require(READ, WRITE)
    @blueprint.response(200, OrderView)
    @blueprint.doc(
        security=[{"bearer": []}], responses=documented(*_DENIED, Status.NOT_FOUND, Status.SERVICE_UNAVAILABLE)
    )
    def get(self, order_id: str) -> dict[str, Any]:
        """Return an order and its state."""
        known = parse_order_id(order_id)
        user_id = caller().user_id
        stored = services().store.get(known) if known else None
        if stored and stored.order.user_id == user_id:
            return _persisted(stored)
        # Somebody else's order is answered like one that does not exist.
        if known is None or stored or not services().identity.issued(known, user_id):
            raise NotFound("No such order.")
        failed = services().history.current_attempts(known)
        return {
            "order_id": known,
            "status": PENDING,
            "state": state_without_row(failed),
            "attempts": len(failed),
        }


def _idempotency_key() -> str | None:
    """The request's own, if it has one."""
    key = request.headers.get(KEY_HEADER)
    # A schema for the one header would cost as much as the one for the body.
    if key is not None and not _KEY.fullmatch(key):
        abort(422, messages={"headers": {KEY_HEADER: ["Must be 1 to 255 visible ASCII characters."]}})
    return key


def _persisted(stored: StoredOrder) -> dict[str, Any]:
    order = stored.order
    return {
        "order_id": order.order_id,
        "status": order.status,
        "state": "persisted",
        "attempts": stored.attempts,
        "user_id": order.user_id,
        "product_name": order.product_name,
        "quantity": order.quantity,
        "total_price": order.total_price,
        "timestamp": order.timestamp,
        "persisted_at": stored.persisted_at,
    }


def _next_page(last: StoredOrder, limit: int) -> str:
    position = Position(accepted_at=last.order.timestamp, order_id=last.order.order_id)
    cursor = Cursor().serialize("last", {"last": position})
    return url_for("orders.Orders", limit=limit, cursor=cursor)
