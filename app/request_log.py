"""Request ids: one per request, in every log line, on the message and in the answer. And the trace, if there is one."""

import os
import re
from typing import Final

import structlog
from flask import Flask, Response, g, request

from celery_sqs.tracing import HEADERS, trace_context, trace_id

HEADER: Final = "X-Request-ID"

#: What a client's own id may look like. It goes into logs and message attributes.
_ACCEPTED: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)

_OWN_BYTES: Final = 16  # of an id of ours


def init_app(app: Flask) -> None:
    """Give every request of the application an id."""
    app.before_request(_begin)
    app.after_request(_end)


def request_id() -> str:
    """The current request's id."""
    identifier: str = g.request_id
    return identifier


def trace() -> dict[str, str]:
    """The trace context that the current request came with; empty without."""
    context: dict[str, str] = g.trace
    return context


def _begin() -> None:
    given = request.headers.get(HEADER, "")
    g.request_id = given if _ACCEPTED.fullmatch(given) else os.urandom(_OWN_BYTES).hex()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    # Without the first of them there is no trace.
    is_traced = HEADERS[0] in request.headers
    g.trace = trace_context({name: request.headers.get(name) for name in HEADERS}) if is_traced else {}
    if g.trace:
        structlog.contextvars.bind_contextvars(trace_id=trace_id(g.trace))


def _end(response: Response) -> Response:
    response.headers[HEADER] = g.request_id
    return response
