"""The model's clock, its cores, and the processes on them."""

import math

import pytest

from bench.fleet.events import Cores, Events, Process


def finish_times(cores, *work):
    """When each of some pieces of work that begin together is done."""
    events = Events()
    shared, done = Cores(events, cores), {}
    for number, seconds in enumerate(work):
        shared.compute(seconds, lambda number=number: done.setdefault(number, events.now))
    events.run(math.inf)
    return [done[number] for number in range(len(work))], shared


def test_what_is_alone_takes_its_own_time():
    [alone], _ = finish_times(2, 3.0)
    assert alone == pytest.approx(3.0)


def test_as_many_as_there_are_cores_do_not_slow_each_other():
    times, _ = finish_times(2, 3.0, 5.0)
    assert times == pytest.approx([3.0, 5.0])


def test_three_on_two_cores_get_two_thirds_of_a_core_each():
    times, _ = finish_times(2, 2.0, 2.0, 2.0)
    assert times == pytest.approx([3.0, 3.0, 3.0])


def test_who_is_left_gets_what_the_others_had():
    times, _ = finish_times(1, 1.0, 3.0)
    assert times == pytest.approx([2.0, 4.0])


def test_no_work_is_lost_or_done_twice():
    _, cores = finish_times(1.5, 0.4, 1.1, 2.7, 0.2)
    assert cores.busy == pytest.approx(4.4)


def test_a_process_does_one_thing_at_a_time_and_in_order():
    events = Events()
    process, done = Process(Cores(events, 8)), []
    for name, seconds in (("long", 2.0), ("short", 1.0)):
        process.compute(seconds, lambda name=name: done.append((name, events.now)))
    events.run(math.inf)
    assert done == [("long", pytest.approx(2.0)), ("short", pytest.approx(3.0))]


def test_a_run_ends_at_its_time():
    events, seen = Events(), []
    for seconds in (1.0, 2.0, 3.0):
        events.after(seconds, lambda seconds=seconds: seen.append(seconds))
    events.run(2.0)
    assert seen == [1.0, 2.0]
