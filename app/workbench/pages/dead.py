"""The DLQ: dead letters by reason, and each by itself."""

from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

import simplejson
from flask import redirect, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.sansio.response import Response as BaseResponse

from app.workbench.blueprint import blueprint, page
from app.workbench.parts import parts
from celery_sqs.message import exact_json
from tasks.repair.ledger import Item, Progress
from tasks.repair.letters import Letter

PAGE: Final = 50  # letters

#: Seconds that the answer to "look into the queue" waits for the look's end. It goes on behind the next page.
PATIENCE: Final = 0.25

#: A look that has not ended by then has failed, wherever it ran.
LONGEST_LOOK: Final = timedelta(minutes=5)

#: Characters of a message that a page shows.
MAX_SHOWN: Final = 64 * 1024

_PRINTABLE: Final = frozenset("\t\n\r")


@page("/dlq", "dlq.html")
def dlq() -> dict[str, Any]:
    """The letters by reason."""
    letters, now = parts().bench.letters, datetime.now(UTC)
    groups = letters.groups()
    return {
        "now": now,
        "groups": groups,
        "count": sum(group.count for group in groups),
        "looked_at": letters.looked_at(),
        "look": _look(now),
        "sqs": parts().numbers.answer(),
    }


@page("/dlq/groups/<fingerprint>", "group.html")
def group(fingerprint: str) -> dict[str, Any]:
    """The letters of a group, page by page."""
    found = next((each for each in parts().bench.letters.groups() if each.fingerprint == fingerprint), None)
    if found is None:
        raise NotFound("Nothing of this group is in the DLQ any more.")
    return {"now": datetime.now(UTC), "group": found} | _page_of(fingerprint)


@page("/dlq/letters", "letters.html")
def letters() -> dict[str, Any]:
    """All letters, page by page."""
    return {"now": datetime.now(UTC), "count": parts().bench.letters.count()} | _page_of(None)


@page("/dlq/letters/<message_id>", "letter.html")
def letter(message_id: str) -> dict[str, Any]:
    """A letter: what it says, and why it died."""
    found = get_letter(message_id)
    timeline = parts().bench.timeline(found.order_id or found.task_id)
    entries = timeline.entries if timeline else []
    return {
        "now": datetime.now(UTC),
        "letter": found,
        "body": shown_body(found.body),
        "attempts": [
            entry for entry in entries if entry.what == "failed" and entry.detail.get("message_id") == message_id
        ],
        "traceback": timeline.traceback if timeline else None,
        "repairs": [
            {"progress": progress, "item": item}
            for progress, item in _repairs_of(found)
            if item.message_id == message_id
        ],
    }


@blueprint.post("/dlq/look")
def look() -> BaseResponse:
    """Look into the queue now."""
    began_at = parts().runs.look(PATIENCE)
    return redirect(url_for("monitor.dlq", since=began_at.isoformat()), HTTPStatus.SEE_OTHER)


def get_letter(message_id: str) -> Letter:
    """A letter; raises NotFound if nobody has ever seen it."""
    found = parts().bench.letters.get(message_id)
    if found is None:
        raise NotFound("No look into the DLQ has found a message with this id.")
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


def _repairs_of(found: Letter) -> list[tuple[Progress, Item]]:
    repairs = parts().bench.repairs
    return repairs.of_order(found.order_id) if found.order_id else repairs.of_task(found.task_id)


def _page_of(fingerprint: str | None) -> dict[str, Any]:
    found = parts().bench.letters.page(fingerprint, request.args.get("behind") or None, PAGE + 1)
    shown = found[:PAGE]
    return {"letters": shown, "behind": shown[-1].message_id if len(found) > PAGE else None}


def _look(now: datetime) -> dict[str, Any] | None:
    """How the look is getting on that the address says was asked for."""
    try:
        since = datetime.fromisoformat(request.args.get("since", ""))
    except ValueError:
        return None
    if since.tzinfo is None or not timedelta(0) <= now - since < LONGEST_LOOK:
        return None
    looked_at = parts().bench.letters.looked_at()
    trouble = parts().runs.trouble()
    is_over = looked_at is not None and looked_at >= since
    return {"since": since, "is_over": is_over or trouble is not None, "trouble": None if is_over else trouble}


def _hex(raw: bytes) -> str:
    lines = [raw[start : start + 16] for start in range(0, len(raw), 16)]
    return "\n".join(
        f"{number * 16:08x}  {line.hex(' '):<47}  {''.join(chr(byte) if 32 <= byte < 127 else '.' for byte in line)}"  # noqa: PLR2004  # printable ASCII
        for number, line in enumerate(lines)
    )
