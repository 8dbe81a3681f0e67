"""The session of an operator: a signed cookie of the workbench's own, and a token that every form of it carries.

It is not Flask's session, which belongs to the host.
"""

import hashlib
import hmac
import re
import secrets
from datetime import timedelta
from typing import Final

from flask import Request, Response, request
from flask.sessions import SecureCookieSession
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug.exceptions import Forbidden

from celery_sqs.workbench.operators import Operators
from celery_sqs.workbench.visit import visit

LIFETIME: Final = timedelta(hours=12)  # from signing in, however much is done meanwhile

#: How the cookie is signed.
SALT: Final = "session"
SIGNED_BY: Final = {"key_derivation": "hmac", "digest_method": hashlib.sha256}

#: The name of the form field.
TOKEN: Final = "csrf_token"  # noqa: S105  # a name, not a token

_OPERATOR: Final = "operator"
_MARK: Final = "mark"


class Sessions:
    """Reads and writes the cookies.

    Args:
        key: signs them.
        title: of the workbench, which names its cookie: browsers send cookies to all ports of a host.
        https_only: whether the cookie travels over HTTPS only.
    """

    def __init__(self, key: bytes, title: str, *, https_only: bool) -> None:
        self._signed = URLSafeTimedSerializer(key, salt=SALT, signer_kwargs=SIGNED_BY)
        self._cookie = f"{re.sub('[^a-z0-9]+', '_', title.lower()).strip('_')}_operator"
        self._https_only = https_only

    def read(self, request: Request) -> SecureCookieSession:
        """The request's session; an empty one where it has none that is ours and young enough."""
        try:
            value = self._signed.loads(request.cookies.get(self._cookie, ""), max_age=int(LIFETIME.total_seconds()))
        except BadSignature:
            value = {}
        return SecureCookieSession(value)

    def write(self, session: SecureCookieSession, response: Response, path: str) -> None:
        """Have the browser keep a session that has changed, for the pages below a path."""
        response.vary.add("Cookie")
        if not session.modified:
            return
        response.set_cookie(
            self._cookie,
            str(self._signed.dumps(dict(session))) if session else "",
            max_age=LIFETIME if session else 0,
            path=path,
            secure=self._https_only,
            httponly=True,
            samesite="Strict",
        )


def begin(operators: Operators, name: str) -> None:
    """Start an operator's session, with nothing in it of what was there before."""
    session = visit().session
    session.clear()
    session[_OPERATOR] = name
    session[_MARK] = operators.mark(name)
    token()


def end() -> None:
    """Sign out."""
    visit().session.clear()


def operator(operators: Operators) -> str | None:
    """Who is signed in: nobody any more, once the password has changed."""
    session = visit().session
    name, mark = session.get(_OPERATOR), session.get(_MARK)
    if not isinstance(name, str) or not isinstance(mark, str):
        return None
    expected = operators.mark(name)
    return name if expected and hmac.compare_digest(expected, mark) else None


def token() -> str:
    """The session's token against forged forms; it is made with its first form."""
    session = visit().session
    if TOKEN not in session:
        session[TOKEN] = secrets.token_urlsafe(32)
    made: str = session[TOKEN]
    return made


def check_token() -> None:
    """Refuse a form that is none of this session's.

    Raises:
        Forbidden: it lacks the session's token.
    """
    expected, given = visit().session.get(TOKEN), request.form.get(TOKEN, "")
    if not isinstance(expected, str) or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("This form is too old, or does not come from here. Go back, reload the page and try again.")
