"""What a worker does before its first receive and at its end, as steps of Celery's blueprints.

https://docs.celeryq.dev/en/stable/userguide/extending.html
"""

import logging
import os
from typing import Any

from billiard import pool
from celery import bootsteps
from celery.worker import state

from celery_sqs.aws.endpoint import client
from celery_sqs.tasks.task import SQSTask
from celery_sqs.worker.consumer import Consumer
from celery_sqs.worker.preflight import Limits, OutOfReach, examine
from celery_sqs.worker.request import SQSRequest

logger = logging.getLogger(__name__)

RESULT_LOOKS = 10  # a tenth of a second apart


class Preflight(bootsteps.StartStopStep):
    """Holds the queues against the worker's numbers, and ends a worker that they contradict.

    Celery's settings `sqs_max_receive_count`, `sqs_dlq_url` (may be None) and `sqs_preflight` (`refuse`, or
    `warn` to start all the same), and its time limits.
    """

    def __init__(self, parent: Any, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        # A pool's child waits until all its results are counted before it ends. At the end of a busy worker
        # Celery drops a batch that is under way, its result is never counted, and the end takes 30 seconds:
        # billiard.pool.Worker._ensure_messages_consumed, celery.concurrency.asynpool.AsynPool.flush.
        pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = RESULT_LOOKS

    def start(self, parent: Any) -> None:
        """Ask SQS. One that cannot be asked is no reason not to start: the worker waits for it."""
        conf = parent.app.conf
        options = conf.broker_transport_options
        queue_url = options["predefined_queues"][conf.task_default_queue]["url"]
        try:
            report = examine(client(options["endpoint"]), queue_url, conf.sqs_dlq_url, Limits.of(conf))
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
        channel = parent.channel = parent.task_consumer.channel
        channel.on_poison = parent.bury
        channel.run_instead = parent.run_here
        channel.is_hurried = lambda: state.should_terminate is not None
        for task in parent.app.tasks.values():
            if isinstance(task, SQSTask):
                channel.depend_on(task)

    def stop(self, parent: Consumer) -> None:
        """Give back at once what has not begun, while the pool finishes what has."""
        for request in list(state.reserved_requests - state.active_requests):
            if isinstance(request, SQSRequest) and not parent.keeps(request.task, request.receive_count):
                request.reject(requeue=True)
