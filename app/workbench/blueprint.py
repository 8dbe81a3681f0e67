"""The workbench's blueprint: who is let in, what every answer carries, and pages that are JSON, too."""

import functools
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, ParamSpec

import structlog
from flask import Blueprint, Response, current_app, g, redirect, render_template, request, url_for
from flask_smorest import abort
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, NotFound, ServiceUnavailable
from werkzeug.sansio.response import Response as BaseResponse

from app import problems
from app.services import services
from app.workbench.access import sessions
from app.workbench.access.operators import TooManyFailures
from app.workbench.display import charts
from app.workbench.display.entries import shown_entries
from app.workbench.display.values import FILTERS, plain
from app.workbench.parts import parts
from orders.faults import is_outage

logger = structlog.stdlib.get_logger(__name__)

P = ParamSpec("P")

#: Bytes of a form: a message may have 1 MiB, and encoding it for a form makes it longer.
MAX_FORM: Final = 4 * 1024 * 1024

#: Seconds after which a page that needs the database may be asked for again.
RETRY_AFTER: Final = 5

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

blueprint = Blueprint(
    "monitor",
    __name__,
    url_prefix=sessions.PREFIX,
    template_folder="templates",
    static_folder="static",
)

_OPEN: Final = frozenset({"monitor.static", "monitor.login", "monitor.sign_in"})
_JSON: Final = "_json"
_BASIC: Final = 'Basic realm="order intake", charset="UTF-8"'

Content = Mapping[str, Any] | BaseResponse


def page(
    rule: str, template: str, *, json_rule: str | None = None, needs_database: bool = True
) -> Callable[[Callable[P, Content]], Callable[P, Content]]:
    """Make a page of a view that returns what is on it: HTML at the rule, and the same as JSON beside it.

    Args:
        rule: the page's address below /monitor.
        template: its template.
        json_rule: where its JSON is, if not at the same address with `.json` behind it.
        needs_database: whether there is nothing to show without it; answered by 503 then.
    """

    def decorate(view: Callable[P, Content]) -> Callable[P, Content]:
        @functools.wraps(view)
        def html(*args: P.args, **kwargs: P.kwargs) -> Any:
            content = _content(view, needs_database, *args, **kwargs)
            return content if isinstance(content, BaseResponse) else rendered(template, content)

        @functools.wraps(view)
        def as_json(*args: P.args, **kwargs: P.kwargs) -> Any:
            content = _content(view, needs_database, *args, **kwargs)
            return content if isinstance(content, BaseResponse) else _as_json(plain(content))

        name = getattr(view, "__name__", "")
        blueprint.add_url_rule(rule, name, html, methods=["GET"])
        blueprint.add_url_rule(json_rule or f"{rule}.json", name + _JSON, as_json, methods=["GET"])
        return view

    return decorate


def rendered(template: str, content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The answer that a template makes. What others wrote may have half surrogate pairs: they are spelt as escapes."""
    text = render_template(f"monitor/{template}", **content)
    return Response(text.encode("utf-8", "backslashreplace"), status, mimetype="text/html")


def see(endpoint: str, **values: Any) -> BaseResponse:
    """Send whoever asks to another page; to its JSON where JSON was asked for."""
    suffix = _JSON if _is_json() else ""
    return redirect(url_for(f"monitor.{endpoint}{suffix}", **values), HTTPStatus.SEE_OTHER)


def operator() -> str:
    """Who asks."""
    name: str = g.operator
    return name


def database_answers() -> bool:
    """Whether the database does; asked once per request, and waited for no longer than a probe may."""
    if "database_answers" not in g:
        g.database_answers = services().database_probe.healthy()
    answers: bool = g.database_answers
    return answers


def database_lost() -> None:
    """It has just failed: this request asks it nothing more."""
    g.database_answers = False


def _as_json(value: Any) -> Response:
    # An escape is what JSON has for half a surrogate pair, too.
    text = current_app.json.dumps(value, separators=(",", ":"))
    return Response(text.encode("utf-8", "backslashreplace"), mimetype="application/json")


def _content(view: Callable[P, Content], needs_database: bool, *args: P.args, **kwargs: P.kwargs) -> Content:
    if needs_database and not database_answers():
        raise ServiceUnavailable("The database does not answer.", retry_after=RETRY_AFTER)
    return view(*args, **kwargs)


@blueprint.before_request
def _let_in() -> BaseResponse | None:
    """Let operators in. Whoever acts needs a session and its token; for reading JSON, Basic will do."""
    g.operator = sessions.operator(parts().operators)
    if request.endpoint in _OPEN:
        return None
    if g.operator is None:
        if _is_json():
            g.operator = _by_basic()
        else:
            return redirect(url_for("monitor.login", next=_here()), HTTPStatus.SEE_OTHER)
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
            abort(429, message="Too many failures.", headers={"Retry-After": str(error.retry_after)})
    if name is None:
        abort(401, message="An operator's name and password are needed.", headers={"WWW-Authenticate": _BASIC})
    return str(name)


def _here() -> str:
    """The page to come back to after signing in; of a form it is the page that shows it."""
    return request.full_path.rstrip("?") if request.query_string else request.path


def _is_json() -> bool:
    return (request.endpoint or "").endswith(_JSON) or request.path.endswith(".json")


@blueprint.after_request
def _guard(response: Response) -> Response:
    response.headers.update(_HEADERS)
    if request.endpoint != "monitor.static":
        response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.route("/<path:name>", methods=["GET", "POST"])
def nothing(name: str) -> str:
    """Any address that is none of a page: answered here, so that it looks like one."""
    raise NotFound("There is no such page.")


@blueprint.errorhandler(HTTPException)
def _refuse(error: HTTPException) -> BaseResponse:
    if _is_json() or error.code is None:
        return problems.answer(error)
    status = HTTPStatus(error.code)
    data = getattr(error, "data", None) or {}
    detail = data.get("message") or error.description or status.description
    response = rendered("error.html", {"status": status, "detail": detail}, status)
    response.headers.extend([(name, value) for name, value in error.get_headers() if name in {"Allow", "Retry-After"}])
    return response


@blueprint.errorhandler(SQLAlchemyError)
def _database_failed(error: SQLAlchemyError) -> BaseResponse:
    if not is_outage(error):
        return _failed(error)
    logger.warning("database unavailable", error=str(error))
    database_lost()
    return _refuse(ServiceUnavailable("The database does not answer.", retry_after=RETRY_AFTER))


@blueprint.errorhandler(Exception)
def _failed(error: Exception) -> BaseResponse:
    logger.error("unexpected error", exc_info=error)
    return _refuse(InternalServerError("Something went wrong here. It has been recorded."))


for _filter_name, _filter in FILTERS.items():
    blueprint.add_app_template_filter(_filter, _filter_name)
for _drawing in (charts.bars, charts.Bar, charts.ceiling, shown_entries):
    blueprint.add_app_template_global(_drawing, _drawing.__name__)


@blueprint.context_processor
def _for_templates() -> dict[str, Any]:
    return {
        "operator": g.get("operator"),
        "csrf_token": sessions.token,
        "dead_count": _dead_count,
    }


def _dead_count() -> int | None:
    """How many messages are in the DLQ, for the navigation; None where that is not known."""
    if not g.get("operator") or not database_answers():
        return None
    try:
        return parts().dlq.messages.count()
    except SQLAlchemyError:
        database_lost()
        return None
