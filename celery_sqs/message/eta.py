"""The ETA of a call: SQS delays its message for up to 15 minutes; one that is due later is renewed until then.

A time without a zone is UTC, as in Celery's worker.
"""

import json
import math
from collections.abc import Sequence
from typing import Any, Final

from celery.utils.time import maybe_iso8601, maybe_make_aware

from celery_sqs import system
from celery_sqs.message import envelope, exact_json, protocol1, wire
from celery_sqs.message.envelope import MAX_DELAY
from celery_sqs.message.unwrap import Unwrap, unwrapped

#: Celery's header.
ETA: Final = "eta"


def delay(due_at: float, longest: int = MAX_DELAY) -> int:
    """DelaySeconds of a message: whole seconds, rounded up, so that it is never received too early.

    Args:
        due_at: when it is due, in seconds since the epoch, by this machine's clock.
        longest: seconds, at the most.
    """
    return min(longest, max(0, math.ceil(due_at - system.time.time())))


def take(headers: dict[str, Any]) -> int:
    """DelaySeconds for the headers of a call. An `eta` within 15 minutes is moved to a header that only the task reads.

    Celery makes an `eta` of a `countdown`. One that cannot be read stays: `celery_sqs.message.wire` refuses it.
    """
    if headers.get(ETA) is None:  # as nearly always
        return 0
    due_at = _timestamp(headers[ETA])
    if due_at - system.time.time() <= MAX_DELAY and due_at:
        headers |= {envelope.WAITED_FOR: headers[ETA], ETA: None}
    return delay(due_at)


def due_at(message: Any, unwraps: Sequence[Unwrap] = ()) -> float:
    """When a received message is due, in seconds since the epoch; 0 without an `eta` that can be read.

    Args:
        message: an entry of ReceiveMessage's answer, from `celery_sqs.message.renewal.opened`.
        unwraps: what opens the envelopes of its queue.
    """
    try:
        return _timestamp(_headers(unwrapped(message, unwraps) if unwraps else message).get(ETA))
    # It may be anything; `wire.decode` says what is wrong with it.
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return 0.0


def _headers(message: Any) -> Any:
    """Celery's headers, or none where no `eta` can be among them: each message is examined, and few have one."""
    attributes = message.get("MessageAttributes") or {}
    if not wire.OURS.isdisjoint(attributes):
        text = attributes[wire.HEADERS]["StringValue"] if wire.HEADERS in attributes else ""
        return json.loads(text) if f'"{ETA}"' in text else {}
    body = message["Body"].removeprefix(wire.BYTE_ORDER_MARK)
    if not body.lstrip().startswith(("{", "[")):
        body = envelope.from_base64(body)
    value: Any = exact_json.loads(body) if f'"{envelope.INNER}"' in body else None
    return protocol1.upgraded(value)["headers"] if envelope.recognised(value) else {}


def _timestamp(eta: Any) -> float:
    """Seconds since the epoch of a header; 0 without one that can be read."""
    if not envelope.is_time(eta):
        return 0.0
    try:
        return float(maybe_make_aware(maybe_iso8601(eta)).timestamp())  # type: ignore[arg-type]  # `is_time` has seen to it
    except (ValueError, OverflowError):
        return 0.0
