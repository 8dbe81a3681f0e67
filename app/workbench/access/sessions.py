"""The session of an operator: a signed cookie, and a token that every form of it carries."""

import hmac
import secrets
from datetime import timedelta
from typing import Final

from flask import Flask, Request, request, session
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.exceptions import Forbidden

from app.workbench.access.operators import Operators
from config.settings import PRODUCTION

PREFIX: Final = "/monitor"

LIFETIME: Final = timedelta(hours=12)  # from signing in, however much is done meanwhile

#: The name of the form field.
TOKEN: Final = "csrf_token"  # noqa: S105  # a name, not a token

_OPERATOR: Final = "operator"
_MARK: Final = "mark"


class _CookieOfPrefix(SecureCookieSessionInterface):
    """Flask's signed cookie, read below /monitor only: an order needs no session, and would pay for one."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """The request's session; none beyond the workbench."""
        return super().open_session(app, request) if request.path.startswith(PREFIX) else None


def init_app(app: Flask, operators: Operators, app_env: str) -> None:
    """Give the application sessions.

    Args:
        app: the application.
        operators: they sign the sessions.
        app_env: the cookie travels over HTTPS only in production.
    """
    app.session_interface = _CookieOfPrefix()
    app.config |= {
        "SECRET_KEY": operators.session_key,
        "SESSION_COOKIE_NAME": "order_intake_operator",
        "SESSION_COOKIE_PATH": PREFIX,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "SESSION_COOKIE_SECURE": app_env == PRODUCTION,
        "PERMANENT_SESSION_LIFETIME": LIFETIME,
        "SESSION_REFRESH_EACH_REQUEST": False,
    }


def begin(operators: Operators, name: str) -> None:
    """Start an operator's session, with nothing in it of what was there before."""
    session.clear()
    session.permanent = True
    session[_OPERATOR] = name
    session[_MARK] = operators.mark(name)
    token()


def end() -> None:
    """Sign out."""
    session.clear()


def operator(operators: Operators) -> str | None:
    """Who is signed in: nobody any more, once the password has changed."""
    name, mark = session.get(_OPERATOR), session.get(_MARK)
    if not isinstance(name, str) or not isinstance(mark, str):
        return None
    expected = operators.mark(name)
    return name if expected and hmac.compare_digest(expected, mark) else None


def token() -> str:
    """The session's token against forged forms; it is made with its first form."""
    if TOKEN not in session:
        session[TOKEN] = secrets.token_urlsafe(32)
        session.permanent = True
    made: str = session[TOKEN]
    return made


def check_token() -> None:
    """Refuse a form that is none of this session's.

    Raises:
        Forbidden: it lacks the session's token.
    """
    expected, given = session.get(TOKEN), request.form.get(TOKEN, "")
    if not isinstance(expected, str) or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("This form is too old, or does not come from here. Go back, reload the page and try again.")
