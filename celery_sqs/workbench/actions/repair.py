"""Sending dead messages again, and discarding them: asked, confirmed, then run."""

import re
from datetime import UTC
from http import HTTPStatus
from typing import Any, Final

from flask import redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs import system
from celery_sqs.dlq import (
    CANARIES,
    CONFIRMED,
    DISCARD,
    DISCARDED,
    FAILED,
    GONE,
    PLANNED,
    REDRIVE,
    SENDING,
    SENT,
    Refused,
    RepairProgress,
)
from celery_sqs.workbench.actions.dry_run import summarised
from celery_sqs.workbench.actions.requested_selection import RequestedSelection
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.requested_queue import service_of
from celery_sqs.workbench.views import operator, page, rendered, route

MAX_REASON: Final = 1000  # characters
MAX_CANARIES: Final = 1000

SHOWN_ITEMS: Final = 200

STATES: Final = (PLANNED, SENDING, SENT, CONFIRMED, FAILED, GONE, DISCARDED)


@page("/dlq/redrive", "redrive.html")
def redrive() -> dict[str, Any]:
    """Before messages are sent again: which, what a dry run says, how many go first, and why."""
    return _about_redrive(RequestedSelection.asked(request.args))


@route("/dlq/redrive", "POST")
def begin_redrive() -> BaseResponse:
    """Send messages again."""
    requested = RequestedSelection.asked(request.form)
    reason, errors = required_reason()
    canaries = _canaries(errors)
    if not errors:
        try:
            return started(requested.service.repairs.plan(REDRIVE, requested.selection, operator(), reason, canaries))
        except Refused as error:
            errors["form"] = str(error)
    return _again("redrive.html", _about_redrive(requested), errors)


@page("/dlq/discard", "discard.html")
def discard() -> dict[str, Any]:
    """Before messages are deleted: which, and why."""
    return _about_discard(RequestedSelection.asked(request.args, allow_all=False))


@route("/dlq/discard", "POST")
def begin_discard() -> BaseResponse:
    """Delete messages from the DLQ; the repair log keeps them."""
    requested = RequestedSelection.asked(request.form, allow_all=False)
    reason, errors = required_reason()
    if request.form.get("sure") != "yes":
        errors["sure"] = "Tick this if you are."
    if not errors:
        try:
            return started(requested.service.repairs.plan(DISCARD, requested.selection, operator(), reason))
        except Refused as error:
            errors["form"] = str(error)
    return _again("discard.html", _about_discard(requested), errors)


@page("/repairs/<repair_id>", "repair.html")
def repair(repair_id: str) -> dict[str, Any]:
    """A repair: how far it is, and what it did to each message."""
    progress = _progress(repair_id)
    state = request.args.get("state")
    return {
        "now": system.now(UTC),
        "progress": progress,
        "state": state if state in STATES else None,
        "items": parts().dlq.repairs.items(repair_id, state if state in STATES else None, SHOWN_ITEMS),
        "error": parts().runs.error(repair_id),
    }


@route("/repairs/<repair_id>", "POST")
def resume(repair_id: str) -> BaseResponse:
    """Go on with a repair that nobody runs any more."""
    service_of(_progress(repair_id).queue)
    return started(repair_id)


def started(repair_id: str) -> BaseResponse:
    """Run a repair, and show how it gets on."""
    parts().runs.repair(repair_id)
    return redirect(url_for("workbench.repair", repair_id=repair_id), HTTPStatus.SEE_OTHER)


def required_reason() -> tuple[str, dict[str, str]]:
    """The form's reason, and what is wrong with it, by field."""
    reason = request.form.get("reason", "").strip()
    if not reason:
        return reason, {"reason": "Say why, for those who ask later."}
    if len(reason) > MAX_REASON:
        return reason, {"reason": f"Say it in {MAX_REASON} characters."}
    return reason, {}


def _progress(repair_id: str) -> RepairProgress:
    try:
        return parts().dlq.repairs.progress(repair_id)
    except LookupError:
        raise NotFound("There is no such repair.") from None


def _canaries(errors: dict[str, str]) -> int:
    text = request.form.get("canaries", "")
    if re.fullmatch("[0-9]{1,4}", text, re.ASCII) and int(text) <= MAX_CANARIES:
        return int(text)
    errors["canaries"] = f"A whole number from 0 to {MAX_CANARIES}; 0 sends all at once."
    return 0


def _about_redrive(requested: RequestedSelection) -> dict[str, Any]:
    return {"now": system.now(UTC), "requested": requested, "summary": summarised(requested), "canaries": CANARIES}


def _about_discard(requested: RequestedSelection) -> dict[str, Any]:
    return {"now": system.now(UTC), "requested": requested}


def _again(template: str, values: dict[str, Any], errors: dict[str, str]) -> BaseResponse:
    """The form once more, with what is wrong with it."""
    return rendered(template, values | {"errors": errors, "given": request.form}, HTTPStatus.UNPROCESSABLE_ENTITY)
