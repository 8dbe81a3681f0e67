"""`flask dlq`: the framework's commands, on the order intake's DLQ."""

from app.services import services
from celery_sqs.dlq.cli import dlq_group

dlq = dlq_group(lambda _: services().dlq)
