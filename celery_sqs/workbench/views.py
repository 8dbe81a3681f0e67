"""What the views are made with: pages that are JSON, too, forms, and the way from one page to another."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, ParamSpec

from flask import Blueprint, Response, current_app, redirect, request, url_for
from werkzeug.exceptions import ServiceUnavailable
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs.workbench.display.templates import render
from celery_sqs.workbench.display.values import plain
from celery_sqs.workbench.parts import NAME
from celery_sqs.workbench.visit import visit
from celery_sqs.workbench.words import Words

P = ParamSpec("P")

#: Seconds after which a page that needs the database may be asked for again.
RETRY_AFTER: Final = 5

#: Stands in a rule for what the host calls what its calls are about.
PLURAL: Final = "<plural>"

_JSON: Final = "_json"

Content = Mapping[str, Any] | BaseResponse


@dataclass(frozen=True, slots=True)
class _View:
    rule: str
    endpoint: str
    function: Callable[..., Any]
    method: str


#: Each module with pages adds its own when it is imported.
_VIEWS: Final[list[_View]] = []


def add_views(blueprint: Blueprint, words: Words) -> None:
    """Give a blueprint all pages and forms."""
    for view in _VIEWS:
        rule = view.rule.replace(PLURAL, words.plural)
        blueprint.add_url_rule(rule, view.endpoint, view.function, methods=[view.method])


def page(
    rule: str, template: str, *, json_rule: str | None = None, needs_database: bool = True
) -> Callable[[Callable[P, Content]], Callable[P, Content]]:
    """Make a page of a view that returns what is on it: HTML at the rule, and the same as JSON beside it.

    Args:
        rule: the page's address below the workbench's.
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
        _VIEWS.append(_View(rule, name, html, "GET"))
        _VIEWS.append(_View(json_rule or f"{rule}.json", name + _JSON, as_json, "GET"))
        return view

    return decorate


def route(rule: str, method: str) -> Callable[[Callable[P, BaseResponse]], Callable[P, BaseResponse]]:
    """Have a view answer requests as it is: what a form sends, and pages before anybody is signed in."""

    def decorate(view: Callable[P, BaseResponse]) -> Callable[P, BaseResponse]:
        _VIEWS.append(_View(rule, getattr(view, "__name__", ""), view, method))
        return view

    return decorate


def rendered(template: str, content: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> Response:
    """The answer that a template makes. What others wrote may have half surrogate pairs: they are spelt as escapes."""
    text = render(template, content)
    return Response(text.encode("utf-8", "backslashreplace"), status, mimetype="text/html")


def see(endpoint: str, **values: Any) -> BaseResponse:
    """Send whoever asks to another page; to its JSON where JSON was asked for."""
    suffix = _JSON if is_json() else ""
    return redirect(url_for(f"{NAME}.{endpoint}{suffix}", **values), HTTPStatus.SEE_OTHER)


def is_json() -> bool:
    """Whether JSON was asked for."""
    return (request.endpoint or "").endswith(_JSON) or request.path.endswith(".json")


def operator() -> str:
    """Who asks; known in every view but those before anybody is signed in."""
    return str(visit().operator)


def _as_json(value: Any) -> Response:
    # An escape is what JSON has for half a surrogate pair, too.
    text = current_app.json.dumps(value, separators=(",", ":"))
    return Response(text.encode("utf-8", "backslashreplace"), mimetype="application/json")


def _content(view: Callable[P, Content], needs_database: bool, *args: P.args, **kwargs: P.kwargs) -> Content:
    if needs_database and not visit().database_answers:
        raise ServiceUnavailable("The database does not answer.", retry_after=RETRY_AFTER)
    return view(*args, **kwargs)
