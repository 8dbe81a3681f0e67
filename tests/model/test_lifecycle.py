"""Every state of small worlds: no message vanishes, no good order dies, a killer ends after three recorded attempts."""

from dataclasses import replace

import pytest

from tests.model.lifecycle import Lifecycle
from tests.model.reduced import Reduced
from tests.model.rules import AS_BUILT, WITHOUT
from tests.model.search import search
from tests.model.sizes import Sizes

SMALL = [
    Sizes(good=0, killers=1),
    Sizes(good=2, killers=1, deletes_soon=True),
    Sizes(good=1, killers=1, keeps_done=True, deletes_soon=True),
    Sizes(good=1, killers=1, workers=2, deletes_soon=True),
    Sizes(good=2, kills=1, stops=1),
    Sizes(good=1, stops=3, outages=3),
    Sizes(good=1, kills=1, stops=1, outages=1),
    Sizes(good=1, kills=1, leases=1),
    Sizes(good=1, kills=1, stops=1, failures=2, spares_renewals=True),
    Sizes(good=1, pauses=3, stops=1, outages=1),
    Sizes(good=1, kills=1, failures=1, pauses=1, spares_renewals=True),
]
LARGE = [
    Sizes(good=1, killers=1, kills=1, deletes_soon=True),
    Sizes(good=1, killers=1, leases=1, deletes_soon=True),
    Sizes(good=1, killers=1, stops=1, outages=1, deletes_soon=True),
    Sizes(good=1, killers=1, pauses=1, outages=1, deletes_soon=True),
    Sizes(good=1, kills=1, stops=1, outages=1, failures=1),
]
#: Searched with fewer states, and the first of them also with all.
REDUCED = [
    Sizes(good=2, killers=1, deletes_soon=True),
    Sizes(good=1, killers=1, stops=1, deletes_soon=True),
    Sizes(good=2, kills=1, stops=1, deletes_soon=True),
    Sizes(good=1, killers=1, failures=1, deletes_soon=True),
]
LARGE_REDUCED = [
    Sizes(good=0, killers=1, kills=1, stops=1, deletes_soon=True),
    Sizes(good=1, killers=1, kills=1, deletes_soon=True),
    Sizes(good=2, killers=1, kills=1, deletes_soon=True),
    Sizes(good=2, killers=2, deletes_soon=True),
]
#: For each rule a world in which it is missed.
ONE_KILLER = Sizes(good=1, killers=1, deletes_soon=True)
TWO_KILLERS = Sizes(good=1, killers=2, deletes_soon=True)
MISSED_IN = {
    "what is unexplained is renewed": TWO_KILLERS,
    "a suspect that comes back is renewed": Sizes(good=1, killers=1, kills=3, spares_renewals=True, deletes_soon=True),
    "what is on its last receive is renewed": Sizes(
        good=1, kills=1, failures=2, spares_renewals=True, deletes_soon=True
    ),
    "spent is what is on record, not the receives": TWO_KILLERS,
    "the last receive is renewed in an outage, too": Sizes(
        good=1, kills=3, outages=2, spares_renewals=True, deletes_soon=True
    ),
    "a stop renews": Sizes(good=1, stops=4),
    "a pause renews": Sizes(good=1, pauses=4),
    "a copy is sent before the old one is deleted": Sizes(good=1, kills=2),
}


#: Without one of these a world can still be searched with fewer states.
REDUCIBLE = [
    "a suspect that comes back is renewed",
    "an attempt is on record before it begins",
    "the last receive is renewed in an outage, too",
    "the record is taken back on success",
    "what is on its last receive is renewed",
]


def assert_nothing_is_wrong(sizes, rules=AS_BUILT, kind=Lifecycle):
    found = search(kind(sizes, rules))
    print(sizes, found)
    assert found.complaint is None, str(found)


@pytest.mark.parametrize("sizes", SMALL, ids=str)
def test_nothing_is_wrong_in_any_state_of_a_small_world(sizes):
    assert_nothing_is_wrong(sizes)


@pytest.mark.long
@pytest.mark.parametrize("sizes", LARGE, ids=str)
def test_nothing_is_wrong_in_any_state_of_a_larger_world(sizes):
    assert_nothing_is_wrong(sizes)


@pytest.mark.parametrize("kind", [Lifecycle, Reduced])
@pytest.mark.parametrize("sizes", REDUCED, ids=str)
def test_fewer_states_of_a_small_world_have_the_same_verdict(sizes, kind):
    assert_nothing_is_wrong(sizes, kind=kind)


@pytest.mark.long
@pytest.mark.parametrize("sizes", LARGE_REDUCED, ids=str)
def test_nothing_is_wrong_in_a_larger_world_searched_with_fewer_states(sizes):
    assert_nothing_is_wrong(sizes, kind=Reduced)


@pytest.mark.parametrize("good", [1, 2])
def test_stops_kill_no_message_of_a_task_without_records(good):
    assert_nothing_is_wrong(Sizes(good=good, stops=5), replace(AS_BUILT, keeps_records=False))


@pytest.mark.parametrize("rule", sorted(WITHOUT))
def test_each_rule_is_missed(rule):
    sizes = MISSED_IN.get(rule, ONE_KILLER)
    found = search(Lifecycle(sizes, WITHOUT[rule]))
    print(f"without the rule that {rule}: {found}")
    assert found.complaint
    # So far from the start, nothing is wrong with all rules together.
    with_all = search(Lifecycle(sizes), limit=found.states)
    assert with_all.complaint in {None, "there are too many states"}


@pytest.mark.long
@pytest.mark.parametrize("rule", REDUCIBLE)
def test_each_rule_is_missed_in_the_same_way_with_fewer_states(rule):
    sizes = MISSED_IN.get(rule, ONE_KILLER)
    found = search(Reduced(sizes, WITHOUT[rule]))
    assert found.complaint == search(Lifecycle(sizes, WITHOUT[rule])).complaint


@pytest.mark.parametrize("rule", sorted(WITHOUT.keys() - set(REDUCIBLE)))
def test_a_world_in_which_the_order_of_events_makes_a_difference_is_not_searched_with_fewer_states(rule):
    with pytest.raises(ValueError, match="this world is not to be reduced"):
        Reduced(MISSED_IN.get(rule, ONE_KILLER), WITHOUT[rule])
