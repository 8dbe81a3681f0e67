"""The Celery app of the order intake, on the framework `celery_sqs`."""

import functools
from collections.abc import Callable
from typing import Any

from celery import Celery, current_app
from celery.signals import setup_logging, worker_init
from sqlalchemy import Engine

import celery_sqs
from celery_sqs.monitor import housekeeping_due
from config import logging as logs
from config.settings import Settings
from orders.database import connect
from tasks import retention
from tasks.orders import PERSIST_ORDER
from tasks.unknown import begin_to_count

#: Seconds a task may run: well below the visibility timeout, so that no message is handed out twice
#: while its first receiver is still at it.
SOFT_TIME_LIMIT = 15
TIME_LIMIT = 20


def create_celery(settings: Settings) -> Celery:
    """The Celery app for these settings. It becomes the process's current app."""
    app = Celery("tasks")
    celery_sqs.setup(
        app,
        queues={settings.queue_name: _queue(settings)},
        region=settings.aws_region,
        endpoint_url=settings.sqs_endpoint,
        access_key=settings.emulator_credentials,
        default_task=PERSIST_ORDER,
        send_timeout=settings.sqs_send_timeout,
        health_host=settings.bind_host,
        health_port=settings.worker_health_port,
        preflight=settings.preflight,
        monitor_database=_database(settings.database_url),
        monitor_events=settings.task_events,
        monitor_retention_days=settings.task_retention_days,
        # An accepted order is never lost: it is discarded from the DLQ alone, with who and why on record.
        monitor_revoke=False,
    )
    app.conf.update(
        task_soft_time_limit=SOFT_TIME_LIMIT,
        task_time_limit=TIME_LIMIT,
        # What our task and our signals ask for.
        database_url=settings.database_url,
        traces=settings.otel_exporter_otlp_endpoint,
        attempt_retention_days=settings.attempt_retention_days,
        repair_retention_days=settings.repair_retention_days,
        log_level=settings.log_level,
        log_format=settings.log_format,
    )
    housekeeping_due.connect(_purge, sender=app)
    app.set_default()
    return app


def _queue(settings: Settings) -> celery_sqs.Queue:
    envelope = settings.sqs_envelope.split(",") if settings.sqs_envelope else None
    return celery_sqs.Queue(
        url=settings.sqs_queue_url, dlq_url=settings.sqs_dlq_url, tasks=(PERSIST_ORDER,), envelope=envelope
    )


def endpoint(settings: Settings) -> celery_sqs.Endpoint:
    """Where SQS is for these settings."""
    return celery_sqs.Endpoint(settings.aws_region, settings.sqs_endpoint, settings.emulator_credentials)


@functools.cache
def _database(url: str) -> Callable[[], Engine]:
    """What makes an engine for the monitor: the same for each app of a process, which then share an event writer."""
    return functools.partial(connect, url)


def _purge(sender: Celery, engine: Engine, keep_on: Callable[[], bool], **_: Any) -> None:
    """Delete what is old, in the one worker that keeps the tables in order."""
    retention.purge(sender.conf, engine, keep_on)


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    """Keep Celery from setting up logs of its own in the worker."""
    logs.configure(current_app.conf.log_level, current_app.conf.log_format)


worker_init.connect(begin_to_count)
