"""The orders API: post an order, ask what became of it, list one's own."""

import re
import time
from datetime import UTC, datetime
from http import HTTPStatus as Status
from typing import Any, Final
from uuid import UUID

import structlog
from flask import current_app, g, request, url_for
from flask.views import MethodView
from flask_smorest import abort
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound, UnprocessableEntity
from werkzeug.sansio.response import Response
from werkzeug.urls import iri_to_uri

from app.auth import READ, WRITE, caller, require
from app.body import JSON, StrictBlueprint, require_no_query
from app.examples.orders import ACCEPTED, PAGE, PERSISTED, VIEWS
from app.following import APPLIED_HEADER, HEADER, KeyReused, WaitRefused, wait_preferred
from app.headers import CompleteResponse
from app.problems import documented
from app.queue import NotQueued, OrderQueue
from app.request_log import request_id, trace
from app.schemas import AcceptedOrder, Cursor, NewOrder, OrderPage, OrderView, PageQuery
from app.services import services
from orders.fields import in_utc, parse_order_id
from orders.order import PENDING, Order
from orders.outcome import Position, StoredOrder

logger = structlog.stdlib.get_logger(__name__)

QUEUE_RETRY_AFTER: Final = 2  # seconds

KEY_HEADER: Final = "Idempotency-Key"
_KEY: Final = re.compile(r"[!-+\--~]{1,255}")  # no comma, which joins the values of two headers: RFC 9110, section 5.3

_DENIED: Final = (Status.UNAUTHORIZED, Status.FORBIDDEN)
_NO_JSON: Final = (Status.BAD_REQUEST, Status.REQUEST_ENTITY_TOO_LARGE, Status.UNSUPPORTED_MEDIA_TYPE)

#: The states that an order does not stay in.
_ON_ITS_WAY: Final = ("queued", "retrying")

# For the description only. The parameters have no examples, which the page would send if nobody changes them.
_LOCATION: Final = {"schema": {"type": "string"}, "required": True, "description": "Where its state is shown."}
_APPLIED: Final = {
    "schema": {"type": "string", "example": "wait=10"},
    "description": "With `Prefer: wait`, if it was honoured: for how many seconds at the most.",
}
# `alt_response` would describe it, too, and be one more call for each order.
_STORED: Final = {
    "description": "With `Prefer: wait`: it is stored.",
    "headers": {"Location": _LOCATION, APPLIED_HEADER: _APPLIED},
    "content": {JSON: {"schema": OrderView, "example": PERSISTED}},
}
_IDEMPOTENCY_KEY: Final = {
    "in": "header",
    "name": KEY_HEADER,
    "required": False,
    "schema": {"type": "string", "pattern": f"^{_KEY.pattern}$"},
    "description": "The same user and key always get the same order id. With the same content the answer is the same; "
    "with another it is 422, and nothing is queued. That is known where the first order is stored and the database "
    "answers within 50 ms, or where the same process accepted it. Else the answer is 202, and the order stands that is "
    "stored first: what `GET` shows is that one. A key has no comma.",
}
_PREFER: Final = {
    "in": "header",
    "name": HEADER,
    "required": False,
    "schema": {"type": "string"},
    "description": "`wait=N` (RFC 7240): answer when the order is stored, dead or missing, or after N seconds. More "
    "than 30 is taken as 30. Other preferences are ignored, and so is this one where too many requests wait: then the "
    "answer has no `Preference-Applied`.",
}
_ORDER_ID: Final = {"in": "path", "name": "order_id", "schema": {"type": "string", "format": "uuid"}}

blueprint = StrictBlueprint("orders", __name__, url_prefix="/api/v1/orders", description="Orders")


@blueprint.route("")
class Orders(MethodView):
    """All orders of the caller."""

    @require(WRITE)
    @blueprint.arguments(NewOrder())
    @blueprint.response(202, AcceptedOrder, headers={"Location": _LOCATION, APPLIED_HEADER: _APPLIED}, example=ACCEPTED)
    @blueprint.doc(
        security=[{"bearer": []}],
        parameters=[_IDEMPOTENCY_KEY, _PREFER],
        responses={200: _STORED, **documented(*_DENIED, *_NO_JSON, Status.SERVICE_UNAVAILABLE)},
    )
    def post(self, new: dict[str, Any]) -> Any:
        """Accept an order.

        The answer is sent once the queue has confirmed the order; from then on it is not lost. A 503
        leaves open whether it was queued: repeat it with the same Idempotency-Key.
        """
        parts, user_id, sent = services(), caller().user_id, request.headers
        key = _idempotency_key(sent)
        order = Order(
            order_id=parts.identity.issue(user_id, key),
            user_id=user_id,
            timestamp=datetime.now(UTC),
            **new,
        )
        stored = None
        if key is not None:
            order, stored = _named_by(key, order)
        order_id = str(order.order_id)
        if stored is None:
            _send(parts.queue, order, order_id)
            if key is not None:
                parts.keys.remember(order)
        # `url_for` would work out what the request's own path already says.
        root = request.root_path
        headers = {"Location": f"{root and iri_to_uri(root)}{request.path}/{order_id}"}
        prefer = sent.get(HEADER)
        seconds = None if prefer is None else _seconds_to_wait(prefer)
        if seconds is not None:
            stored = _stored_within(seconds, order, stored, key, headers)
            if stored is not None:
                return _in_full(stored, headers)
        return CompleteResponse(_accepted(order, order_id), 202, headers, content_type=JSON)

    @require(READ, WRITE)
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, OrderPage, example=PAGE)
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
    @blueprint.response(200, OrderView, headers={APPLIED_HEADER: _APPLIED}, examples=VIEWS)
    @blueprint.doc(
        security=[{"bearer": []}],
        parameters=[_PREFER],
        responses=documented(*_DENIED, Status.NOT_FOUND, Status.UNPROCESSABLE_ENTITY, Status.SERVICE_UNAVAILABLE),
    )
    def get(self, order_id: str) -> Any:
        """Return an order and its state."""
        require_no_query(request)
        known = parse_order_id(order_id)
        if known is None:
            raise NotFound("No such order.")
        view, prefer = _view(known), request.headers.get(HEADER)
        seconds = None if prefer is None else _seconds_to_wait(prefer)
        return view if seconds is None else _changed_within(seconds, known, view)


