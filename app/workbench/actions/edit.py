"""Editing a letter: the message as a form, what would be wrong with it, the difference, and then it is sent."""

import difflib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from flask import request
from werkzeug.sansio.response import Response as BaseResponse

from app.workbench.actions.repair import required_reason, started
from app.workbench.blueprint import blueprint, operator, page, rendered
from app.workbench.pages.dead import get_letter, shown_body
from app.workbench.parts import parts
from celery_sqs.message import exact_json
from orders.schema import InvalidOrder, from_message
from tasks.orders import PERSIST_ORDER
from tasks.repair.letters import Chosen, Letter
from tasks.repair.repairs import EDIT, Refused

#: Characters of a body that a form begins with; a longer one was no order, and is written anew.
MAX_EDITED: Final = 32 * 1024

#: The form's second button says that the difference has been seen.
SEND: Final = "send"


@page("/dlq/letters/<message_id>/edit", "edit.html")
def edit(message_id: str) -> dict[str, Any]:
    """The letter's message, to be changed."""
    letter = get_letter(message_id)
    body = shown_body(letter.body)
    text = body["text"] if len(letter.body) <= MAX_EDITED else ""
    return {"now": datetime.now(UTC), "letter": letter, "text": text, "errors": field_errors(letter, text)}


@blueprint.post("/dlq/letters/<message_id>/edit")
def check_edit(message_id: str) -> BaseResponse:
    """Say what is wrong with the changed message, or show the difference; send it once that was seen."""
    letter = get_letter(message_id)
    text = request.form.get("body", "").replace("\r\n", "\n").strip()
    errors = field_errors(letter, text)
    if errors or request.form.get("step") == "back":
        return _page("edit.html", letter, text, errors, HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK)
    if request.form.get("step") != SEND:
        return _page("diff.html", letter, text, {}, HTTPStatus.OK)
    reason, errors = required_reason()
    if not errors:
        try:
            chosen = Chosen.ids([message_id])
            return started(parts().bench.repairs.plan(EDIT, chosen, operator(), reason, 0, _compact(text)))
        except Refused as error:
            errors["form"] = str(error)
    return _page("diff.html", letter, text, errors, HTTPStatus.UNPROCESSABLE_ENTITY)


def field_errors(letter: Letter, text: str) -> dict[str, str]:
    """What is wrong with a message, by field; `form` is what is wrong with all of it."""
    try:
        value = exact_json.loads(text)
    except ValueError as error:
        return {"form": f"This is not JSON: {error}."}
    if letter.task not in {PERSIST_ORDER, ""}:
        return {}
    try:
        order = from_message(value)
    except InvalidOrder as error:
        return dict(_flat(error.errors))
    if letter.order_id not in {None, str(order.order_id)}:
        return {"orderId": f"Must stay {letter.order_id}: its customer waits for that one."}
    return {}


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """The lines of two texts as (mark, line): `-` only the old one has, `+` only the new one, a blank both."""
    compared = difflib.ndiff(old.splitlines(), new.splitlines())
    return [(line[0], line[2:]) for line in compared if line[0] != "?"]


def _page(template: str, letter: Letter, text: str, errors: dict[str, str], status: HTTPStatus) -> BaseResponse:
    old = shown_body(letter.body)["text"] if len(letter.body) <= MAX_EDITED else letter.body[:MAX_EDITED]
    new = shown_body(text)["text"]
    told = {
        "now": datetime.now(UTC),
        "letter": letter,
        "text": text,
        "errors": errors,
        "given": request.form,
        "lines": difference(old, new),
    }
    return rendered(template, told, status)


def _compact(text: str) -> str:
    """The message as a producer would send it."""
    return exact_json.dumps(exact_json.loads(text))


def _flat(errors: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """The messages of a ValidationError, each with the name of its field."""
    if isinstance(errors, Mapping):
        for name, below in errors.items():
            yield from _flat(below, f"{path}.{name}" if path else str(name))
    else:
        told = errors if isinstance(errors, list) else [errors]
        yield "form" if path in {"", "_schema"} else path, " ".join(map(str, told))
