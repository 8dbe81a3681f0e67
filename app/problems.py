"""Errors over HTTP: RFC 9457 problem details, whatever went wrong, and never a stack trace."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import structlog
from flask import Flask, current_app
from marshmallow import Schema, fields
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, ServiceUnavailable
from werkzeug.sansio.response import Response as BaseResponse

from config.problem import MEDIA_TYPE, problem
from orders.faults import is_outage

logger = structlog.stdlib.get_logger(__name__)

DATABASE_RETRY_AFTER: Final = 5  # seconds


class FieldProblem(Schema):
    """What is wrong with one field."""

    field = fields.String(required=True, metadata={"description": "Its name, with dots where it is nested."})
    detail = fields.String(required=True)


class Problem(Schema):
    """RFC 9457 problem details."""

    type = fields.String(required=True, metadata={"description": "about:blank: the status says it all."})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    errors = fields.List(fields.Nested(FieldProblem), metadata={"description": "With 422: every bad field."})


def init_app(app: Flask) -> None:
    """Answer every error of the application with a problem."""
    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(SQLAlchemyError, _answer_database_error)
    app.register_error_handler(Exception, _answer_unexpected)


def documented(*statuses: HTTPStatus) -> dict[int, str]:
    """The problems that a view answers with, for its description: `@blueprint.doc(responses=...)`."""
    return {status.value: status.name for status in statuses}


def answer(error: HTTPException) -> BaseResponse:
    """The problem for an HTTP error; `abort`'s message, errors and headers go into it."""
    if error.code is None:  # a redirect, or an answer raised as an exception
        return error.get_response()
    data: dict[str, Any] = getattr(error, "data", None) or {}
    status = HTTPStatus(error.code)
    body = problem(status, data.get("message") or error.description)
    messages = data.get("messages")
    if messages:
        body["detail"] = data.get("message") or "Some fields are not valid."
        body["errors"] = list(_field_problems(messages))
    response = current_app.json.response(body)
    response.status_code = status.value
    response.mimetype = MEDIA_TYPE
    kept = [(name, value) for name, value in error.get_headers() if name in {"Allow", "Retry-After"}]
    response.headers.extend(kept)
    response.headers.extend(data.get("headers") or {})
    return response


def _answer_database_error(error: SQLAlchemyError) -> BaseResponse:
    if not is_outage(error):
        return _answer_unexpected(error)
    logger.warning("database unavailable", error=str(error))
    return answer(ServiceUnavailable("The database is not available now.", retry_after=DATABASE_RETRY_AFTER))


def _answer_unexpected(error: Exception) -> BaseResponse:
    logger.error("unexpected error", exc_info=error)
    return answer(InternalServerError("Something went wrong here. It has been recorded."))


def _field_problems(messages: Any, path: tuple[str, ...] = ()) -> Iterator[dict[str, str]]:
    """Flatten webargs' `{location: {field: [messages]}}`, leaving the location out."""
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            yield from _field_problems(below, (*path, _escaped(str(name))))
        return
    for detail in messages if isinstance(messages, list) else [messages]:
        yield {"field": ".".join(path[1:]) or "_schema", "detail": str(detail)}


def _escaped(name: str) -> str:
    """A client's own key, with half surrogate pairs, which UTF-8 has no bytes for, spelt as escapes."""
    return name.encode("utf-8", "backslashreplace").decode()
