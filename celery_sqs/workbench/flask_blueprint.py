"""The workbench's blueprint: who is let in, and what every answer carries."""

import logging
from http import HTTPStatus
from typing import Final

from flask import Blueprint, Response, redirect, request, url_for
from flask.blueprints import BlueprintSetupState
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
    ServiceUnavailable,
    TooManyRequests,
    Unauthorized,
)
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs.database.outage import is_outage
from celery_sqs.dlq import metadata
from celery_sqs.monitor.schema.completeness import lacking
from celery_sqs.workbench import sessions
from celery_sqs.workbench.actions import dry_run, edit, pause, repair
from celery_sqs.workbench.operators import TooManyFailures
from celery_sqs.workbench.pages import audit, dead_messages, host_list, login, overview, queues, timeline
from celery_sqs.workbench.parts import NAME, Parts, parts
from celery_sqs.workbench.problems import kept_headers, problem
from celery_sqs.workbench.sessions import Sessions
from celery_sqs.workbench.views import RETRY_AFTER, add_views, is_json, rendered
from celery_sqs.workbench.visit import visit

logger = logging.getLogger(__name__)

#: Each of them adds its views when it is imported.
PAGES: Final = (audit, dead_messages, dry_run, edit, host_list, login, overview, pause, queues, repair, timeline)

#: Bytes of a form: a message may have 1 MiB, and encoding it for a form makes it longer.
MAX_FORM: Final = 4 * 1024 * 1024

_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)

_HEADERS: Final = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

_STATIC: Final = f"{NAME}.static"
_SIGN_IN: Final = frozenset({f"{NAME}.login", f"{NAME}.sign_in"})


def make_blueprint(made: Parts, url_prefix: str, *, https_only: bool) -> Blueprint:
    """The blueprint of a workbench with these parts."""
    blueprint = Blueprint(NAME, "celery_sqs.workbench", url_prefix=url_prefix, static_folder="static")
    cookies = Sessions(made.operators.session_key, made.title, https_only=https_only)

    def keep_parts(state: BlueprintSetupState) -> None:
        state.app.extensions[Parts.NAME] = made

    def let_in() -> BaseResponse | None:
        visit().session = cookies.read(request)
        return _let_in()

    def guard(response: Response) -> Response:
        response.headers.update(_HEADERS)
        if request.endpoint != _STATIC:
            response.headers["Cache-Control"] = "no-store"
            cookies.write(visit().session, response, url_for(f"{NAME}.overview").rstrip("/") or "/")
        return response

    blueprint.record_once(keep_parts)
    blueprint.before_request(let_in)
    blueprint.after_request(guard)
    blueprint.register_error_handler(HTTPException, _refuse)
    blueprint.register_error_handler(SQLAlchemyError, _database_failed)
    blueprint.register_error_handler(Exception, _failed)
    add_views(blueprint, made.words)
    blueprint.add_url_rule("/<path:name>", "nothing", _nothing, methods=["GET", "POST"])
    return blueprint


def _let_in() -> BaseResponse | None:
    """Let operators in. Whoever acts needs a session and its token; for reading JSON, Basic will do."""
    who = parts().who
    if request.endpoint == _STATIC:
        return None
    visit().operator = who() if who else sessions.operator(parts().operators)
    if request.endpoint in _SIGN_IN:
        if who:
            raise NotFound("Nobody signs in here.")
        return None
    if visit().operator is None:
        if who:
            raise Forbidden("Nobody is signed in, or the workbench is not for who is.")
        if not is_json():
            return redirect(url_for(f"{NAME}.login", next=_here()), HTTPStatus.SEE_OTHER)
        visit().operator = _by_basic()
    if request.method == "POST":
        request.max_content_length = request.max_form_memory_size = MAX_FORM
        sessions.check_token()
    return None


def _by_basic() -> str:
    given = request.authorization
    name = None
    if given is not None and given.type == "basic":
        try:
            name = parts().operators.identify(given.username or "", given.password or "", request.remote_addr or "")
        except TooManyFailures as error:
            raise TooManyRequests("Too many failures.", retry_after=error.retry_after) from error
    if name is None:
        basic = WWWAuthenticate("basic", {"realm": parts().title.lower(), "charset": "UTF-8"})
        raise Unauthorized("An operator's name and password are needed.", www_authenticate=basic)
    return name


def _here() -> str:
    """The page to come back to after signing in; of a form it is the page that shows it."""
    return request.script_root + (request.full_path.rstrip("?") if request.query_string else request.path)


def _nothing(name: str) -> str:
    """Any address that is none of a page: answered here, so that it looks like one."""
    raise NotFound("There is no such page.")


def _refuse(error: HTTPException) -> BaseResponse:
    if error.code is None:  # an answer raised as an exception
        return error.get_response()
    status = HTTPStatus(error.code)
    if is_json():
        return problem(error, status)
    response = rendered("error.html", {"status": status, "detail": error.description or status.description}, status)
    response.headers.extend(kept_headers(error))
    return response


def _database_failed(error: SQLAlchemyError) -> BaseResponse:
    if missing := _missing_tables():
        logger.error("%s", missing)
        visit().database_lost()
        return _refuse(ServiceUnavailable(f"{missing}."))
    if not is_outage(error):
        return _failed(error)
    logger.warning("database unavailable: %s", error)
    visit().database_lost()
    return _refuse(ServiceUnavailable("The database does not answer.", retry_after=RETRY_AFTER))


def _missing_tables() -> str | None:
    try:
        return lacking(parts().pauses.engine, metadata)
    except SQLAlchemyError:
        return None


def _failed(error: Exception) -> BaseResponse:
    logger.error("unexpected error", exc_info=error)
    return _refuse(InternalServerError("Something went wrong here. It has been recorded."))