def _view(order_id: UUID) -> dict[str, Any]:
    """What the caller may know of an order now."""
    user_id = caller().user_id
    stored = services().store.get(order_id)
    if stored and stored.order.user_id == user_id:
        return _persisted(stored)
    # Somebody else's order is answered like one that does not exist.
    if stored or not services().identity.issued(order_id, user_id):
        raise NotFound("No such order.")
    state, failed = services().history.state_without_row(order_id)
    return {"order_id": order_id, "status": PENDING, "state": state, "attempts": failed}


def _changed_within(seconds: float, order_id: UUID, view: dict[str, Any]) -> Any:
    """What the caller may know of an order once it is stored or dead, or when some seconds are over."""
    waits, deadline, end = services().waits, time.monotonic() + seconds, None
    try:
        while view["state"] in _ON_ITS_WAY and (left := deadline - time.monotonic()) > 0:
            end = waits.wait(order_id, left, end)
            if isinstance(end, StoredOrder) and end.order.user_id == caller().user_id:
                view = _persisted(end)
            else:
                view = _view(order_id)
    except WaitRefused:
        return view
    return view, 200, {APPLIED_HEADER: f"wait={seconds}"}


def _named_by(key: str, order: Order) -> tuple[Order, StoredOrder | None]:
    """The order that a key has named first, and its row: as far as that is known, or else this order."""
    try:
        return services().keys.find(order)
    except KeyReused:
        raise _refused(key) from None


def _refused(key: str) -> UnprocessableEntity:
    """The answer that a key has named another order."""
    g.key_reused = True
    detail = f"{key} has named an order with another content. Send this one with a key of its own."
    error = UnprocessableEntity()
    error.data = {"message": "The key names another order.", "messages": {"headers": {KEY_HEADER: [detail]}}}  # type: ignore[attr-defined]
    return error


def _send(queue: OrderQueue, order: Order, order_id: str) -> None:
    """Put an order into the queue, or answer that it is not confirmed."""
    try:
        task_id = queue.send(order, request_id(), trace())
    except NotQueued as error:
        logger.warning("order not queued", order_id=order_id, error=str(error))
        abort(
            503,
            message="The queue did not confirm the order. Please repeat it with the same Idempotency-Key.",
            headers={"Retry-After": str(QUEUE_RETRY_AFTER)},
        )
    logger.info("order accepted", order_id=order_id, task_id=task_id)


def _stored_within(
    seconds: float, order: Order, stored: StoredOrder | None, key: str | None, headers: dict[str, str]
) -> StoredOrder | None:
    """The row of an accepted order, if it is there within some seconds."""
    g.accepted_at = time.perf_counter()
    try:
        end = stored or services().waits.wait(order.order_id, seconds)
    except WaitRefused:
        return None
    headers[APPLIED_HEADER] = f"wait={seconds}"
    if not isinstance(end, StoredOrder):
        return None
    if end.order.content != order.content:  # another one, under the same key, was stored in the meantime
        raise _refused(str(key))
    return end


def _seconds_to_wait(prefer: str) -> float | None:
    """How long the client would wait, if it says so."""
    seconds = wait_preferred(prefer)
    return None if seconds is None else min(seconds, services().waits.longest)


def _accepted(order: Order, order_id: str) -> str:
    """An `AcceptedOrder` as JSON: each value is one that needs no escapes. The schema takes ten times as long."""
    return (
        f'{{"orderId":"{order_id}","status":"{order.status}","state":"queued",'
        f'"timestamp":"{in_utc(order.timestamp)}"}}\n'
    )


def _in_full(stored: StoredOrder, headers: dict[str, str]) -> Response:
    """The answer that an order is stored."""
    answer = current_app.json.response(OrderView().dump(_persisted(stored)))
    answer.headers.extend(headers)
    return answer


def _idempotency_key(sent: Headers) -> str | None:
    """The request's own, if it has one."""
    key = sent.get(KEY_HEADER)
    # A schema for the one header would cost as much as the one for the body.
    if key is not None and not _KEY.fullmatch(key):
        abort(
            422,
            messages={"headers": {KEY_HEADER: ["Must be one, of 1 to 255 visible ASCII characters without a comma."]}},
        )
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
