"""Signing in and out."""

import logging
import re
from http import HTTPStatus
from typing import Final

from flask import Response, redirect, request, url_for
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs.workbench import sessions
from celery_sqs.workbench.operators import TooManyFailures
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.views import operator, rendered, route

logger = logging.getLogger(__name__)

#: Where one may be sent after signing in, below the workbench's own address. No second slash and no backslash at the
#: beginning, which browsers would take for another host's name.
_OURS: Final = re.compile(r"(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)

_MAX_ADDRESS: Final = 2000  # characters


@route("/login", "GET")
def login() -> BaseResponse:
    """The form; whoever is signed in goes on."""
    if sessions.operator(parts().operators):
        return redirect(_next(), HTTPStatus.SEE_OTHER)
    return _form()


@route("/login", "POST")
def sign_in() -> BaseResponse:
    """Look at name and password, and begin a session where they are right."""
    sessions.check_token()
    name = request.form.get("name", "")
    try:
        found = parts().operators.identify(name, request.form.get("password", ""), request.remote_addr or "")
    except TooManyFailures as error:
        logger.warning("too many failures to sign in", extra={"address": request.remote_addr})
        text = f"There were too many failures. Try again in {error.retry_after} s."
        response = _form(name, text, HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    if found is None:
        logger.warning("sign-in refused", extra={"address": request.remote_addr})
        return _form(name, "Name and password do not go together.", HTTPStatus.UNAUTHORIZED)
    sessions.begin(parts().operators, found)
    logger.info("operator signed in", extra={"operator": found, "address": request.remote_addr})
    return redirect(_next(), HTTPStatus.SEE_OTHER)


@route("/logout", "POST")
def sign_out() -> BaseResponse:
    """End the session."""
    logger.info("operator signed out", extra={"operator": operator()})
    sessions.end()
    return redirect(url_for("workbench.login"), HTTPStatus.SEE_OTHER)


def _form(name: str = "", error: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    return rendered("login.html", {"name": name, "error": error, "next": _next()}, status)


def _next() -> str:
    """Where to go then, as far as it is ours."""
    wanted = request.values.get("next", "")
    home = url_for("workbench.overview")
    is_ours = wanted.startswith(home) and _OURS.fullmatch(wanted, len(home))
    return wanted if is_ours and len(wanted) <= _MAX_ADDRESS else home
