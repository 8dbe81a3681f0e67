"""What a worker does with a message that it holds: while it is busy, and when it is stopped."""

import signal
import time

import pytest

from celery_sqs.consume.heartbeat import STOPPED_AFTER
from config.queues import ORDER_QUEUE
from tests.conftest import VISIBILITY_TIMEOUT
from tests.plain.recipe import RECIPE
from tests.polling import poll


def runs_of_a_long_task(system, **settings):
    """How often a task is begun that takes longer than its message stays hidden."""
    system.send("sleep", seconds=3 * VISIBILITY_TIMEOUT)
    system.start_worker("-c", "2", **settings)
    poll(lambda: system.runs("slept"), 15, "it has run")
    return len(system.runs("sleep"))


@pytest.mark.long
def test_a_task_longer_than_the_visibility_timeout_runs_once(here):
    assert runs_of_a_long_task(here) == 1
    assert here.fate() == "deleted"


@pytest.mark.long
@pytest.mark.timeout(3 * STOPPED_AFTER)
def test_a_task_in_the_main_thread_runs_once_though_the_event_loop_stands_still_meanwhile(here):
    here.send("sleep", seconds=STOPPED_AFTER + 10)
    here.start_worker("-P", "solo")
    poll(lambda: here.runs("slept"), STOPPED_AFTER + 25, "it has run")
    assert len(here.runs("sleep")) == 1
    assert here.fate() == "deleted"


@pytest.mark.plain
def test_plain_celery_runs_a_task_longer_than_the_visibility_timeout_again(plain):
    assert runs_of_a_long_task(plain, **RECIPE) > 1


def handed_back_by_a_stop(system, **settings):
    """How many messages a stopped worker had not begun, and how many of those the next can have at once."""
    system.queues.hide_for(60)  # so that no message comes back by itself
    for _ in range(4):
        system.send("sleep", seconds=0.5)
    worker = system.start_worker("-c", "1", **settings)
    poll(lambda: system.runs("sleep") and system.queues.waiting() - system.queues.visible() > 1, 10, "it holds some")
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    return system.queues.waiting(), system.queues.visible()


def test_a_stopped_worker_leaves_all_that_it_had_not_begun_visible(here):
    left, visible = handed_back_by_a_stop(here)
    assert left == visible == 4 - len(here.runs("slept"))
    assert left > 0


@pytest.mark.long
def test_a_stopped_worker_renews_what_is_on_its_last_receive(here):
    # Released it would be in the DLQ, and nobody has failed on it.
    here.queues.hide_for(60)
    here.send("note")
    hidden_for = 3
    for seconds in [*[0] * (ORDER_QUEUE.max_receive_count - 2), hidden_for]:
        assert here.queues.sqs.receive_message(QueueUrl=here.queues.url, VisibilityTimeout=seconds)["Messages"]
    here.send("sleep", seconds=2 * hidden_for)
    worker = here.start_worker("-c", "1")
    poll(lambda: here.runs("sleep"), 10, "the pool is busy")
    poll(lambda: here.queues.visible() == 0, 10, "nothing waits to be received")
    time.sleep(hidden_for)
    worker.send(signal.SIGTERM)
    assert worker.wait() == 0
    assert here.runs("note") == [], "a stopping worker begins nothing"
    assert (here.queues.waiting(), here.queues.visible()) == (1, 1)
    here.start_worker("-c", "1")
    assert here.fate() == "deleted"
    assert len(here.runs("note")) == 1


@pytest.mark.plain
def test_plain_celery_hides_what_it_had_not_begun_when_it_is_stopped(plain):
    settings = RECIPE | {"worker_prefetch_multiplier": 4, "wait_time_seconds": 10}
    left, visible = handed_back_by_a_stop(plain, **settings)
    assert left > visible == 0
