"""Editing a dead message: its body as a form, what is wrong with it, the difference, and then it is sent."""

import difflib
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final

from flask import request
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs import system
from celery_sqs.dlq import EDIT, DeadLetterServices, DeadMessage, Refused, Selection
from celery_sqs.message import exact_json
from celery_sqs.workbench.actions.repair import required_reason, started
from celery_sqs.workbench.pages.dead_messages import get_message, shown_body
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.requested_queue import service_of
from celery_sqs.workbench.views import operator, page, rendered, route

#: Characters of a body that a form begins with; a longer one is written anew.
MAX_EDITED: Final = 32 * 1024

#: The form's second button says that the difference has been seen.
SEND: Final = "send"


@page("/dlq/messages/<message_id>/edit", "edit.html")
def edit(message_id: str) -> dict[str, Any]:
    """The body of a message, to be changed."""
    message = get_message(message_id)
    body = shown_body(message.body)
    text = body["text"] if len(message.body) <= MAX_EDITED else ""
    return {"now": system.now(UTC), "message": message, "text": text, "errors": field_errors(message, text)}


@route("/dlq/messages/<message_id>/edit", "POST")
def check_edit(message_id: str) -> BaseResponse:
    """Say what is wrong with the changed message, or show the difference; send it once that was seen."""
    message = get_message(message_id)
    text = request.form.get("body", "").replace("\r\n", "\n").strip()
    errors = field_errors(message, text)
    if errors or request.form.get("step") == "back":
        return _page("edit.html", message, text, errors, HTTPStatus.UNPROCESSABLE_ENTITY if errors else HTTPStatus.OK)
    if request.form.get("step") != SEND:
        return _page("diff.html", message, text, {}, HTTPStatus.OK)
    reason, errors = required_reason()
    if not errors:
        try:
            selection, repairs = Selection.ids([message_id]), service_of(message.queue).repairs
            return started(repairs.plan(EDIT, selection, operator(), reason, 0, _compact(text)))
        except Refused as error:
            errors["form"] = str(error)
    return _page("diff.html", message, text, errors, HTTPStatus.UNPROCESSABLE_ENTITY)


def field_errors(message: DeadMessage, text: str) -> dict[str, str]:
    """What is wrong with a message, by field; `form` is what is wrong with all of it."""
    try:
        body = _compact(text)
    except ValueError as error:
        return {"form": f"This is not JSON: {error}."}
    return dict(parts().check_edit(message, body))


def dry_run_errors(services: DeadLetterServices, message: DeadMessage, body: str) -> dict[str, str]:
    """What a dry run says is wrong with a message; unchanged, it is tried as it is."""
    dlq = services[message.queue]
    answer = dlq.dry_run([message])[0] if body == message.body else dlq.dry_run_edit(message, body)
    return {} if answer.accepted else {"form": answer.why}


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """The lines of two texts as (mark, line): `-` only the old one has, `+` only the new one, a blank both."""
    compared = difflib.ndiff(old.splitlines(), new.splitlines())
    return [(line[0], line[2:]) for line in compared if line[0] != "?"]


def _page(template: str, message: DeadMessage, text: str, errors: dict[str, str], status: HTTPStatus) -> BaseResponse:
    old = shown_body(message.body)["text"] if len(message.body) <= MAX_EDITED else message.body[:MAX_EDITED]
    new = shown_body(text)["text"]
    values = {
        "now": system.now(UTC),
        "message": message,
        "text": text,
        "errors": errors,
        "given": request.form,
        "lines": difference(old, new),
    }
    return rendered(template, values, status)


def _compact(text: str) -> str:
    """The message as a producer would send it."""
    return exact_json.dumps(exact_json.loads(text))
