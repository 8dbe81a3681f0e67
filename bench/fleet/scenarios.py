"""What autoscaling is asked to follow, and what came of it."""

import math
from dataclasses import dataclass
from typing import Final

from bench.fleet import terraform
from bench.fleet.autoscaling import MINUTE, Course, Policy, Scenario, follow

HOUR: Final = 60 * MINUTE

#: Seconds before anything happens.
BEFORE: Final = 10 * MINUTE

#: Orders per second of the scenarios.
USUAL: Final = 1_000
LARGE: Final = 10_000

RUSH: Final = 30 * MINUTE
RUSH_FACTOR: Final = 10


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A scenario with its policy and its course.

    Attributes:
        scenario: what happened.
        policy: of the workers.
        course: what came of it.
    """

    scenario: Scenario
    policy: Policy
    course: Course

    @property
    def most_backlog(self) -> float:
        """Orders that waited, at the most."""
        return max(self.course.backlog)

    @property
    def longest(self) -> float:
        """Seconds to persist of the order that took longest; infinite where some are not stored by the end."""
        return max(self.course.times)

    @property
    def scaled_out_after(self) -> int | None:
        """Seconds from the beginning of the scenario until the first further worker runs; None: it never does."""
        begin, least = self.scenario.begin, self.policy.least
        return next((second - begin for second, count in enumerate(self.course.workers) if count > least), None)

    @property
    def gone_after(self) -> int | None:
        """Seconds from the same moment until all orders that waited are stored; None: they are not by the end."""
        late = [second for second, backlog in enumerate(self.course.backlog) if backlog >= 1]
        if not late:
            return 0
        return None if late[-1] == len(self.course.backlog) - 1 else late[-1] + 1 - self.scenario.begin


def steady(rate: float) -> Scenario:
    """The same rate for three hours."""
    return Scenario(
        kind="steady",
        name=f"{rate:,.0f} orders/s, all the time",
        seconds=3 * HOUR,
        arrivals=lambda _: rate,
        is_out=lambda _: False,
    )


def rush(rate: float, with_what: str = "") -> Scenario:
    """Ten times the rate for half an hour."""
    return Scenario(
        kind="rush",
        name=f"{rate:,.0f} orders/s, ten times that for half an hour{with_what}",
        seconds=2 * HOUR,
        arrivals=lambda second: rate * (RUSH_FACTOR if BEFORE <= second < BEFORE + RUSH else 1),
        is_out=lambda _: False,
        begin=BEFORE,
    )


def outage(rate: float) -> Scenario:
    """An hour in which the database stores nothing."""
    return Scenario(
        kind="outage",
        name=f"{rate:,.0f} orders/s, the database away for an hour",
        seconds=3 * HOUR,
        arrivals=lambda _: rate,
        is_out=lambda second: BEFORE <= second < BEFORE + HOUR,
        begin=BEFORE,
    )


def outcomes(capacity: float, workers: int) -> list[Outcome]:
    """All scenarios: at the usual rate with Terraform's defaults, and at the large one.

    Args:
        capacity: orders per second of one worker.
        workers: those that the large rate needs.
    """
    defaults, larger = Policy.of_terraform(), Policy.of_terraform(workers, RUSH_FACTOR * workers)
    planned = [
        (rush(USUAL), defaults),
        (outage(USUAL), defaults),
        (rush(LARGE), larger),
        (outage(LARGE), larger),
        (steady(LARGE), Policy.of_terraform(defaults.least, workers)),
    ]
    found = [
        Outcome(scenario=scenario, policy=policy, course=follow(scenario, policy, capacity))
        for scenario, policy in planned
    ]
    assumed = terraform.number("compute/limits.tf", "worker_orders_per_second")
    slower = rush(USUAL, f", with workers that store {assumed:,}")
    return [*found, Outcome(scenario=slower, policy=defaults, course=follow(slower, defaults, assumed))]


def minutes(seconds: float | None) -> str:
    """A duration as text."""
    if seconds is None or math.isinf(seconds):
        return "not by the end"
    return f"{seconds:.0f} s" if seconds < 2 * MINUTE else f"{seconds / MINUTE:.0f} min"
