"""Lives of workers in virtual time; `make simulate` has more of them, and `make simulate SEED=N` shows one."""

import gc
import time
import weakref

import pytest

from tests.simulation.__main__ import report
from tests.simulation.course import Course, live
from tests.simulation.life import Life
from tests.simulation.planted import PLANTED

FEW = 60
MANY = 1000
LONGEST = 60  # seconds of processor time until a planted bug is found


def assert_lives_end_well(seeds):
    found = [live(seed) for seed in seeds]
    print(report(found))
    assert [f"SEED={outcome.seed}: {outcome.violation}" for outcome in found if outcome.violation] == []
    return found


def test_lives_end_well():
    assert_lives_end_well(range(FEW))


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_many_lives_end_well_and_meet_every_kind_of_fault():
    found = assert_lives_end_well(range(10_000, 10_000 + MANY))
    assert len({fault for outcome in found for fault in outcome.faults}) == 14
    assert any(outcome.dead for outcome in found), "some need the rescuer"


def test_a_seed_replays_whatever_was_before():
    first, second = live(7, is_traced=True), live(8, is_traced=True)
    assert (first.digest, first.trace) != (second.digest, second.trace)
    again = live(7, is_traced=True)
    assert (again.digest, again.trace, again.steps) == (first.digest, first.trace, first.steps)


def test_nothing_is_left_of_a_life_that_is_over():
    left = [weakref.ref(lived(seed)) for seed in range(5)]
    gc.collect()
    assert [each() for each in left] == [None] * 5


def lived(seed):
    course = Course(seed)
    life = Life(course.conditions, course.plans, course)
    life.live()
    return life


def test_some_lives_are_calm_and_some_keep_no_record():
    courses = [Course(seed) for seed in range(200)]
    assert {each.is_calm for each in courses} == {each.conditions.keeps_record for each in courses} == {True, False}


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.__name__)
def test_a_planted_bug_is_found(planted):
    began = time.process_time()
    seed = 0
    while (outcome := live(seed, channel=planted)).violation is None:
        seed += 1
        assert time.process_time() - began < LONGEST, f"not found in {seed} lives"
    print(f"seed {seed}: {outcome.violation}")
