"""Where SQS is, and the process's client for it, with a time limit on every call."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from botocore.useragent import UserAgentString

from celery_sqs.aws.client import MAX_CONNECTIONS, SqsClient, Target
from celery_sqs.aws.credentials import Credentials
from celery_sqs.errors import CallFailed, Misconfigured
from celery_sqs.per_process import per_process

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT: Final = 2.0  # seconds
READ_TIMEOUT: Final = 2.0  # seconds without an answer, on top of what a long poll waits

#: AWS's hosts for a queue, FIPS, dual-stack and VPC endpoints among them, and the older form:
#: https://docs.aws.amazon.com/general/latest/gr/sqs-service.html
_OF_AWS: Final = re.compile(
    r"(?:.+\.)?(?:sqs|sqs-fips)\.([a-z0-9-]+)\.(?:vpce\.)?(?:amazonaws|api\.aws|api\.amazonwebservices)\b.*"
    r"|([a-z0-9-]+)\.queue\.amazonaws\..*"
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where SQS is, and as whom to call it.

    Attributes:
        region: the AWS region.
        url: the endpoint of an emulator or VPC; None for the one that boto3 finds (`AWS_ENDPOINT_URL_SQS`, else AWS's).
        credentials: access key and secret; None for boto3's own chain.
    """

    region: str
    url: str | None = None
    credentials: tuple[str, str] | None = field(default=None, repr=False)


def region_in(queue_url: str) -> str | None:
    """The region that a queue's URL names; None for one that is not AWS's."""
    named = _OF_AWS.fullmatch(urlsplit(queue_url).hostname or "")
    return named[1] or named[2] if named else None


def region_of(queue_url: str) -> str:
    """The region of a queue: its URL names it, else boto3's configuration or AWS_REGION does.

    Raises:
        Misconfigured: neither does, or that configuration cannot be read.
    """
    if region := region_in(queue_url):
        return region
    try:
        # AWS's runtimes set AWS_REGION, which botocore does not read.
        configured = botocore.session.get_session().get_config_variable("region") or os.environ.get("AWS_REGION")
    except BotoCoreError as error:
        raise _misconfigured(error) from error
    if not configured:
        raise Misconfigured(f"sqs_region: not set, and neither {queue_url} nor AWS_DEFAULT_REGION names a region")
    return str(configured)


def one_region(configured: str | None, queue_urls: Sequence[str]) -> str:
    """The region of all calls. A queue in another one would look as if it did not exist.

    Args:
        configured: the one that the settings name; None for that of the first queue.
        queue_urls: the queues.

    Raises:
        Misconfigured: the URL of a queue names another region, or there is no region.
    """
    region, label = (configured, "sqs_region") if configured else (region_of(queue_urls[0]), "the first queue's region")
    for url in queue_urls:
        if region_in(url) not in {None, region}:
            raise Misconfigured(f"sqs_queues: {url} is in {region_in(url)}, and {label} is {region}: correct either")
    return region


def _misconfigured(error: BotoCoreError) -> Misconfigured:
    """Where boto3's client cannot be made, such as for a profile that does not exist, ours is not either."""
    return Misconfigured(f"boto3's configuration: {' '.join(str(error).split())}")


def sqs_client(endpoint: Endpoint, wait: float = 0.0) -> SqsClient:
    """The process's client for an endpoint; threads share it.

    Args:
        endpoint: where to.
        wait: seconds a call may take on purpose (a long poll), added to the read timeout.

    Raises:
        Misconfigured: boto3 would make no client of what its environment and its files say.
    """
    return _made(endpoint, wait)


@per_process
def _made(endpoint: Endpoint, wait: float) -> SqsClient:
    # What boto3 makes of its configuration does not depend on who asks. With credentials given, it looks for none.
    try:
        session = _session(replace(endpoint, credentials=("none", "none")))
        theirs = _boto3_client(session, endpoint).meta
        trusted = session.get_config_variable("ca_bundle") or os.environ.get("REQUESTS_CA_BUNDLE")
        is_kept_alive = session.get_config_variable("tcp_keepalive")
    except BotoCoreError as error:
        raise _misconfigured(error) from error
    return SqsClient(
        Target(
            url=theirs.endpoint_url,  # by botocore's rules, where we name none
            region=endpoint.region,
            credentials=_credentials(endpoint),
            ca_bundle=trusted,
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=wait + READ_TIMEOUT,
            user_agent=UserAgentString.from_environment().with_client_config(theirs.config).to_string(),
            is_kept_alive=bool(is_kept_alive),
        )
    )


@per_process
def _credentials(endpoint: Endpoint) -> Credentials:
    # A session remembers that it has found none, so each look has one of its own.
    return Credentials(lambda: _session(endpoint).get_credentials())


def boto3_client(endpoint: Endpoint) -> "SQSClient":
    """boto3's own client, for what no message costs, such as making queues on an emulator."""
    return _boto3_client(_session(endpoint), endpoint)


def _session(endpoint: Endpoint) -> botocore.session.Session:
    # One of its own: boto3's default session must not be shared between threads.
    # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/session.html#multithreading-or-multiprocessing-with-sessions
    session = botocore.session.get_session()
    if endpoint.credentials:
        session.set_credentials(*endpoint.credentials)
    return session


def _boto3_client(session: botocore.session.Session, endpoint: Endpoint) -> "SQSClient":
    return boto3.session.Session(botocore_session=session, region_name=endpoint.region).client(
        "sqs",
        endpoint_url=endpoint.url,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=MAX_CONNECTIONS,
        ),
    )


def reachable(sqs: SqsClient, queue_url: str) -> bool:
    """Whether a queue answers."""
    try:
        sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    except CallFailed:
        return False
    return True
