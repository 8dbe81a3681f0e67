"""What a worker does with a command: Celery's own handlers, but for those that would have the event loop wait."""

import contextlib
import functools
import logging
from collections.abc import Callable, Iterable
from typing import Any, Final

from billiard.common import TERM_SIGNAME
from celery import states
from celery.backends.base import DisabledBackend
from celery.platforms import signals
from celery.utils.collections import AttributeDict
from celery.utils.functional import maybe_list
from celery.worker import state
from celery.worker.control import Panel

from celery_sqs.errors import NotTerminable
from celery_sqs.monitor.control.commands import STAMPS, Command, UnsupportedCommand, answered
from celery_sqs.tasks.revocations import add_stamps, revocations

logger = logging.getLogger(__name__)

COPY_ATTEMPTS: Final = 5

Reply = dict[str, str]

#: The states of a task that no worker has begun, as in celery.worker.control._revoke.
_NOT_BEGUN: Final = frozenset({states.PENDING, states.RECEIVED, states.RETRY, states.REJECTED})


def panel_state(consumer: Any) -> Any:
    """What Celery's handlers get as their state: as celery.worker.pidbox.Pidbox has it."""
    return AttributeDict(app=consumer.app, hostname=consumer.hostname, consumer=consumer, tset=_copy)


def handle(panel: Any, may_revoke: bool, command: Command) -> Any:
    """The reply to a command, or a function that returns it and may wait for a result backend; on the event loop.

    Args:
        panel: from `panel_state`.
        may_revoke: the setting `sqs_monitor_revoke`.
        command: as it stands in the table, where it may be anything: only `answered` ones are.
    """
    if command.method not in answered(may_revoke):
        return {"error": str(UnsupportedCommand(command.method))}
    panel.app.clock.forward()  # as Celery does for each command
    if command.method == "revoke":
        return _revoke(panel, **command.arguments)
    if command.method == "terminate":
        return _revoke(panel, **{**command.arguments, "terminate": True})
    reply = Panel.data[command.method](panel, **command.arguments)
    return _with_pauses(panel, reply) if command.method == "active_queues" else reply


def _with_pauses(panel: Any, queues: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Celery's answer, and of a queue that this worker does not receive from that it is paused."""
    pauses = panel.consumer.task_consumer.channel.pauses
    return [queue if pauses.may_poll(queue["name"]) else queue | {"paused": True} for queue in queues]


def learn(command: Command) -> list[str]:
    """Have this process know of what a command revokes, from one thread; returns the ids. What is none is logged."""
    arguments = command.arguments
    try:
        if command.method == STAMPS:
            headers = arguments["headers"]
            add_stamps(headers if isinstance(headers, dict) else dict(header.split("=")[:2] for header in headers))
            return []
        ids = [each for each in maybe_list(arguments["task_id"]) or () if isinstance(each, str)]
        revocations.add(ids, f"revoked {arguments.get('origin', '')}".strip())
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        logger.warning("%s revokes nothing: %r", command.method, error)
        return []
    return ids


def _revoke(
    panel: Any, task_id: Any, terminate: bool = False, signal: str | None = None, **_: Any
) -> Callable[[], Reply]:
    """As celery.worker.control.revoke, but for the result backend, which is left to the function that it returns."""
    ids = set(maybe_list(task_id) or ())
    state.revoked.update(ids)
    requests = [request for each in ids if (request := state.requests.get(each))]
    begun = {request.id for request in requests if request in state.active_requests}
    reply = {"ok": f"tasks {ids} flagged as revoked"}
    if terminate:
        reply = _terminate(panel.consumer.pool, requests, signals.signum(signal or TERM_SIGNAME))
    backends = {request.id: request.task.backend for request in requests}
    unbegun = {each: backends.get(each) for each in ids - begun}
    return functools.partial(_mark_revoked, panel.app, unbegun, reply)


def _terminate(pool: Any, requests: list[Any], signal: int) -> Reply:
    failed = []
    for request in requests:
        logger.info("terminating %s (%s)", request.id, signal)
        try:
            request.terminate(pool, signal=signal)
        except NotTerminable as error:
            failed.append(f"{request.id} is revoked, and goes on as it cannot be terminated: {error}")
    if failed:
        return {"error": "; ".join(failed)}
    return {"ok": f"terminate: {', '.join(request.id for request in requests) or 'tasks unknown'}"}


def _mark_revoked(app: Any, unbegun: dict[str, Any], reply: Reply) -> Reply:
    """On the thread that replies: REVOKED in the result backend, where nobody has begun with a call."""
    try:
        for task_id, own in unbegun.items():
            backend = own or app.backend
            if isinstance(backend, DisabledBackend):
                continue
            if backend.get_state(task_id) in _NOT_BEGUN:
                backend.mark_as_revoked(task_id, reason="revoked", store_result=True)
    # Each is marked when its message comes, at the latest.
    except Exception as error:
        logger.warning("what is revoked is not REVOKED in the result backend yet: %r", error)
    return reply


def _copy(requests: Iterable[Any]) -> set[Any]:
    """A copy of one of Celery's sets of requests. The threads of a pool may add to it meanwhile."""
    for _ in range(COPY_ATTEMPTS):
        with contextlib.suppress(RuntimeError):
            return set(requests)
    return set(requests)
