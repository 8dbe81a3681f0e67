"""What SendMessage takes beside body and attributes: group, deduplication and delay, under kombu's names.

A call gives them as options: `task.apply_async(args, MessageGroupId="7")`.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

from celery_sqs.aws.queue import FIFO
from celery_sqs.errors import Unsendable
from celery_sqs.message import eta
from celery_sqs.message.envelope import MAX_DELAY
from celery_sqs.message.outgoing import DEDUPLICATION, GROUP

#: The group of a FIFO queue's message whose call names none, as in kombu: all of these are in one order.
DEFAULT_GROUP: Final = "default"

#: kombu's names for the delay of one message.
DELAYS: Final = ("DelaySeconds", "delay_seconds")

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_ID: Final = re.compile(r"[!-~]{1,128}")


def of(queue_url: str, headers: dict[str, Any], properties: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a call's message. An `eta` that SQS can wait for by itself is renamed in the headers.

    Args:
        queue_url: where it goes.
        headers: Celery's; at least `id`.
        properties: kombu's, or the options of the call.

    Raises:
        Unsendable: a value is invalid, or this kind of queue does not take it.
    """
    delay = max(eta.take(headers), _delay(properties))
    given = {name: _id(name, properties.get(name)) for name in (GROUP, DEDUPLICATION)}
    if queue_url.endswith(FIFO):
        if delay:
            raise Unsendable(f"countdown, eta and DelaySeconds: SQS delays no message of a FIFO queue ({queue_url})")
        return {
            GROUP: given[GROUP] or DEFAULT_GROUP,
            DEDUPLICATION: given[DEDUPLICATION] or _deduplication(headers),
        }
    if given[DEDUPLICATION]:
        raise Unsendable(f"{DEDUPLICATION}: only a FIFO queue finds duplicates ({queue_url} is none)")
    parameters: dict[str, Any] = {GROUP: given[GROUP]} if given[GROUP] else {}
    return parameters | ({"DelaySeconds": delay} if delay else {})


def _id(name: str, value: Any) -> str | None:
    if value is None or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise Unsendable(f"{name}: {value!r} is not 1 to 128 letters, digits and punctuation marks of ASCII")


def _deduplication(headers: Mapping[str, Any]) -> str:
    """The task's id: SQS drops a call that is sent again under its id within five minutes.

    A retry with other arguments and a replaced task have the same id and are no duplicates, so their counts are added.
    """
    counts = (headers.get("retries") or 0, headers.get("replaced_task_nesting") or 0)
    text = "-".join([str(headers["id"]), *(str(count) for count in counts if any(counts))])
    return text if _ID.fullmatch(text) else hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _delay(properties: Mapping[str, Any]) -> int:
    for name in DELAYS:
        value = properties.get(name)
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MAX_DELAY:
                raise Unsendable(f"{name}: {value!r} is not a number of seconds from 0 to {MAX_DELAY}")
            return int(value)
    return 0
