"""Adds the jobs to our worker: `celery -A tasks worker --include tests.plain.here`. Its queue takes every task."""

import dataclasses

from celery import current_app

from celery_sqs import SQSTask
from tests.plain import jobs

jobs.define(current_app, base=SQSTask)
current_app.conf.sqs_queues = {
    name: dataclasses.replace(queue, tasks=None) for name, queue in current_app.conf.sqs_queues.items()
}
