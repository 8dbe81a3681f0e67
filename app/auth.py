"""Who may call a view: `@require("orders:write")`."""

import functools
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

from flask import g, request
from flask_smorest import abort

from app.services import services
from app.tokens import Identified, InvalidToken, KeysUnavailable

P = ParamSpec("P")
R = TypeVar("R")

READ: Final = "orders:read"
WRITE: Final = "orders:write"

KEYS_RETRY_AFTER: Final = 5  # seconds

#: WSGI joins the values of two headers by a comma, which no token has: RFC 6750, section 2.1.
_TWO_HEADERS: Final = "There must be one Authorization header, with one bearer token."


def require(*scopes: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let only callers through whose token has one of the scopes; the rest get 401 or 403."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            g.caller = _identify(scopes)
            return view(*args, **kwargs)

        # flask-smorest builds the API's description from this attribute.
        guarded._apidoc = getattr(view, "_apidoc", {})  # type: ignore[attr-defined]
        return guarded

    return decorate


def caller() -> Identified:
    """Who asks, in a guarded view."""
    identified: Identified = g.caller
    return identified


def _identify(scopes: tuple[str, ...]) -> Identified:
    sent = request.headers.get("Authorization", "")
    scheme, _, token = sent.partition(" ")
    has_two = "," in sent and "bearer " in sent.lower()
    if scheme.lower() != "bearer" or not token:
        _refuse(401, _TWO_HEADERS if has_two else "A bearer token is needed.", "")
    try:
        identified = services().verifier.identify(token.strip())
    except InvalidToken as error:
        _refuse(401, _TWO_HEADERS if has_two else f"{error}.", ' error="invalid_token"')
    except KeysUnavailable:
        abort(503, message="Tokens cannot be checked now.", headers={"Retry-After": str(KEYS_RETRY_AFTER)})
    if not identified.scopes.intersection(scopes):
        needed = " or ".join(scopes)
        _refuse(403, f"The token lacks the scope {needed}.", f' error="insufficient_scope", scope="{" ".join(scopes)}"')
    return identified


def _refuse(status: int, message: str, challenge: str) -> Any:
    # RFC 6750, section 3.
    abort(status, message=message, headers={"WWW-Authenticate": f"Bearer{challenge and ' '}{challenge.strip()}"})
