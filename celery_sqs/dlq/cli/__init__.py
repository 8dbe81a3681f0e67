"""The command line of a DLQ; and what a host's own commands print with, and end by."""

from celery_sqs.dlq.cli.commands import dlq, dlq_group
from celery_sqs.dlq.cli.group import FAILED, PlainGroup
from celery_sqs.dlq.cli.screen import instant, line, print_json, safe

__all__ = ["FAILED", "PlainGroup", "dlq", "dlq_group", "instant", "line", "print_json", "safe"]
