"""What a call can end with instead of an answer."""

from http import HTTPStatus
from typing import Any, Final

#: What the query protocol, which came before JSON, calls these; boto3 shows that name.
_QUERY_CODES: Final = {
    "QueueDoesNotExist": "AWS.SimpleQueueService.NonExistentQueue",
    "QueueNameExists": "QueueAlreadyExists",
} | {
    code: f"AWS.SimpleQueueService.{code}"
    for code in (
        "BatchEntryIdsNotDistinct",
        "BatchRequestTooLong",
        "EmptyBatchRequest",
        "InvalidBatchEntryId",
        "MessageNotInflight",
        "PurgeQueueInProgress",
        "TooManyEntriesInBatchRequest",
        "UnsupportedOperation",
    )
}

_STATUS: Final = {
    "InternalError": HTTPStatus.INTERNAL_SERVER_ERROR,
    "ServiceUnavailable": HTTPStatus.SERVICE_UNAVAILABLE,
}


class NoAnswer(Exception):
    """The call took effect, and its answer is lost."""


class Refused(Exception):
    """SQS refuses a call, or an entry of one.

    Attributes:
        code: AWS's name for it, as the JSON protocol has it.
        message: AWS's sentence.
    """

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """HTTP's."""
        return _STATUS.get(self.code, HTTPStatus.BAD_REQUEST)

    @property
    def is_of_sender(self) -> bool:
        """Whether the caller is at fault."""
        return self.status < HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def query_code(self) -> str:
        """The query protocol's name for it."""
        return _QUERY_CODES.get(self.code, self.code)

    def entry(self, entry_id: str) -> dict[str, Any]:
        """What the answer to a batch says of this entry."""
        return {"Id": entry_id, "SenderFault": self.is_of_sender, "Code": self.query_code, "Message": self.message}


def invalid(name: str, value: object, reason: str) -> Refused:
    """A parameter's value is none that SQS takes."""
    return Refused("InvalidParameterValue", f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def missing(name: str) -> Refused:
    """A parameter is not there."""
    return Refused("MissingParameter", f"The request must contain the parameter {name}.")


def checked_number(parameters: dict[str, Any], name: str, default: int, lowest: int, highest: int) -> int:
    """A parameter that is a whole number.

    Raises:
        Refused: it is not one, or out of range.
    """
    value = parameters.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or not lowest <= value <= highest:
        raise invalid(name, value, f"Must be between {lowest} and {highest}, if provided.")
    return value
