"""Adds the jobs to our worker: `celery -A tasks worker --include tests.plain.here`."""

from celery import current_app

from celery_sqs.tasks.task import SQSTask
from tests.plain import jobs

#: Seconds of a long poll, instead of 20: a test waits for the end of one.
current_app.conf.broker_transport_options["receive_wait"] = 1

jobs.define(current_app, base=SQSTask)
