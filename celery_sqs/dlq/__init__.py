"""The dead-letter queue: scan it, find out why its messages died, and send them again, edit them or discard them.

`DeadLetterService` is the entry point for one queue, and `DeadLetterServices` for all queues of an app.
"""

from celery_sqs.dlq.attempts import AttemptReader, FailedAttempt, kind_in_words
from celery_sqs.dlq.dead_messages import DeadMessage, DeadMessages, Group, SubjectEnd
from celery_sqs.dlq.decode import DecodedMessage, decode_message
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.dlq.repair.lease import AlreadyRunning
from celery_sqs.dlq.repair.log import NoSuchRepair, RepairItem, RepairLog, RepairProgress
from celery_sqs.dlq.repair.plan import Refused
from celery_sqs.dlq.repair.repairs import CANARIES, Repairs
from celery_sqs.dlq.repair.states import (
    CONFIRMED,
    DISCARD,
    DISCARDED,
    DONE,
    EDIT,
    FAILED,
    GONE,
    PLANNED,
    REDRIVE,
    RESCUE,
    RUNNING,
    SENDING,
    SENT,
    STOPPED,
)
from celery_sqs.dlq.repair.throttle import Throttle
from celery_sqs.dlq.retention import purge_dead_messages, purge_repairs
from celery_sqs.dlq.scan import ScanResult
from celery_sqs.dlq.scheduled.gauges import QueueGauges
from celery_sqs.dlq.scheduled.rescue import SYSTEM, Rescue
from celery_sqs.dlq.scheduled.schedule import ScanSchedule
from celery_sqs.dlq.selection import Selection
from celery_sqs.dlq.service import DeadLetterService, DeadLetterServices
from celery_sqs.dlq.tables import metadata
from celery_sqs.tasks.dry_run import DryRun

__all__ = [
    "CANARIES",
    "CONFIRMED",
    "DISCARD",
    "DISCARDED",
    "DONE",
    "EDIT",
    "FAILED",
    "GONE",
    "PLANNED",
    "REDRIVE",
    "RESCUE",
    "RUNNING",
    "SENDING",
    "SENT",
    "STOPPED",
    "SYSTEM",
    "AlreadyRunning",
    "AttemptReader",
    "DeadLetterQueue",
    "DeadLetterService",
    "DeadLetterServices",
    "DeadMessage",
    "DeadMessages",
    "DecodedMessage",
    "DryRun",
    "FailedAttempt",
    "Group",
    "NoSuchRepair",
    "QueueGauges",
    "Refused",
    "RepairItem",
    "RepairLog",
    "RepairProgress",
    "Repairs",
    "Rescue",
    "ScanResult",
    "ScanSchedule",
    "Selection",
    "SubjectEnd",
    "Throttle",
    "decode_message",
    "kind_in_words",
    "metadata",
    "purge_dead_messages",
    "purge_repairs",
]
