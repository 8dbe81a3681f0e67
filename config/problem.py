"""What every answer has, whoever gives it: the application, or gunicorn where no request reaches the application."""

from http import HTTPStatus
from typing import Any, Final

MEDIA_TYPE: Final = "application/problem+json"

#: What a browser may do with an answer, which is nothing but to show it. A view may have others for itself.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def problem(status: HTTPStatus, detail: str | None) -> dict[str, Any]:
    """RFC 9457 problem details for a status; without a detail they say what the status means."""
    return {
        "type": "about:blank",
        "title": status.phrase,
        "status": status.value,
        "detail": detail or status.description,
    }
