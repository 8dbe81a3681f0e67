"""What the framework takes from a Celery app's configuration, read and checked in one place.

Each setting is an argument of `celery_sqs.setup`, or a key `sqs_...` of `app.conf`, which is read when it is first
needed: configuration that comes late, or has a namespace as Django's has, is seen.
"""

from celery_sqs.settings.options import DEFAULTS, LOOPBACK, MAX_PORT, OPTIONS
from celery_sqs.settings.queue import ENVELOPES, Queue
from celery_sqs.settings.settings import NO_EVENTS, Settings

__all__ = ["DEFAULTS", "ENVELOPES", "LOOPBACK", "MAX_PORT", "NO_EVENTS", "OPTIONS", "Queue", "Settings"]
