"""Celery on SQS: a failure ends in the dead-letter queue by SQS's own redrive. Batches, leases, outages without loss.

What is in `__all__` is the public surface; all else is private. The extras are packages of their own, with an `__all__`
each: `celery_sqs.dependencies`, `celery_sqs.dlq`, `celery_sqs.dlq.cli`, `celery_sqs.monitor`, `celery_sqs.workbench`,
`celery_sqs.tracing` and `celery_sqs.testing`.
"""

from celery_sqs.aws.endpoint import Endpoint, boto3_client, reachable, sqs_client
from celery_sqs.aws.queue_numbers import QueueNumbers, QueuePair, read_pair
from celery_sqs.configuration import setup
from celery_sqs.errors import (
    CallFailed,
    Misconfigured,
    NotAnEmulator,
    NotConfirmed,
    SQSError,
    Undecodable,
    Unpurgeable,
    Unsendable,
)
from celery_sqs.message import exact_json
from celery_sqs.settings import Queue
from celery_sqs.tasks.attempt import Attempt, AttemptStore, OnRecord
from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import Kind
from celery_sqs.tasks.dry_run import DryRun
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.preflight import Report, preflight

__version__ = "0.2.0"

__all__ = [
    "Attempt",
    "AttemptStore",
    "BatchTask",
    "Call",
    "CallFailed",
    "DryRun",
    "Endpoint",
    "Kind",
    "Misconfigured",
    "NotAnEmulator",
    "NotConfirmed",
    "OnRecord",
    "Queue",
    "QueueNumbers",
    "QueuePair",
    "Report",
    "SQSError",
    "SQSTask",
    "Undecodable",
    "Unpurgeable",
    "Unsendable",
    "__version__",
    "boto3_client",
    "exact_json",
    "preflight",
    "reachable",
    "read_pair",
    "setup",
    "sqs_client",
]
