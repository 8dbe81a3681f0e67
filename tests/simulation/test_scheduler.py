"""Simulated threads: a seed decides who runs, and time passes only when nobody can."""

import random
import threading
import time

import pytest

from celery_sqs import system
from tests.simulation.virtual.hub import Hub
from tests.simulation.virtual.scheduler import Scheduler, Violation
from tests.simulation.virtual.seam import simulated

HOUR = 3600.0


class Stand:
    """A scheduler in the place of the system, and one process."""

    def __init__(self, seed=1, **more):
        self.scheduler = Scheduler(seed, **{"preempts": 0.3, **more})
        self.process = self.scheduler.process("process")
        self.notes = []

    def run(self, *threads):
        with simulated(self.scheduler):
            for number, run in enumerate(threads):
                self.scheduler.spawn(self.process, f"thread {number}", run)
            self.scheduler.run_while_alive()
        return self.notes


def counting(stand, lock, number):
    def count():
        for _ in range(20):
            with lock():
                stand.notes.append(number)
                system.time.sleep(0.01)
                stand.notes.append(number)

    return count


def order_of(seed):
    stand = Stand(seed)
    made = []

    def lock():
        if not made:
            made.append(system.threading.Lock())
        return made[0]

    return stand.run(*(counting(stand, lock, number) for number in range(3)))


def test_a_seed_replays_and_another_one_differs():
    assert order_of(1) == order_of(1) != order_of(2)


def test_a_lock_is_for_one_at_a_time():
    order = order_of(3)
    assert all(first == second for first, second in zip(order[::2], order[1::2], strict=True))


def test_an_hour_takes_no_time_and_both_clocks_show_it():
    stand = Stand()

    def sleep():
        before = system.time.monotonic(), system.time.time(), system.now()
        system.time.sleep(HOUR)
        stand.notes.append((system.time.monotonic() - before[0], system.time.time() - before[1]))
        stand.notes.append((system.now() - before[2]).total_seconds())

    began = time.monotonic()
    (monotonic, wall), of_dates = stand.run(sleep)
    assert (round(monotonic), round(wall), round(of_dates)) == (HOUR, HOUR, HOUR)
    assert time.monotonic() - began < HOUR / 2


def test_who_waits_is_notified_before_its_time_is_over():
    stand = Stand()
    made = []

    def wait():
        made.append(system.threading.Condition())
        with made[0]:
            stand.notes.append(made[0].wait(10))
            stand.notes.append(made[0].wait(10))

    def notify():
        system.time.sleep(5)
        with made[0]:
            made[0].notify()

    assert stand.run(wait, notify) == [True, False]
    assert round(stand.scheduler.now) == 15


def test_threads_that_wait_for_each_other_are_a_violation_that_says_where_they_are():
    stand = Stand()

    def wait_for_ever():
        system.threading.Event().wait()

    with pytest.raises(Violation, match=r"(?s)wait for each other.*process thread 0.*wait_for_ever"):
        stand.run(wait_for_ever)


def test_what_goes_on_for_ever_is_a_violation():
    stand = Stand(steps=100)

    def go_on():
        while True:
            system.time.sleep(1)

    with pytest.raises(Violation, match="no end"):
        stand.run(go_on)


def test_an_error_of_a_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        Stand().run(lambda: 1 / 0)


def test_a_killed_process_does_nothing_any_more():
    stand = Stand()
    victim = stand.scheduler.process("victim")

    def work():
        try:
            while True:
                system.time.sleep(1)
                stand.notes.append("works")
        finally:
            if not stand.scheduler.current.is_killed:
                stand.notes.append("cleans up")

    def kill():
        system.time.sleep(2.5)
        stand.scheduler.kill(victim)
        system.time.sleep(5)

    def start():
        stand.scheduler.spawn(victim, "worker", work)
        kill()

    assert stand.run(start) == ["works", "works"]


def test_a_frozen_process_goes_on_later():
    stand = Stand()

    def freeze():
        stand.process.frozen_until = 100
        system.time.sleep(1)
        stand.notes.append(round(stand.scheduler.now))

    assert stand.run(freeze) == [100]


def test_threads_of_an_executor_end_their_work_before_it_is_left():
    stand = Stand()

    def work(number):
        system.time.sleep(number)
        return number

    def ask():
        with system.futures.ThreadPoolExecutor(3, thread_name_prefix="many") as pool:
            stand.notes.extend(pool.map(work, range(5)))

    assert stand.run(ask) == list(range(5))


def test_an_event_loop_does_what_is_soon_later_and_readable():
    stand = Stand()

    def loop():
        hub = Hub(stand.scheduler)
        reading, writing = system.socketpair()
        hub.add_reader(reading.fileno(), lambda: stand.notes.append(("read", len(reading.recv(10)))))
        hub.call_soon(stand.notes.append, "soon")
        hub.call_later(5, stand.notes.append, "later")
        system.threading.Thread(target=lambda: (system.time.sleep(2), writing.send(b"\0"))).start()
        while len(stand.notes) < 3:
            hub.iterate()

    assert stand.run(loop) == ["soon", ("read", 1), "later"]


def test_afterwards_the_system_is_as_it_was():
    before = {name: getattr(system, name) for name in system.__all__}
    chance = random.getstate()
    Stand().run(random.random)
    assert {name: getattr(system, name) for name in system.__all__} == before
    assert (system.threading, random.getstate()) == (threading, chance)
