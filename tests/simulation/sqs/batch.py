"""What the batch calls share: entries with ids, of which each succeeds or fails for itself.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from tests.simulation.sqs.refusal import Refused

MAX_ENTRIES: Final = 10

_ID: Final = re.compile(r"[\w-]{1,80}", re.ASCII)


def checked(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """The entries of a batch call.

    Raises:
        Refused: there are none, too many, or their ids are no ids.
    """
    entries: list[dict[str, Any]] = parameters.get("Entries") or []
    if not entries:
        raise Refused("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > MAX_ENTRIES:
        text = f"Maximum number of entries per request are {MAX_ENTRIES}. You have sent {len(entries)}."
        raise Refused("TooManyEntriesInBatchRequest", text)
    ids = [str(entry.get("Id", "")) for entry in entries]
    if not all(map(_ID.fullmatch, ids)):
        raise Refused("InvalidBatchEntryId", "An id can only contain alphanumeric characters, hyphens and underscores.")
    if len(set(ids)) < len(ids):
        raise Refused("BatchEntryIdsNotDistinct", f"Id {max(ids, key=ids.count)} repeated.")
    return entries


def each(
    entries: Sequence[dict[str, Any]], do: Callable[[dict[str, Any]], dict[str, Any] | None], failing: frozenset[int]
) -> dict[str, Any]:
    """Do one thing for each entry; those at the failing positions fail without it."""
    successful, failed = [], []
    for position, entry in enumerate(entries):
        try:
            done = _fail() if position in failing else do(entry)
            successful.append({"Id": entry["Id"]} | (done or {}))
        except Refused as refused:
            failed.append(refused.entry(entry["Id"]))
    return {"Successful": successful} | ({"Failed": failed} if failed else {})


def _fail() -> NoReturn:
    raise Refused("InternalError", "A fault of the simulation.")
