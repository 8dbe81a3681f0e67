"""The calls that make, describe, change and empty queues.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
"""

import re
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.sqs import attributes
from tests.simulation.sqs.attributes import FIFO
from tests.simulation.sqs.message import State
from tests.simulation.sqs.queue import Queue
from tests.simulation.sqs.queues import Queues
from tests.simulation.sqs.refusal import Refused, invalid

#: Seconds between two purges of a queue, at the least.
PURGE_INTERVAL: Final = 60

_NAME: Final = re.compile(r"(?=.{1,80}$)[\w-]+(\.fifo)?", re.ASCII)
_COUNTED: Final = {
    "ApproximateNumberOfMessages": State.VISIBLE,
    "ApproximateNumberOfMessagesNotVisible": State.IN_FLIGHT,
    "ApproximateNumberOfMessagesDelayed": State.DELAYED,
}


def _create_queue(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    name = parameters.get("QueueName", "")
    given = parameters.get("Attributes") or {}
    if not _NAME.fullmatch(name) or name.endswith(FIFO) != (given.get("FifoQueue") == "true"):
        reason = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length; .fifo for FIFO."
        raise invalid("QueueName", name, reason)
    if queues.has(name):
        queue = queues.named(name)
        if any(queue.attributes.get(each) != str(value) for each, value in given.items()):
            raise Refused("QueueNameExists", "A queue already exists with the same name and other attributes.")
        return {"QueueUrl": queues.url(queue)}
    checked = attributes.checked(given, name.endswith(FIFO))
    queue = queues.create(name, attributes.defaults(name.endswith(FIFO)), now)
    try:
        _set(queues, queue, checked, now)
    except Refused:
        queues.delete(queue)
        raise
    return {"QueueUrl": queues.url(queue)}


def _set_queue_attributes(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    queue = queues.at(parameters)
    given = parameters.get("Attributes") or {}
    if given.get("FifoQueue", "true") != "true":
        raise Refused("InvalidAttributeName", "FifoQueue cannot be changed.")
    _set(queues, queue, attributes.checked(given, queue.is_fifo), now)
    return {}


def _set(queues: Queues, queue: Queue, given: dict[str, str], now: float) -> None:
    policy = given.get("RedrivePolicy", "")
    redrive = attributes.redrive(policy)
    if redrive is not None:
        dlq = queues.with_arn(redrive[0])
        if dlq is None or dlq.is_fifo != queue.is_fifo:
            raise invalid("RedrivePolicy", policy, "Dead letter target does not exist, or is of another type.")
        if not queues.allow(dlq, queues.arn(queue)):
            raise invalid("RedrivePolicy", policy, "Queue does not have permission to use the dead letter target.")
    kept = {name: value for name, value in (queue.attributes | given).items() if value}
    queue.set(kept, now)


def _delete_queue(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    queues.delete(queues.at(parameters))
    return {}


def _get_queue_url(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    return {"QueueUrl": queues.url(queues.named(parameters.get("QueueName", "")))}


def _list_queues(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    prefix = parameters.get("QueueNamePrefix") or ""
    urls = [queues.url(queue) for queue in queues if queue.name.startswith(prefix)]
    return {"QueueUrls": urls} if urls else {}


def _list_sources(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    dlq = queues.at(parameters)
    return {"queueUrls": [queues.url(queue) for queue in queues if queues.dlq_of(queue) is dlq]}


def _get_queue_attributes(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    queue = queues.at(parameters)
    there_are = queue.attributes | {
        "QueueArn": queues.arn(queue),
        "CreatedTimestamp": str(queue.created_at),
        "LastModifiedTimestamp": str(queue.modified_at),
    }
    there_are |= {name: str(queue.counts[state]) for name, state in _COUNTED.items()}
    names = parameters.get("AttributeNames") or []
    attributes.require_known(names)
    if "All" in names:
        return {"Attributes": there_are}
    wanted = {name: there_are[name] for name in names if name in there_are}
    return {"Attributes": wanted} if wanted else {}


def _purge_queue(queues: Queues, parameters: dict[str, Any], now: float) -> dict[str, Any]:
    queue = queues.at(parameters)
    if now - queue.purged_at < PURGE_INTERVAL:
        text = f"Only one PurgeQueue operation on {queue.name} is allowed every {PURGE_INTERVAL} seconds."
        raise Refused("PurgeQueueInProgress", text)
    queue.purge(now)
    return {}


ADMINISTRATION: Final[dict[str, Callable[[Queues, dict[str, Any], float], dict[str, Any]]]] = {
    "CreateQueue": _create_queue,
    "DeleteQueue": _delete_queue,
    "GetQueueAttributes": _get_queue_attributes,
    "GetQueueUrl": _get_queue_url,
    "ListDeadLetterSourceQueues": _list_sources,
    "ListQueues": _list_queues,
    "PurgeQueue": _purge_queue,
    "SetQueueAttributes": _set_queue_attributes,
}
