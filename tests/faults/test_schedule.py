"""A schedule is drawn from its seed alone, and takes no order more receives than it can lose."""

import pytest

from tests.faults.schedule import KINDS, MAX_LOST_RECEIVES, RECOVERY, draw_schedule


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another():
    assert draw_schedule(1, 60, 6) == draw_schedule(1, 60, 6)
    assert draw_schedule(1, 60, 6) != draw_schedule(2, 60, 6)


def test_ten_schedules_have_every_kind_of_fault():
    assert {fault.kind for seed in range(1, 11) for fault in draw_schedule(seed, 60, 6)} == KINDS.keys()


@pytest.mark.parametrize("seed", range(20))
def test_faults_come_in_order_and_end_in_time(seed):
    faults = draw_schedule(seed, 60, 6)
    assert faults == sorted(faults, key=lambda fault: fault.start)
    assert max(fault.end for fault in faults) <= 60


@pytest.mark.parametrize("seed", range(20))
def test_no_order_can_lose_all_its_receives_to_faults_that_are_not_its_own(seed):
    costly = [fault for fault in draw_schedule(seed, 60, 6) if KINDS[fault.kind].costs_receive]
    for fault in costly:
        active = [other for other in costly if other.start <= fault.start < other.end + RECOVERY * 6]
        assert len(active) <= MAX_LOST_RECEIVES


@pytest.mark.parametrize("seed", range(20))
def test_two_faults_with_one_target_do_not_overlap(seed):
    faults = draw_schedule(seed, 60, 6)
    for number, fault in enumerate(faults):
        later = (other for other in faults[number + 1 :] if other.target == fault.target)
        assert all(other.start >= fault.end for other in later)
