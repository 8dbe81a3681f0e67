"""A queue that is paused while its worker is busy: what runs ends, what waits goes back, and no worker begins it."""

import pytest

from celery_sqs.monitor.pauses import PauseStore
from tests.outcomes.test_revoke import WAIT, Place
from tests.polling import poll


@pytest.fixture
def place(emulator, tmp_path):
    place = Place(tmp_path, emulator)
    yield place
    place.close()


@pytest.mark.long  # two starts of a worker
def test_a_paused_queue_is_left_alone_until_it_is_resumed_and_no_call_has_paid_for_it(place):
    [queue] = place.app.conf.sqs_queues
    place.start_worker()
    running = place.occupy()
    waiting = [place.call("hold"), place.call("hold")]
    poll(lambda: place.queues.visible() == 0, WAIT, "the worker has them all")
    PauseStore(place.engine).pause(queue, "ada", "the bank is away")
    poll(lambda: f"queue {queue} is paused" in place.log(), WAIT, "the worker knows it")
    place.release()
    assert running.get(timeout=WAIT) == "held"
    poll(lambda: place.queues.visible() == 2, WAIT, "what has not begun is back in the queue")
    assert f"'name': '{queue}'" in (answer := place.celery("inspect", "active_queues").stdout)
    assert "'paused': True" in answer

    place.stop_worker()
    place.start_worker()
    assert f"queue {queue} is paused" in place.log()
    assert place.notes("run") == [running.id]

    PauseStore(place.engine).resume(queue, "ada", "it is back")
    assert [result.get(timeout=WAIT) for result in waiting] == ["held", "held"]
    assert sorted(place.notes("run")) == sorted([running.id, *(result.id for result in waiting)])
