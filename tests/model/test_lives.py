"""Random lives of a world that is too large to be searched."""

import pytest

from tests.model.__main__ import LIVES_OF, SEED
from tests.model.lifecycle import Lifecycle
from tests.model.lives import live, was_killed_in_renewals
from tests.model.rules import AS_BUILT


def assert_lives_end_well(lives):
    found = live(Lifecycle(LIVES_OF, AS_BUILT), lives, SEED)
    print(found)
    # The end is looked at after the rescuer: what was dead is stored.
    assert not found.complaints
    assert all(map(was_killed_in_renewals, found.deaths))
    return found


def test_random_lives_end_well():
    assert_lives_end_well(200)


@pytest.mark.long
def test_many_random_lives_end_well_and_some_need_the_rescuer():
    assert assert_lives_end_well(8_000).dead
