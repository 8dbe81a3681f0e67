"""Adds the jobs to our worker: `celery -A tasks worker --include tests.plain.here`."""

from celery import current_app

from celery_sqs import SQSTask
from tests.plain import jobs

jobs.define(current_app, base=SQSTask)
