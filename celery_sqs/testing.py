"""What development and tests need: a queue and its DLQ, made on an emulator. On AWS, Terraform makes them."""

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from celery_sqs.aws.queue import FIFO
from celery_sqs.errors import NotAnEmulator

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

__all__ = ["provision"]

#: Names with dots that lead to an emulator all the same.
_EMULATOR_DOMAINS: Final = (".localhost", ".localstack.cloud", ".docker.internal")


def provision(
    client: "SQSClient",
    *,
    queue: str,
    dlq: str,
    visibility_timeout: int = 30,
    retention: int = 24 * 60 * 60,
    receive_wait: int = 20,
    max_receive_count: int = 3,
    dlq_retention: int = 14 * 24 * 60 * 60,
) -> str:
    """Create a work queue and its DLQ, or bring existing ones to these attributes. FIFO queues have names in `.fifo`.

    `client` is boto3's; times are in seconds. Returns the work queue's URL.

    Raises:
        NotAnEmulator: the client would call anything but a development emulator.
        botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError: it refuses or cannot be reached.
    """
    _require_emulator(client.meta.endpoint_url)
    dlq_url = _ensure(client, dlq, {"MessageRetentionPeriod": str(dlq_retention)})
    redrive = {"deadLetterTargetArn": _arn(client, dlq), "maxReceiveCount": max_receive_count}
    queue_url = _ensure(
        client,
        queue,
        {
            "VisibilityTimeout": str(visibility_timeout),
            "MessageRetentionPeriod": str(retention),
            "ReceiveMessageWaitTimeSeconds": str(receive_wait),
            "RedrivePolicy": json.dumps(redrive),
        },
    )
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [_arn(client, queue)]}
    client.set_queue_attributes(QueueUrl=dlq_url, Attributes={"RedriveAllowPolicy": json.dumps(allow)})
    return queue_url


def _ensure(client: "SQSClient", name: str, attributes: dict["QueueAttributeNameType", str]) -> str:
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        attributes = attributes | ({"FifoQueue": "true"} if name.endswith(FIFO) else {})
        return client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url


def _arn(client: "SQSClient", name: str) -> str:
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    return client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def _require_emulator(endpoint_url: str) -> None:
    """Raise unless the endpoint is on this machine or next door; AWS's names never are."""
    host = urlsplit(endpoint_url).hostname or ""
    try:
        near = ip_address(host).is_private  # loopback included
    except ValueError:
        near = "." not in host or host.endswith(_EMULATOR_DOMAINS)
    if not near:
        raise NotAnEmulator(f"{endpoint_url} is no emulator's address; queues on AWS are Terraform's to make")
