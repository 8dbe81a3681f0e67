"""What Celery is told: our transport, our task classes' queue, and nothing that SQS cannot do."""

import functools
from collections.abc import Callable
from typing import Any

from celery import Celery, current_app
from celery.signals import after_task_publish, setup_logging
from sqlalchemy import Engine

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.message import exact_json, wire
from celery_sqs.monitor import record_sent
from config import logging as logs
from config.queues import ORDER_QUEUE
from config.settings import Settings
from orders.database import connect
from tasks.orders import PERSIST_ORDER

#: Seconds a task may run: well below the visibility timeout, so that no message is handed out twice
#: while its first receiver is still at it.
SOFT_TIME_LIMIT = 15
TIME_LIMIT = 20

#: Messages held per pool process. A killed worker burns a receive of each message it holds.
PREFETCH_MULTIPLIER = 100


def create_celery(settings: Settings) -> Celery:
    """The Celery app for these settings. It becomes the process's current app."""
    app = Celery("tasks", events="celery_sqs.monitor.dispatcher:Events", control="celery_sqs.monitor.control:Control")
    app.conf.update(_configuration(settings))
    # By name: only a worker loads what these need.
    app.steps["worker"].add("celery_sqs.worker.steps:Preflight")
    app.steps["consumer"].update(
        {
            "celery_sqs.worker.steps:Readiness",
            "celery_sqs.monitor.steps:Monitoring",
            "celery_sqs.monitor.steps:RemoteControl",
        }
    )
    after_task_publish.connect(record_sent, weak=False, dispatch_uid=__name__)
    app.set_default()
    return app


def endpoint(settings: Settings) -> Endpoint:
    """Where SQS is for these settings."""
    return Endpoint(settings.aws_region, settings.sqs_endpoint, settings.emulator_credentials)


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "broker_url": "sqs://",
        "broker_transport": "celery_sqs.consume.transport:Transport",
        "broker_transport_options": {
            "endpoint": endpoint(settings),
            "predefined_queues": {settings.queue_name: {"url": settings.sqs_queue_url}},
            "default_task": PERSIST_ORDER,
            "receive_wait": ORDER_QUEUE.receive_wait,
            "send_timeout": settings.sqs_send_timeout,
            "health_port": settings.worker_health_port,
            "health_host": settings.bind_host,
        },
        "broker_connection_retry_on_startup": True,
        "task_default_queue": settings.queue_name,
        "task_serializer": exact_json.SERIALIZER,
        "accept_content": list(wire.ACCEPTED),
        "task_publish_retry": False,  # the sender has a time limit of its own
        "task_soft_time_limit": SOFT_TIME_LIMIT,
        "task_time_limit": TIME_LIMIT,
        "worker_prefetch_multiplier": PREFETCH_MULTIPLIER,
        "worker_consumer": "celery_sqs.worker.consumer:Consumer",
        "worker_enable_remote_control": False,  # Celery's own needs a broadcast, which SQS does not have
        "worker_send_task_events": True,  # to the tables, see celery_sqs.monitor.dispatcher
        # What tasks and signals of ours ask for.
        "sqs_max_receive_count": ORDER_QUEUE.max_receive_count,
        "sqs_dlq_url": settings.sqs_dlq_url,
        "sqs_preflight": settings.preflight,
        "database_url": settings.database_url,
        "sqs_monitor_database": _database(settings.database_url),
        "sqs_monitor_events": settings.task_events,
        "sqs_monitor_retention_days": settings.task_retention_days,
        "traces": settings.otel_exporter_otlp_endpoint,
        "log_level": settings.log_level,
        "log_format": settings.log_format,
    }


@functools.cache
def _database(url: str) -> Callable[[], Engine]:
    """What makes an engine for the monitor: the same for each app of a process, so that they share an event writer."""
    return functools.partial(connect, url)


@setup_logging.connect
def _configure_logs(**_: Any) -> None:
    """Keep Celery from setting up logs of its own in the worker."""
    logs.configure(current_app.conf.log_level, current_app.conf.log_format)
