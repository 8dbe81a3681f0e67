"""Signing in and out."""

import re
from http import HTTPStatus
from typing import Final

import structlog
from flask import Response, redirect, request, url_for
from werkzeug.sansio.response import Response as BaseResponse

from app.workbench.access import sessions
from app.workbench.access.operators import TooManyFailures
from app.workbench.blueprint import blueprint, operator, rendered
from app.workbench.parts import parts

logger = structlog.stdlib.get_logger(__name__)

#: Where one may be sent after signing in: to a page of the workbench. No second slash and no backslash at the
#: beginning, which browsers would take for another host's name.
_OURS: Final = re.compile(rf"{sessions.PREFIX}/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)

_MAX_ADDRESS: Final = 2000  # characters


@blueprint.get("/login")
def login() -> BaseResponse:
    """The form; whoever is signed in goes on."""
    if sessions.operator(parts().operators):
        return redirect(_next(), HTTPStatus.SEE_OTHER)
    return _form()


@blueprint.post("/login")
def sign_in() -> BaseResponse:
    """Look at name and password, and begin a session where they are right."""
    sessions.check_token()
    name = request.form.get("name", "")
    try:
        found = parts().operators.identify(name, request.form.get("password", ""), request.remote_addr or "")
    except TooManyFailures as error:
        logger.warning("too many failures to sign in", address=request.remote_addr)
        text = f"There were too many failures. Try again in {error.retry_after} s."
        response = _form(name, text, HTTPStatus.TOO_MANY_REQUESTS)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    if found is None:
        logger.warning("sign-in refused", address=request.remote_addr)
        return _form(name, "Name and password do not go together.", HTTPStatus.UNAUTHORIZED)
    sessions.begin(parts().operators, found)
    logger.info("operator signed in", operator=found, address=request.remote_addr)
    return redirect(_next(), HTTPStatus.SEE_OTHER)


@blueprint.post("/logout")
def sign_out() -> BaseResponse:
    """End the session."""
    logger.info("operator signed out", operator=operator())
    sessions.end()
    return redirect(url_for("monitor.login"), HTTPStatus.SEE_OTHER)


def _form(name: str = "", error: str = "", status: HTTPStatus = HTTPStatus.OK) -> Response:
    return rendered("login.html", {"name": name, "error": error, "next": _next()}, status)


def _next() -> str:
    """Where to go then, as far as it is ours."""
    wanted = request.values.get("next", "")
    if len(wanted) <= _MAX_ADDRESS and _OURS.fullmatch(wanted):
        return wanted
    return url_for("monitor.overview")
