"""The state of each task and worker in tables, from Celery's events; remote control and Flower on these tables.

The names below are for hosts: what reads the tables, and what a host's migrations and Celery app need. Celery loads by
dotted name what its app is made with: `celery_sqs.monitor.dispatcher:Events`, `celery_sqs.monitor.control:Control`,
`celery_sqs.monitor.steps:Monitoring` and `celery_sqs.monitor.steps:RemoteControl`. Flower's part is
`celery_sqs.monitor.flower`, which is the only one that loads Flower. Needs the extra `celery-sqs[monitor]`.
"""

from celery_sqs.monitor.dispatcher import CLOSE_TIMEOUT, record_sent
from celery_sqs.monitor.event_reader import EventReader, SentSubject, SubjectSigns, TaskRow, WorkerRow
from celery_sqs.monitor.housekeeping import housekeeping_due
from celery_sqs.monitor.tables import metadata, task_minutes, task_state, workers
from celery_sqs.monitor.task_events import (
    BUCKETS,
    FAILURE,
    LOST,
    PENDING,
    RECEIVED,
    RETRY,
    REVOKED,
    STARTED,
    SUCCESS,
    UNFINISHED,
    UNKNOWN,
    bucket,
)

__all__ = [
    "BUCKETS",
    "CLOSE_TIMEOUT",
    "FAILURE",
    "LOST",
    "PENDING",
    "RECEIVED",
    "RETRY",
    "REVOKED",
    "STARTED",
    "SUCCESS",
    "UNFINISHED",
    "UNKNOWN",
    "EventReader",
    "SentSubject",
    "SubjectSigns",
    "TaskRow",
    "WorkerRow",
    "bucket",
    "housekeeping_due",
    "metadata",
    "record_sent",
    "task_minutes",
    "task_state",
    "workers",
]
