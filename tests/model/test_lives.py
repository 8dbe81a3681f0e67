"""Random lives of a world that is too large to be searched."""

import itertools

import pytest

from tests.model.lifecycle import Lifecycle, Sizes
from tests.model.lives import live

SIZES = Sizes(good=3, killers=2, kills=2, stops=2, deletes_soon=True)
SEED = 14


def assert_lives_end_well(lives):
    lifecycle = Lifecycle(SIZES)
    found = live(lifecycle, lives, SEED)
    print(found)
    # The end is looked at after the safety net: what was dead is stored.
    assert not found.complaints
    deaths = [[lifecycle.label(*pair) for pair in itertools.pairwise(way)] for way in found.dead]
    assert all(sum(is_death(label) for label in labels) >= 3 for labels in deaths)
    return found


def is_death(label):
    return "kills its worker" in label or "is killed" in label


def test_random_lives_end_well():
    assert_lives_end_well(200)


@pytest.mark.long
def test_many_random_lives_end_well_and_some_need_the_safety_net():
    assert assert_lives_end_well(8_000).dead
