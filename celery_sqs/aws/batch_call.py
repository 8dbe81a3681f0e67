"""One batch call to SQS, and what became of each of its entries."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from celery_sqs.errors import CallFailed


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an entry failed.

    Attributes:
        reason: in SQS's words, or ours where it gave none.
        may_pass: whether the same entry may succeed when it is sent again, as far as the answer says.
        sender_fault: whether SQS says that the entry itself is at fault, and not that it refuses the whole call.
    """

    reason: str
    may_pass: bool
    sender_fault: bool = False


def batch_call(
    call: Callable[..., Any], queue_url: str, entries: Sequence[dict[str, Any]]
) -> list[dict[str, Any] | Failure]:
    """Make a batch call; returns SQS's answer to each entry, or its failure. Never raises.

    Args:
        call: `send_message_batch`, `delete_message_batch` or `change_message_visibility_batch`.
        queue_url: the queue.
        entries: up to ten, without their `Id`, which is their position.
    """
    numbered = [{"Id": str(position), **entry} for position, entry in enumerate(entries)]
    try:
        answer = call(QueueUrl=queue_url, Entries=numbered)
        done = {entry["Id"]: entry for entry in answer.get("Successful", [])}
        failed = {entry["Id"]: _failure(entry) for entry in answer.get("Failed", [])}
    # No answer, a refusal, or an answer that makes no sense: for the entries it is all the same.
    except Exception as error:
        may_pass = not isinstance(error, CallFailed) or error.may_pass
        failure = Failure(f"{type(error).__name__}: {error}", may_pass)
        return [failure for _ in entries]
    unnamed = Failure("the answer does not name it", may_pass=True)
    return [done.get(entry["Id"]) or failed.get(entry["Id"]) or unnamed for entry in numbered]


def _failure(entry: dict[str, Any]) -> Failure:
    at_fault = bool(entry.get("SenderFault"))
    return Failure(f"{entry.get('Code')}: {entry.get('Message', '')}", may_pass=not at_fault, sender_fault=at_fault)
