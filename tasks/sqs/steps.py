"""What a worker does before its first receive, as steps of Celery's blueprints.

https://docs.celeryq.dev/en/stable/userguide/extending.html
"""

import logging
import os
from typing import Any

from celery import bootsteps
from celery.worker import state

from tasks.sqs.clients import client
from tasks.sqs.consumer import Consumer
from tasks.sqs.preflight import OutOfReach, examine
from tasks.sqs.task import SQSTask

logger = logging.getLogger(__name__)


class Preflight(bootsteps.StartStopStep):
    """Holds the queues against the worker's numbers, and ends a worker that they contradict.

    Celery's settings `sqs_limits` (a `tasks.sqs.preflight.Limits`), `sqs_dlq_url` (may be None) and
    `sqs_preflight` (`refuse`, or `warn` to start all the same).
    """

    def start(self, parent: Any) -> None:
        """Ask SQS. One that cannot be asked is no reason not to start: the worker waits for it."""
        conf = parent.app.conf
        options = conf.broker_transport_options
        queue_url = options["predefined_queues"][conf.task_default_queue]["url"]
        try:
            report = examine(client(options["endpoint"]), queue_url, conf.sqs_dlq_url, conf.sqs_limits)
        except OutOfReach as error:
            logger.warning("no preflight: %s", error)
            return
        for line in report.timeline.splitlines():
            logger.info("%s", line)
        for contradiction in report.contradictions:
            logger.critical("%s", contradiction)
        if report.contradictions and conf.sqs_preflight == "refuse":
            raise SystemExit(os.EX_CONFIG)


class Readiness(bootsteps.StartStopStep):
    """What the tasks depend on has to be there before the first receive. It may come later, too."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Consumer) -> None:
        """Let the channel know its consumer, and wait for what the tasks need."""
        channel = parent.task_consumer.channel
        channel.on_poison = parent.bury
        channel.is_hurried = lambda: state.should_terminate is not None
        for task in parent.app.tasks.values():
            if isinstance(task, SQSTask):
                channel.depend_on(task)
