"""How often a worker has garbage collected."""

import gc

import pytest

from celery_sqs.configuration import WORKER_STEPS
from celery_sqs.worker.steps import NEW_OBJECTS, RareCollections


@pytest.fixture(autouse=True)
def _threshold():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(("before", "after"), [(700, NEW_OBJECTS), (2000, NEW_OBJECTS), (50_000, 50_000), (0, 0)])
def test_garbage_is_collected_rarely_and_never_more_often_than_before(before, after):
    _, *others = gc.get_threshold()
    gc.set_threshold(before, *others)
    RareCollections(None)
    assert gc.get_threshold() == (after, *others)


def test_each_worker_has_it_so():
    assert "celery_sqs.worker.steps:RareCollections" in WORKER_STEPS
