"""Sending: returns when SQS has confirmed the message, or raises within the caller's time limit."""

import functools
import os
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from tasks.sqs.clients import MAX_CONNECTIONS
from tasks.sqs.errors import NotConfirmed
from tasks.sqs.wire import Outgoing

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: Threads that send. boto3's timeouts bound each wait on a socket, not a call as a whole (a slow
#: answer, name resolution), so a caller waits on a thread with a clock of its own.
SENDER_THREADS: Final = MAX_CONNECTIONS


def send(client: "SQSClient", queue_url: str, message: Outgoing, timeout: float) -> str:
    """Send a message and return SQS's id for it.

    Args:
        client: from `tasks.sqs.clients`.
        queue_url: the queue.
        message: from `tasks.sqs.wire.encode`.
        timeout: seconds after which the caller is told that nothing is confirmed.

    Raises:
        NotConfirmed: SQS refused, could not be reached or did not answer in time.
    """
    call: Future[Any] = _threads(os.getpid()).submit(
        client.send_message,
        QueueUrl=queue_url,
        MessageBody=message.body,
        MessageAttributes=message.attributes,
    )
    try:
        answer = call.result(timeout)
    except FutureTimeout as error:
        call.cancel()
        raise NotConfirmed(f"no answer within {timeout} s") from error
    except (BotoCoreError, ClientError, OSError) as error:
        raise NotConfirmed(f"{type(error).__name__}: {error}") from error
    message_id: str = answer["MessageId"]
    return message_id


@functools.lru_cache(maxsize=1)
def _threads(pid: int) -> ThreadPoolExecutor:
    """The process's sender threads; a forked child, which has none of its parent's, gets its own."""
    return ThreadPoolExecutor(SENDER_THREADS, thread_name_prefix="sqs-sender")
