"""Who calls SQS: boto3's client, and `SqsClient` for what every message costs. With a time limit on every call."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from celery_sqs import metrics
from celery_sqs.aws.client import MAX_CONNECTIONS, SqsClient, Target
from celery_sqs.per_process import per_process

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT: Final = 2.0  # seconds
READ_TIMEOUT: Final = 2.0  # seconds without an answer, on top of what a long poll waits
TRIES: Final = 1  # whoever calls tries again itself, with its own time limit and pauses


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where SQS is, and as whom to call it.

    Attributes:
        region: the AWS region.
        url: the endpoint of an emulator or VPC; None for AWS's own.
        credentials: access key and secret; None for boto3's own chain.
    """

    region: str
    url: str | None = None
    credentials: tuple[str, str] | None = None


def client(endpoint: Endpoint, wait: float = 0) -> "SQSClient":
    """The process's client for an endpoint; threads share it.

    Args:
        endpoint: where to.
        wait: seconds a call may take on purpose (a long poll), added to the read timeout.
    """
    return _both(endpoint, wait)[0]


def calls(endpoint: Endpoint, wait: float = 0) -> SqsClient:
    """The process's `SqsClient` of an endpoint; as for `client`."""
    return _both(endpoint, wait)[1]


@per_process
def _both(endpoint: Endpoint, wait: float) -> "tuple[SQSClient, SqsClient]":
    # A session of their own: boto3's default session must not be shared between threads.
    # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
    core = botocore.session.get_session()
    if endpoint.credentials:
        core.set_credentials(*endpoint.credentials)
    sqs = boto3.session.Session(botocore_session=core, region_name=endpoint.region).client(
        "sqs",
        endpoint_url=endpoint.url,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=wait + READ_TIMEOUT,
            retries={"total_max_attempts": TRIES, "mode": "standard"},
            max_pool_connections=MAX_CONNECTIONS,
            parameter_validation=False,  # all calls are in this package, and typed
        ),
    )
    sqs.meta.events.register("response-received.sqs", metrics.count_answer)
    credentials = core.get_credentials()
    target = Target(
        url=sqs.meta.endpoint_url,  # by botocore's rules, where we name none
        region=endpoint.region,
        credentials=credentials.get_frozen_credentials if credentials else lambda: None,
        ca_bundle=core.get_config_variable("ca_bundle"),
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=wait + READ_TIMEOUT,
    )
    return sqs, SqsClient(target)


def reachable(sqs: "SQSClient", queue_url: str) -> bool:
    """Whether a queue answers."""
    try:
        sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    except (BotoCoreError, ClientError, OSError):
        return False
    return True
