"""The fast path from a call to its message, for a call with one JSON object that asks for nothing but headers.

Celery looks up routes, retries, serializers and what is to be declared for each call anew, and kombu puts an
envelope around the body, which `wire` removes again. That costs more CPU than the call's JSON and its share of a
batch. Here the call goes to the channel at once. The message is the same, byte for byte:
tests/unit/test_fast_path.py. Where somebody listens or patches, such as a tracer, a call takes Celery's own path: see
`interception`.
"""

import functools
from dataclasses import dataclass
from typing import Any, Final

from celery import Task, uuid
from celery._state import get_current_worker_task
from celery.backends.base import DisabledBackend
from celery.result import AsyncResult
from celery.signals import after_task_publish
from celery.utils.nodenames import anon_nodename
from kombu.serialization import registry  # type: ignore[attr-defined]  # the stubs leave it out
from kombu.utils import json as kombu_json

from celery_sqs.message import envelope, exact_json, wire
from celery_sqs.message.outgoing import DEDUPLICATION, GROUP, OfCaller, checked
from celery_sqs.per_process import per_process
from celery_sqs.publish.interception import is_intercepted
from celery_sqs.publish.producer import producer

#: What a caller may ask for here; any other option Celery has to see to.
_OPTIONS: Final = frozenset({"headers", "task_id", "message_attributes", GROUP, DEDUPLICATION})

#: Celery's settings that change how a call is sent, where they say anything. Read once for each task.
_SETTINGS: Final = (
    "task_always_eager",
    "task_compression",
    "task_default_priority",
    "task_routes",
    "task_send_sent_event",
)

_EMBED: Final[dict[str, None]] = dict.fromkeys(envelope.EMBED)


@dataclass(frozen=True, slots=True)
class FastPath:
    """What all calls of a task have in common.

    Attributes:
        task: the task.
        queue: where they go.
        limits: seconds that a run may take before it is killed, and before it is asked to end.
        is_exact: whether numbers are exact.
        attributes: the task's `message_attributes`, checked once.
        result: makes the result of a call. To ask the app for its class takes longer than to make one.
    """

    task: Any
    queue: str
    limits: list[float | None]
    is_exact: bool
    attributes: OfCaller
    result: Any


def of(task: Any, args: Any, kwargs: Any, options: dict[str, Any]) -> FastPath | None:
    """The fast path of a call; None where Celery's own is needed."""
    is_plain = (
        not kwargs
        and isinstance(args, (tuple, list))
        and len(args) == 1
        and isinstance(args[0], dict)
        and options.keys() <= _OPTIONS
        and envelope.CELERYS.isdisjoint(options.get("headers") or ())
        # A task's own calls carry its id, and may inherit its priority.
        and not get_current_worker_task()
    )
    fast = _fast_path(task) if is_plain else None
    return None if fast is None or is_intercepted(task.app) else fast


@functools.lru_cache
def _fast_path(task: Any) -> FastPath | None:
    asked = {name: value for name, value in task._get_exec_options().items() if value is not None}
    limits = [asked.pop("time_limit", None), asked.pop("soft_time_limit", None)]
    serializer = asked.pop("serializer", "")
    is_plain = (
        not asked
        and not (all(limits) and limits[1] > limits[0])  # Celery refuses the call
        and task.app.conf.task_protocol != 1
        and (serializer == exact_json.SERIALIZER or _is_kombus_json(serializer))
        and (task.ignore_result or isinstance(task.backend, DisabledBackend))
        and type(task).shadow_name is Task.shadow_name
        and not any(task.app.conf[name] for name in _SETTINGS)
    )
    if not is_plain:
        return None
    attributes = checked(task.message_attributes, wire.OURS)
    queue, is_exact = task.app.amqp.default_queue.name, serializer == exact_json.SERIALIZER
    return FastPath(task, queue, limits, is_exact, attributes, task.app.AsyncResult)


def _is_kombus_json(serializer: str) -> bool:
    """Whether a serializer is kombu's own `json`; an application may register another under this name."""
    return serializer == "json" and registry._encoders["json"].encoder is kombu_json.dumps


@per_process
def _origin() -> str:
    return anon_nodename()


def send(
    by: FastPath,
    value: dict[str, Any],
    *,
    headers: dict[str, Any] | None = None,
    task_id: str | None = None,
    message_attributes: Any = None,
    **ids: Any,
) -> "AsyncResult[Any]":
    """Call a task with an object: returns once SQS has confirmed the message.

    Args:
        by: from `of`.
        value: the task's argument.
        headers: of the message, beside Celery's own.
        task_id: of the call; a new one unless given.
        message_attributes: of the message, beside Celery's.
        ids: the message's group and deduplication ids, by SQS's names.

    Raises:
        celery_sqs.errors.NotConfirmed: SQS has not, in time.
        celery_sqs.errors.Unsendable: SQS would not take it.
        TypeError: the task takes other arguments.
    """
    task = by.task
    if task.typing:
        task.__header__(value)
    task_id = task_id or uuid()
    given = {"task": task.name, "id": task_id, "timelimit": by.limits, "root_id": task_id, "origin": _origin()}
    given.update(headers or {})
    channel: Any = producer(task.app).channel
    beside = channel.parameters(by.queue, given, ids)
    others = by.attributes if message_attributes is task.message_attributes else message_attributes
    channel.send(by.queue, wire.encode_object(value, given, by.is_exact, others), beside)
    call: tuple[Any, ...] = (value,), {}, _EMBED
    after_task_publish.send(sender=task.name, body=call, headers=given, exchange="", routing_key=by.queue)
    result: AsyncResult[Any] = by.result(task_id, backend=task.backend, task_name=task.name)
    result.ignored = bool(by.task.ignore_result)
    return result
