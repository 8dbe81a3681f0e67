"""What SQS and the database say of themselves. Nobody waits for their answers longer than a second."""

from celery_sqs.dependencies.probe import Probe
from celery_sqs.dependencies.recent import Answer, Recent

__all__ = ["Answer", "Probe", "Recent"]
