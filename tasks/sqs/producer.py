"""The producer of a process: what all its threads publish through.

Celery's own way is a pool, from which each publish borrows a connection with a channel. Ours keep
nothing between two messages and wait for nothing but the sender, which is there for any number of
threads. So one is enough, and nothing is borrowed or bound for a publish.
"""

import functools
import os

from celery import Celery
from kombu import Producer


def producer(app: Celery) -> Producer:
    """The process's producer for an app; a forked child gets its own."""
    return _producer(app, os.getpid())


@functools.lru_cache
def _producer(app: Celery, pid: int) -> Producer:
    return app.amqp.Producer(app.connection_for_write(), auto_declare=False)
