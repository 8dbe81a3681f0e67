"""A worker whose pool has no event loop is refused before anything is started."""

import pytest
from celery import concurrency
from celery.concurrency.base import BasePool

from celery_sqs.errors import Misconfigured
from celery_sqs.worker.steps import Preflight


class GreenPool(BasePool):
    """A pool of greenlets, as eventlet's."""

    is_green = True


class Worker:
    """What a step sees of Celery's worker."""

    def __init__(self, pool_cls, use_eventloop=True):
        self.pool_cls = pool_cls
        self.use_eventloop = use_eventloop


@pytest.mark.parametrize("name", ["prefork", "threads", "solo"])
def test_a_pool_with_the_event_loop_is_taken(name):
    Preflight(Worker(concurrency.get_implementation(name)))


def test_a_green_pool_is_refused():
    with pytest.raises(Misconfigured, match="worker_pool: gevent and eventlet"):
        Preflight(Worker(GreenPool))


def test_a_process_that_is_monkey_patched_is_refused():
    with pytest.raises(Misconfigured, match="worker_pool: gevent and eventlet"):
        Preflight(Worker(concurrency.get_implementation("prefork"), use_eventloop=False))
