"""By its heartbeat an event loop that turns is told from one that does not."""

import time

from kombu.asynchronous import Hub

from celery_sqs.consume.heartbeat import BEAT_EVERY, Heartbeat
from tests.polling import poll
from tests.unit.event_loop import StuckLoop


def begun(stopped_after=0.1, is_busy=lambda: False):
    heartbeat, loop = Heartbeat(stopped_after), StuckLoop()
    heartbeat.begin(loop, is_busy)
    return heartbeat, loop


def test_a_loop_that_has_just_begun_has_not_stopped():
    heartbeat, _ = begun()
    assert heartbeat.age < 0.1
    assert not heartbeat.has_stopped


def test_a_loop_that_does_not_turn_has_stopped_until_it_turns_again():
    heartbeat, loop = begun()
    poll(lambda: heartbeat.has_stopped, 2, "it counts as stopped")
    loop.turn()
    assert not heartbeat.has_stopped


def test_kombus_loop_beats_though_it_has_nothing_to_do():
    hub, heartbeat = Hub(), Heartbeat(stopped_after=BEAT_EVERY)
    heartbeat.begin(hub, is_busy=lambda: False)
    ages = []
    deadline = time.monotonic() + 2.5 * BEAT_EVERY
    while time.monotonic() < deadline:
        hub.run_once()
        ages.append(heartbeat.age)
    heartbeat.end()
    hub.close()
    assert max(ages) < 2 * BEAT_EVERY


def test_before_it_begins_and_after_its_end_no_beat_is_due():
    heartbeat = Heartbeat(stopped_after=0.0)
    assert heartbeat.age == 0
    heartbeat.begin(StuckLoop(), is_busy=lambda: False)
    assert heartbeat.has_stopped
    heartbeat.end()
    assert heartbeat.age == 0


def test_a_task_in_the_main_thread_counts_as_a_beat():
    running = [True]
    heartbeat, _ = begun(is_busy=lambda: bool(running))
    time.sleep(0.2)
    assert not heartbeat.has_stopped
    running.clear()
    assert not heartbeat.has_stopped, "the loop has its time from the end of the task on"
    poll(lambda: heartbeat.has_stopped, 2, "a loop that does not turn afterwards counts as stopped")
