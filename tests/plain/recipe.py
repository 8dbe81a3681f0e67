"""Plain Celery on kombu's own SQS transport: `celery -A tests.plain.recipe worker`."""

import json
import os
from urllib.parse import urlsplit

from celery import Celery

from tests.plain import jobs

#: What everybody recommends for tasks that must not be lost, and for speed.
RECIPE = {
    "task_acks_late": True,
    "task_acks_on_failure": False,
    "task_acks_on_timeout": False,
    "task_reject_on_worker_lost": True,
    "worker_prefetch_multiplier": 1,
    "polling_interval": 0,
}

QUEUE_URL = "PLAIN_QUEUE_URL"
SETTINGS = "PLAIN_SETTINGS"  # JSON


def create(queue_url, settings):
    """An app on one queue. `polling_interval` is the broker's option, all else are Celery's settings."""
    settings = dict(settings)
    address, queue = urlsplit(queue_url), queue_url.rsplit("/", 1)[-1]
    # Seconds of a long poll. The interval between two is kombu's default unless the test says so.
    options = {"wait_time_seconds": settings.pop("wait_time_seconds", 1)}
    if "polling_interval" in settings:
        options["polling_interval"] = settings.pop("polling_interval")
    app = Celery("recipe", set_as_current=False)
    app.conf.update(
        broker_url=f"sqs://test:test@{address.netloc}",
        broker_transport_options={
            "region": "us-east-1",
            "is_secure": False,
            "predefined_queues": {queue: {"url": queue_url}},
            **options,
        },
        broker_connection_retry_on_startup=True,
        task_default_queue=queue,
        task_ignore_result=True,
        # Both need a queue of their own per worker, and the queue here is given.
        worker_enable_remote_control=False,
        worker_send_task_events=False,
    )
    app.conf.update(settings)
    jobs.define(app, max_retries=None)
    return app


def __getattr__(name):
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = create(os.environ[QUEUE_URL], json.loads(os.environ[SETTINGS]))
    return globals()["app"]
