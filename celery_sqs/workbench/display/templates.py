"""The templates, in an environment of their own: a host's filters and templates may have the same names."""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from flask import url_for
from jinja2 import Environment, PackageLoader
from sqlalchemy.exc import SQLAlchemyError

from celery_sqs.monitor.pauses import Pause
from celery_sqs.workbench import requested_queue, sessions
from celery_sqs.workbench.display import charts
from celery_sqs.workbench.display.entries import shown_entries
from celery_sqs.workbench.display.values import FILTERS
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.visit import visit

T = TypeVar("T")


def render(template: str, content: Mapping[str, Any]) -> str:
    """What a template makes of a page's content."""
    of_all = {"operator": visit().operator, "title": parts().title, "words": parts().words}
    return _ENVIRONMENT.get_template(template).render({**of_all, **content})


def _dead_count() -> int | None:
    """How many messages are in the DLQ, for the navigation; None where that is not known."""
    return _known(parts().dlq.messages.count)


def _listed_count() -> int | None:
    """How many rows the host's list has, for the navigation; None where that is not known, or there is none."""
    shown = parts().host_list
    return _known(shown.count) if shown else None


def _current_pauses() -> list[Pause]:
    """The pauses of queues, for every page; none where that is not known."""
    return list((_known(parts().pauses.current) or {}).values())


def _known(ask: Callable[[], T]) -> T | None:
    """What the database says; None where it does not answer, and for a stranger."""
    if not visit().operator or not visit().database_answers:
        return None
    try:
        return ask()
    except SQLAlchemyError:
        visit().database_lost()
        return None


_ENVIRONMENT: Final = Environment(loader=PackageLoader("celery_sqs.workbench"), autoescape=True)
_ENVIRONMENT.filters |= FILTERS
_ENVIRONMENT.globals |= {
    "url_for": url_for,
    "parts": parts,
    "csrf_token": sessions.token,
    "dead_count": _dead_count,
    "listed_count": _listed_count,
    "current_pauses": _current_pauses,
    "has_several": requested_queue.has_several,
    "queue_argument": requested_queue.argument,
    "bars": charts.bars,
    "Bar": charts.Bar,
    "ceiling": charts.ceiling,
    "shown_entries": shown_entries,
}
