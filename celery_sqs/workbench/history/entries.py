"""What task events, dead messages and repairs say has happened."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from celery_sqs.dlq import (
    DISCARD,
    DISCARDED,
    EDIT,
    FAILED,
    REDRIVE,
    RESCUE,
    DeadMessage,
    RepairItem,
    RepairProgress,
)
from celery_sqs.monitor import SUCCESS, TaskRow
from celery_sqs.workbench.history.timeline import Entry

_REPAIRED: Final = {REDRIVE: "redriven", EDIT: "edited", DISCARD: "discarded", RESCUE: "rescued"}


def of_task(task: TaskRow) -> Iterator[Entry]:
    """A task's events, but for its failed attempts."""
    if task.sent_at:
        detail = {"task": task.name, "task_id": task.task_id, "message_id": task.message_id}
        yield Entry(at=task.sent_at, what="sent", detail=detail)
    at_worker = {"worker": task.worker, "receive_count": task.receive_count}
    if task.received_at:
        yield Entry(at=task.received_at, what="received", detail=at_worker)
    if task.started_at:
        yield Entry(at=task.started_at, what="started", detail=at_worker)
    if task.state == SUCCESS and task.finished_at:
        yield Entry(at=task.finished_at, what="succeeded", detail=at_worker)


def of_deaths(messages: Sequence[DeadMessage], died_at: Mapping[str, datetime]) -> Iterator[Entry]:
    """When each message came into the DLQ.

    Args:
        messages: the dead messages.
        died_at: by message id, where it is known of a final attempt; else it is when the message was seen.
    """
    by_id = {message.message_id: message for message in messages}
    found = {message.message_id: message.died_at or message.seen_at for message in messages}
    for message_id, at in {**found, **died_at}.items():
        message = by_id.get(message_id)
        detail: dict[str, Any] = {"message_id": message_id}
        if message:
            detail |= {
                "queue": message.queue,
                "kind": message.kind,
                "error": message.error,
                "fingerprint": message.fingerprint,
            }
            detail["in_dlq"] = message.gone_at is None
        yield Entry(at=at, what="dead", detail=detail)


def of_repair(repair: RepairProgress, item: RepairItem) -> Iterator[Entry]:
    """What a repair did to a message, if anything."""
    if item.sent_at is None and item.state not in {DISCARDED, FAILED}:
        return
    detail = {
        "operator": repair.operator,
        "reason": repair.reason,
        "repair_id": repair.id,
        "queue": repair.queue,
        "state": item.state,
        "message_id": item.message_id,
        "new_message_id": item.new_message_id,
        "error": item.error,
    }
    if item.new_body is not None:
        detail |= {"body": item.body, "new_body": item.new_body}
    yield Entry(at=item.sent_at or item.changed_at, what=_REPAIRED[repair.action], detail=detail)
