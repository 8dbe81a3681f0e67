"""A problem for each status that the API answers with."""

from http import HTTPStatus as Status
from typing import Any, Final

_DETAILS: Final = {
    Status.BAD_REQUEST: "The body is not JSON: Expecting value: line 1 column 1 (char 0).",
    Status.UNAUTHORIZED: "A bearer token is needed.",
    Status.FORBIDDEN: "The token lacks the scope orders:write.",
    Status.NOT_FOUND: "No such order.",
    Status.REQUEST_ENTITY_TOO_LARGE: Status.REQUEST_ENTITY_TOO_LARGE.description,
    Status.UNSUPPORTED_MEDIA_TYPE: "The body must be application/json.",
    Status.SERVICE_UNAVAILABLE: "The queue did not confirm the order. Please repeat it with the same Idempotency-Key.",
}


def of(status: Status) -> dict[str, Any]:
    """The examples of a status, as OpenAPI has them; none of one that no view answers with."""
    if status is Status.UNPROCESSABLE_ENTITY:
        field = _problem(status, "Some fields are not valid.", "quantity", "Must be a whole number.")
        detail = "basket-4711 has named an order with another content. Send this one with a key of its own."
        key = _problem(status, "The key names another order.", "Idempotency-Key", detail)
        return {
            "field": {"summary": "A field is not valid.", "value": field},
            "key": {"summary": "The key has named another order.", "value": key},
        }
    return {"problem": {"value": _problem(status, _DETAILS[status])}} if status in _DETAILS else {}


def _problem(status: Status, detail: str, field: str | None = None, of_field: str = "") -> dict[str, Any]:
    problem = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return problem | ({"errors": [{"field": field, "detail": of_field}]} if field else {})
