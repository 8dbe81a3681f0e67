"""What can go wrong between a worker, a caller and SQS: one family, `SQSError`."""

from http import HTTPStatus
from typing import Final

from celery.exceptions import ImproperlyConfigured
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

#: SQS's codes for a queue that does not exist: of its JSON protocol, and of the query protocol before it.
_NO_QUEUE: Final = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})


class SQSError(Exception):
    """The family of errors of this package."""


class CallFailed(SQSError):
    """A call to SQS was refused, or got no answer that makes sense.

    Attributes:
        code: SQS's name for the refusal; empty where there is none.
        status: HTTP's; 0 where no answer came that makes sense.
    """

    def __init__(self, reason: str, code: str = "", status: int = 0) -> None:
        super().__init__(reason)
        self.code = code
        self.status = status

    @property
    def may_pass(self) -> bool:
        """Whether the same call may succeed when it is made again."""
        return not self.status or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR or self.code in _PASSING

    @property
    def no_queue(self) -> bool:
        """Whether there is no queue at the URL."""
        return self.code in _NO_QUEUE


class NotConfirmed(SQSError):
    """SQS did not confirm a message in time.

    It may or may not be in the queue; sending it again is safe where the consumer is idempotent.
    """


class Unsendable(SQSError, ValueError):
    """A message that SQS can never take: a character it refuses, or too long."""


class Undecodable(SQSError, ValueError):
    """A received message that is no task call."""


class UnlistedTask(Undecodable):
    """A received task call that names a task which its queue does not list (`celery_sqs.Queue.tasks`).

    Attributes:
        task: the task's name.
        task_id: the task id.
    """

    def __init__(self, queue: str, task: str, task_id: str) -> None:
        super().__init__(f"{queue} does not list the task {task!r}")
        self.task = task
        self.task_id = task_id


class NotAnEmulator(SQSError, ValueError):
    """An endpoint that is not a development emulator."""


class Misconfigured(SQSError, ImproperlyConfigured, ClickException):
    """A setting is missing or wrong. The message is one line that names it; Celery's command line prints this line."""

    exit_code = 78  # os.EX_CONFIG, which not every platform has


class Unpurgeable(SQSError, ClickException):
    """A queue is not purged: that is not allowed, or SQS does not do it. Celery's command line prints this one line."""

    def __init__(self, queue: str, reason: str) -> None:
        super().__init__(f"{queue} is not purged: {reason}")


class NotTerminable(SQSError):
    """A call that runs cannot be ended alone; the message says why."""
