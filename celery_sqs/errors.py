"""What can go wrong between a worker, a caller and SQS, in words of this layer."""

from http import HTTPStatus
from typing import Final

from botocore.exceptions import ClientError
from click import ClickException

#: Refusals that a later call may not meet, beside all answers of 500 and above. Expired credentials
#: are among them, as botocore fetches new ones.
_PASSING: Final = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "KMS.ThrottlingException",  # as boto3 names it
        "KmsThrottled",
        "OverLimit",
        "RequestExpired",
        "RequestThrottled",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class Unpurgeable(ClickException):
    """`celery purge` would delete what SQS has confirmed. Celery's command line prints this, and ends with 1."""

    def __init__(self, queue: str) -> None:
        super().__init__(f"{queue} is not purged: each message in it was confirmed to whoever sent it")


class NotConfirmed(Exception):
    """SQS did not confirm a message in time.

    It may or may not be in the queue; sending it again is safe where the consumer is idempotent.
    """


class Unsendable(ValueError):
    """A message that SQS can never take: a character it refuses, or too long."""


class Undecodable(ValueError):
    """A received message that is no task call."""


class RealEndpoint(ValueError):
    """An endpoint that is not a development emulator."""


def may_pass(error: Exception) -> bool:
    """Whether a failed call to SQS may succeed when it is made again."""
    if not isinstance(error, ClientError):
        return True  # no answer, or none that can be read
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or error.response.get("Error", {}).get("Code") in _PASSING
