"""Celery's remote control through tables: what `celery inspect`, `celery status` and Flower ask workers."""

from celery_sqs.monitor.control.client import Control, DatabaseUnavailable
from celery_sqs.monitor.control.commands import INSPECT_COMMANDS, UnsupportedCommand

__all__ = ["INSPECT_COMMANDS", "Control", "DatabaseUnavailable", "UnsupportedCommand"]
