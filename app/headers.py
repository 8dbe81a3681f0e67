"""Headers of every answer of the application: what a browser may do with it, which is nothing but to show it.

And an answer whose headers cost little.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from typing import Any, Final

from flask import Flask, Response, request

from config.problem import HEADERS

#: Swagger UI writes styles into the page, and has its pictures in these.
_DOCS_POLICY: Final = (
    "default-src 'none'; script-src 'self' {}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_DOCS: Final = "api-docs.openapi_swagger_ui"  # the page's endpoint, as flask-smorest names it
_INLINE_SCRIPT: Final = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class CompleteResponse(Response):
    """An answer to a POST, made of its whole body and of headers as they are sent, with any URL in ASCII.

    It has those of every answer. Of others werkzeug reads all headers once more, to add and to correct some.
    """

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        start_response(self.status, [*self.headers, *HEADERS.items()])
        return self.response  # type: ignore[return-value]  # the one that it was made of


def init_app(app: Flask) -> None:
    """Give every answer of the application headers, but for those that a view has set."""
    app.after_request(_guard)


def _guard(response: Response) -> Response:
    if isinstance(response, CompleteResponse):
        return response
    if request.endpoint == _DOCS:
        response.headers["Content-Security-Policy"] = _DOCS_POLICY.format(_hashes(response.get_data(as_text=True)))
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _hashes(page: str) -> str:
    """The page's own scripts, so that no other one runs: https://www.w3.org/TR/CSP3/#external-hash."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page))
    return " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
