"""Delays: SQS delays a message by itself for up to 15 minutes, so it is not in flight meanwhile."""

import math
from datetime import UTC, datetime
from typing import Any, Final

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
MAX_DELAY: Final = 900  # seconds


def take(headers: dict[str, Any]) -> int:
    """Turn an `eta` that is near enough into DelaySeconds, and take it out of the headers.

    Celery makes an `eta` of `countdown`. One further away stays: a worker receives the message and
    keeps it in flight, leased, until its time has come.
    """
    eta = headers.get("eta")
    if not isinstance(eta, str):
        return 0
    due = datetime.fromisoformat(eta)
    seconds = math.ceil((due - datetime.now(due.tzinfo or UTC)).total_seconds())
    if seconds > MAX_DELAY:
        return 0
    headers["eta"] = None
    return max(0, seconds)
