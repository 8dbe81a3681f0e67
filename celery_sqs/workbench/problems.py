"""Errors as JSON: RFC 9457 problem details."""

import json
from http import HTTPStatus
from typing import Final

from flask import Response
from werkzeug.exceptions import HTTPException

MEDIA_TYPE: Final = "application/problem+json"

#: Headers of an error that its answer keeps.
KEPT: Final = frozenset({"Allow", "Retry-After", "WWW-Authenticate"})


def problem(error: HTTPException, status: HTTPStatus) -> Response:
    """The answer to who asked for JSON."""
    values = {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": error.description or status.description,
    }
    return Response(json.dumps(values), status, kept_headers(error), mimetype=MEDIA_TYPE)


def kept_headers(error: HTTPException) -> list[tuple[str, str]]:
    """What an error's answer has besides its content."""
    return [(name, value) for name, value in error.get_headers() if name in KEPT]
