"""The producer of a process: what all its threads publish through.

Celery has a pool, from which each publish borrows a connection with a channel. Ours keep
nothing between two messages and wait for nothing but the sender, which is there for any number of
threads. So one is enough, and nothing is borrowed or bound for a publish.
"""

from celery import Celery
from kombu import Producer

from celery_sqs.per_process import per_process


@per_process
def producer(app: Celery) -> Producer:
    """The process's producer for an app."""
    return app.amqp.Producer(app.connection_for_write(), auto_declare=False)
