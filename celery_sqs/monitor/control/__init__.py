"""Celery's remote control through tables: what `celery inspect`, `status` and Flower ask workers, and `revoke`."""

from celery_sqs.monitor.control.client import Control, DatabaseUnavailable, NotDone
from celery_sqs.monitor.control.commands import INSPECT_COMMANDS, UnsupportedCommand

__all__ = ["INSPECT_COMMANDS", "Control", "DatabaseUnavailable", "NotDone", "UnsupportedCommand"]
