"""What becomes of a message whose task does not succeed: here, and on plain Celery.

A queue allows three receives, then SQS moves a message to the DLQ. What is `deleted` without having
succeeded is a lost order. Where a failure waits for its message to be visible again, that is one
second here.
"""

import json
import sqlite3

import pytest

from config.queues import ORDER_QUEUE
from tests.plain import messages
from tests.plain.recipe import RECIPE
from tests.polling import poll

RECEIVES = ORDER_QUEUE.max_receive_count


def fate_of_a_failing_task(system, **settings):
    system.queues.hide_for(1)
    system.send("fail")
    system.start_worker("-c", "1", **settings)
    return system.fate(), len(system.runs("fail"))


def test_a_failing_task_is_run_as_often_as_the_queue_allows_and_is_then_in_the_dlq(here):
    assert fate_of_a_failing_task(here) == ("dead", RECEIVES)


@pytest.mark.plain
def test_plain_celery_by_default_deletes_a_failing_task(plain):
    assert fate_of_a_failing_task(plain) == ("deleted", 1)


def fate_of_a_retrying_task(system, **settings):
    """`kept` when it has run more often than the queue allows, and is in the queue still."""
    system.queues.hide_for(1)
    system.send("retry")
    system.start_worker("-c", "1", **settings)
    poll(lambda: not system.queues.waiting() or len(system.runs("retry")) > RECEIVES + 1, 15, "it has an end")
    return system.fate(timeout=0)


def test_a_task_that_always_retries_reaches_the_dlq(here):
    assert fate_of_a_retrying_task(here) == "dead"
    assert len(here.runs("retry")) == RECEIVES


@pytest.mark.plain
def test_on_plain_celery_a_task_that_always_retries_never_reaches_the_dlq(plain):
    assert fate_of_a_retrying_task(plain, **RECIPE) == "kept"


def fate_of_an_ignored_task(system, **settings):
    system.send("ignore")
    system.start_worker("-c", "1", **settings)
    return system.fate()


def test_a_task_that_raises_ignore_is_deleted(here):
    assert fate_of_an_ignored_task(here) == "deleted"


@pytest.mark.plain
def test_plain_celery_deletes_a_task_that_raises_ignore(plain):
    assert fate_of_an_ignored_task(plain, **RECIPE) == "deleted"


def after_a_task_out_of_memory(system, **settings):
    """Whether its worker goes on."""
    system.send("exhaust")
    worker = system.start_worker("-c", "1", **settings)
    poll(lambda: system.runs("exhaust"), 10, "it is run")
    system.send("note")
    poll(lambda: worker.returncode is not None or system.runs("note"), 10, "the worker goes on, or ends")
    return worker.returncode is None


def test_a_worker_goes_on_after_a_task_is_out_of_memory_which_is_then_in_the_dlq(here):
    assert after_a_task_out_of_memory(here)
    assert here.fate() == "dead"
    assert len(here.runs("exhaust")) == RECEIVES


@pytest.mark.plain
def test_the_worker_of_plain_celery_ends_with_a_task_that_is_out_of_memory(plain):
    assert not after_a_task_out_of_memory(plain, **RECIPE)


def fate_of_an_expired_task(system, **settings):
    system.send("note", expires=0.01)
    system.start_worker("-c", "1", **settings)
    return system.fate(), len(system.runs("note"))


def test_an_expired_task_is_deleted_unrun(here):
    assert fate_of_an_expired_task(here) == ("deleted", 0)


@pytest.mark.plain
def test_plain_celery_deletes_an_expired_task_unrun(plain):
    assert fate_of_an_expired_task(plain, **RECIPE) == ("deleted", 0)


def fate_of_an_undecodable_body(system, **settings):
    system.queues.send(messages.envelope(system.queue, **messages.UNDECODABLE))
    system.start_worker("-c", "1", **settings)
    return system.fate()


def test_an_undecodable_body_is_in_the_dlq(here):
    assert fate_of_an_undecodable_body(here) == "dead"


@pytest.mark.plain
def test_plain_celery_deletes_an_undecodable_body(plain):
    assert fate_of_an_undecodable_body(plain, **RECIPE) == "deleted"


def fate_of_plain_json(system, **settings):
    system.queues.hide_for(1)
    system.queues.send(json.dumps(messages.ORDER))
    system.start_worker("-c", "1", **settings)
    return system.fate()


def test_the_plain_json_of_any_producer_is_an_order(here):
    assert fate_of_plain_json(here) == "deleted"
    with sqlite3.connect(here.database_url.removeprefix("sqlite:///")) as database:
        assert database.execute("SELECT product_name FROM orders").fetchall() == [("Widget",)]
    database.close()


@pytest.mark.plain
def test_the_plain_json_of_another_producer_is_an_unknown_message_to_plain_celery(plain):
    assert fate_of_plain_json(plain, **RECIPE) == "dead"
