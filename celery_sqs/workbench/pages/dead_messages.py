"""The DLQ: dead messages by reason, and each by itself."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import simplejson
from flask import redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.sansio.response import Response as BaseResponse

from celery_sqs import system
from celery_sqs.dlq import DeadLetterServices, DeadMessage, RepairItem, RepairProgress
from celery_sqs.message import exact_json
from celery_sqs.workbench.parts import parts
from celery_sqs.workbench.requested_queue import added, argument, has_several, numbers_of, requested, services_of
from celery_sqs.workbench.views import page, route

PAGE: Final = 50  # messages

#: Seconds that the answer waits for the end of a scan. A longer scan goes on while the next page is shown.
SCAN_WAIT: Final = 0.25

#: A scan that has not ended by then has failed, in whatever process it ran.
LONGEST_SCAN: Final = timedelta(minutes=5)

#: Characters of a message that a page shows.
MAX_SHOWN: Final = 64 * 1024

_PRINTABLE: Final = frozenset("\t\n\r")


@page("/dlq", "dlq.html")
def dlq() -> dict[str, Any]:
    """The messages by reason, of a queue or of all."""
    now, queue = system.now(UTC), requested()
    shown = services_of(queue)
    groups = shown.messages.groups()
    return {
        "now": now,
        "queue": queue,
        "groups": groups,
        "count": sum(group.count for group in groups),
        "counts": parts().dlq.messages.counts() if has_several() else {},
        "scanned_at": shown.messages.scanned_at(),
        "scan": _scan(now, shown),
        "scan_errors": _scan_errors(shown),
        "sqs": added(numbers_of(shown.names)),
    }


@page("/dlq/groups/<fingerprint>", "group.html")
def group(fingerprint: str) -> dict[str, Any]:
    """The messages of a group, page by page."""
    groups = [each for each in services_of(requested()).messages.groups() if each.fingerprint == fingerprint]
    if not groups:
        raise NotFound("Nothing of this group is in the DLQ any more.")
    if len(groups) > 1:
        raise NotFound(
            f"Several queues have this group. Say which: queue={' or queue='.join(g.queue for g in groups)}."
        )
    return {"now": system.now(UTC), "group": groups[0]} | _page_of(services_of(groups[0].queue), fingerprint)


@page("/dlq/messages", "messages.html")
def messages() -> dict[str, Any]:
    """All messages, of a queue or of all, page by page."""
    queue = requested()
    shown = services_of(queue)
    return {"now": system.now(UTC), "queue": queue, "count": shown.messages.count()} | _page_of(shown, None)


@page("/dlq/messages/<message_id>", "message.html")
def message(message_id: str) -> dict[str, Any]:
    """A message: what it says, and why it died."""
    found = get_message(message_id)
    timeline = parts().history.timeline(found.subject or found.task_id)
    entries = timeline.entries if timeline else []
    return {
        "now": system.now(UTC),
        "message": found,
        "body": shown_body(found.body),
        "attempts": [
            entry
            for entry in entries
            if entry.what in {"begun", "failed"} and entry.detail.get("message_id") == message_id
        ],
        "traceback": timeline.traceback if timeline else None,
        "repairs": [
            {"progress": progress, "item": item}
            for progress, item in _repairs_of(found)
            if item.message_id == message_id
        ],
    }


@route("/dlq/scan", "POST")
def scan() -> BaseResponse:
    """Scan the DLQ of a queue, or all, now."""
    queue = requested(request.form)
    began_at = parts().runs.scan(services_of(queue).names, SCAN_WAIT)
    there = url_for("workbench.dlq", since=began_at.isoformat(), queue=argument(queue) if queue else None)
    return redirect(there, HTTPStatus.SEE_OTHER)


def get_message(message_id: str) -> DeadMessage:
    """A message; raises NotFound if no scan has ever found it."""
    found = parts().dlq.messages.get(message_id)
    if found is None:
        raise NotFound("No scan of the DLQ has found a message with this id.")
    return found


def shown_body(body: str) -> dict[str, Any]:
    """A body as people can read it: indented if it is JSON, and in hexadecimal, too, if it has control characters."""
    try:
        text, is_json = simplejson.dumps(exact_json.loads(body), use_decimal=True, ensure_ascii=False, indent=2), True
    except (ValueError, RecursionError):
        text, is_json = body, False
    unprintable = not is_json and any(not (char.isprintable() or char in _PRINTABLE) for char in text[:MAX_SHOWN])
    raw = body.encode("utf-8", "surrogatepass")
    return {
        "text": text[:MAX_SHOWN],
        "is_json": is_json,
        "is_cut": len(text) > MAX_SHOWN,
        "bytes": len(raw),
        "hex": _hex(raw[: MAX_SHOWN // 16]) if unprintable else None,
    }


def _repairs_of(found: DeadMessage) -> list[tuple[RepairProgress, RepairItem]]:
    repairs = parts().dlq.repairs
    return repairs.of_subject(found.subject) if found.subject else repairs.of_task(found.task_id)


def _page_of(services: DeadLetterServices, fingerprint: str | None) -> dict[str, Any]:
    found = services.messages.page(fingerprint, request.args.get("after") or None, PAGE + 1)
    shown = found[:PAGE]
    return {"messages": shown, "after": shown[-1].message_id if len(found) > PAGE else None}


def _scan(now: datetime, shown: DeadLetterServices) -> dict[str, Any] | None:
    """How far the scan is that the address names by when it was asked for."""
    try:
        since = datetime.fromisoformat(request.args.get("since", ""))
    except ValueError:
        return None
    if since.tzinfo is None or not timedelta(0) <= now - since < LONGEST_SCAN:
        return None
    scanned_at = shown.messages.scanned_at()
    error = next(filter(None, map(parts().runs.scan_error, shown.names)), None)
    is_over = scanned_at is not None and scanned_at >= since
    return {"since": since, "is_over": is_over or error is not None, "error": None if is_over else error}


def _scan_errors(shown: DeadLetterServices) -> dict[str, str]:
    """Why DLQs could not be scanned by themselves, as far as this process knows."""
    schedule = parts().schedule
    errors = {name: schedule.error(name) for name in shown.names} if schedule else {}
    return {name: error for name, error in errors.items() if error}


def _hex(raw: bytes) -> str:
    lines = [raw[start : start + 16] for start in range(0, len(raw), 16)]
    return "\n".join(
        f"{number * 16:08x}  {line.hex(' '):<47}  {''.join(chr(byte) if 32 <= byte < 127 else '.' for byte in line)}"  # noqa: PLR2004  # printable ASCII
        for number, line in enumerate(lines)
    )
