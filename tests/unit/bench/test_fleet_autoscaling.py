"""Autoscaling in the model: what target tracking does with a backlog."""

import itertools
import math

import pytest

from bench.fleet import prices, terraform
from bench.fleet.autoscaling import MINUTE, Policy, Scenario, follow
from bench.fleet.scenarios import minutes, outage, outcomes, rush, steady

POLICY = Policy(least=2, most=8, target=30_000, out_cooldown=60, in_cooldown=600)
CAPACITY = 1000.0


def test_workers_that_keep_up_are_left_alone():
    course = follow(steady(1500), POLICY, CAPACITY)
    assert set(course.workers) == {2}
    assert max(course.backlog) == 0
    assert set(course.times) == {0}


def test_a_backlog_adds_workers_after_three_minutes_above_the_target():
    course = follow(rush(1000), POLICY, CAPACITY)
    first = next(second for second, count in enumerate(course.workers) if count > 2)
    # The rush begins after ten minutes; three points are above the target, one is on its way, and a task starts.
    assert 10 + 4 <= first / MINUTE <= 10 + 6
    assert max(course.workers) == POLICY.most


def test_an_order_waits_until_all_before_it_are_stored():
    burst = Scenario(
        kind="burst",
        name="a burst",
        seconds=100,
        arrivals=lambda second: 5000.0 * (second == 0),
        is_out=lambda _: False,
    )
    course = follow(burst, POLICY, CAPACITY)
    assert course.times[0] == 2  # two are stored in the first second, two in the next, the last in the third
    assert course.backlog[:4] == [3000, 1000, 0, 0]


def test_in_an_outage_the_first_order_waits_for_its_end():
    course = follow(outage(1000), POLICY, CAPACITY)
    assert max(course.times) == pytest.approx(3600, abs=2)
    assert course.backlog[-1] == 0
    assert max(course.workers[: 60 * MINUTE]) == POLICY.most  # while nothing can be stored


def test_what_is_not_stored_by_the_end_waits_for_ever():
    course = follow(steady(10_000), POLICY, CAPACITY)
    assert course.times[-1] == math.inf
    assert minutes(max(course.times)) == "not by the end"


def test_workers_go_one_by_one_when_the_backlog_is_gone():
    counts = follow(rush(1000), POLICY, CAPACITY).workers
    removed = [second for second, (now, then) in enumerate(zip(counts[1:], counts, strict=False)) if now < then]
    assert removed
    assert min(later - earlier for earlier, later in itertools.pairwise(removed)) >= POLICY.in_cooldown


def test_the_scenarios_have_terraforms_policy_and_end_well():
    found = outcomes(2400.0, 6)
    assert {outcome.policy.target for outcome in found} == {
        terraform.number("compute/limits.tf", "acceptable_wait") * 1010
    }
    assert [outcome.scenario.name for outcome in found if outcome.gone_after is None] == []


def test_the_connections_are_those_of_terraforms_own_rule():
    allowed = terraform.number("compute.tf", "database_max_connections")
    webs, workers = (terraform.number("compute.tf", name) for name in ("web_count", "worker_max"))
    # Terraform's defaults just fit, which limits.tf checks itself.
    assert terraform.connections(webs, workers) <= allowed < terraform.connections(webs, workers + 1)


def test_a_number_that_terraform_does_not_have_is_refused():
    with pytest.raises(LookupError, match="no number of_nothing"):
        terraform.number("compute.tf", "of_nothing")


@pytest.mark.parametrize(
    ("requests", "dollars"),
    [(1e6, 0.40), (100e9, 40_000), (150e9, 40_000 + 15_000), (300e9, 40_000 + 30_000 + 24_000)],
)
def test_sqs_is_cheaper_beyond_its_first_hundred_billion(requests, dollars):
    assert prices.sqs(requests / prices.SECONDS) == pytest.approx(dollars)
