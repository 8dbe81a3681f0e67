"""A schedule is drawn from its seed alone: brief faults, and one that lasts."""

import pytest

from tests.faults.kinds import BRIEF, KINDS, LASTING, RETENTION_PASSED, SHORTEST_RETENTION
from tests.faults.schedule import draw_schedule


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another():
    assert draw_schedule(1, 60, 6) == draw_schedule(1, 60, 6)
    assert draw_schedule(1, 60, 6) != draw_schedule(2, 60, 6)


def test_twenty_schedules_have_every_kind_of_fault():
    assert {fault.kind for seed in range(1, 21) for fault in draw_schedule(seed, 60, 6)} == KINDS.keys()


@pytest.mark.parametrize("seed", range(20))
def test_a_schedule_has_one_lasting_fault_and_brief_ones_that_end_in_time(seed):
    faults = draw_schedule(seed, 60, 6)
    assert faults == sorted(faults, key=lambda fault: fault.start)
    assert len([fault for fault in faults if fault.kind in LASTING]) == 1
    brief = [fault for fault in faults if fault.kind in BRIEF]
    assert len(brief) > 10
    assert max(fault.end for fault in brief) <= 60


@pytest.mark.parametrize("seed", range(20))
def test_two_faults_with_one_target_do_not_overlap(seed):
    faults = draw_schedule(seed, 60, 6)
    for number, fault in enumerate(faults):
        later = (other for other in faults[number + 1 :] if other.target == fault.target)
        assert all(other.start >= fault.end for other in later)


@pytest.mark.parametrize("kind", BRIEF)
def test_a_brief_kind_can_be_drawn_alone(kind):
    assert {fault.kind for fault in draw_schedule(3, 30, 6, only=kind)} == {kind}


@pytest.mark.parametrize("kind", LASTING)
def test_a_lasting_kind_alone_is_one_fault(kind):
    assert [fault.kind for fault in draw_schedule(3, 30, 6, only=kind)] == [kind]


@pytest.mark.parametrize("seed", range(20))
def test_the_fault_that_passes_the_retention_lasts_longer_than_the_queue_keeps_a_message(seed):
    [fault] = draw_schedule(seed, 60, 6, only=RETENTION_PASSED)
    assert fault.duration > SHORTEST_RETENTION
