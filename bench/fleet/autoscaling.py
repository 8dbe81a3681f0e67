"""Autoscaling over minutes and hours: backlog, workers and time to persist, second by second.

A worker stores at its capacity, which the model of single events gives. The rules are those of target tracking:
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html
"""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bench.fleet import terraform

MINUTE: Final = 60

#: Data points above the target after which the alarm that AWS makes for the policy fires; of a minute each.
OUT_AFTER: Final = 3

#: Data points below its lower threshold after which workers are removed, and that threshold's share of the target.
IN_AFTER: Final = 15
IN_BELOW: Final = 0.9

#: Workers that are removed at once. AWS says only that it scales in "more gradually" than out.
REMOVED: Final = 1

#: Seconds until a metric of SQS can be seen: it is sent once a minute.
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
METRIC_DELAY: Final = 60

#: Seconds until a task runs that ECS was asked for: terraform/compute/scaling.tf.
START: Final = 60


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A target tracking policy.

    Attributes:
        least: workers that always run.
        most: workers at the most.
        target: messages that wait, for each worker.
        out_cooldown: seconds after workers were added in which no others are.
        in_cooldown: seconds after workers were removed in which no others are.
    """

    least: int
    most: int
    target: float
    out_cooldown: int
    in_cooldown: int

    @classmethod
    def of_terraform(cls, least: int | None = None, most: int | None = None) -> "Policy":
        """This project's, with other numbers of workers if given."""
        return cls(
            least=least or terraform.number("compute.tf", "worker_min"),
            most=most or terraform.number("compute.tf", "worker_max"),
            target=terraform.number("compute/limits.tf", "worker_orders_per_second")
            * terraform.number("compute/limits.tf", "acceptable_wait"),
            out_cooldown=terraform.number("compute/scaling.tf", "scale_out_cooldown"),
            in_cooldown=terraform.number("compute/scaling.tf", "scale_in_cooldown"),
        )


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """What happens.

    Attributes:
        kind: of scenario.
        name: in a few words.
        seconds: how long.
        arrivals: orders per second at a second.
        is_out: whether the database is away at a second.
        begin: the second at which it begins to be something special.
    """

    kind: str
    name: str
    seconds: int
    arrivals: Callable[[int], float]
    is_out: Callable[[int], bool]
    begin: int = 0


@dataclass(frozen=True, kw_only=True)
class Course:
    """What came of it, for each second.

    Attributes:
        backlog: orders that are sent and not stored.
        workers: that run.
        times: seconds until the order that is sent then is stored; infinite where it is not stored by the end.
    """

    backlog: list[float]
    workers: list[int]
    times: list[float]


class _Scaler:
    """Decides, once a minute, how many workers there are to be."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._points: deque[float] = deque(maxlen=IN_AFTER)
        self._out_at = self._in_at = -math.inf
        self._starting: list[int] = []
        self.running = policy.least

    def start_due(self, second: int) -> None:
        """Let those run that have been started for long enough."""
        ready = sum(at <= second for at in self._starting)
        self._starting = [at for at in self._starting if at > second]
        self.running += ready

    def look(self, second: int, waiting: float, running: int) -> None:
        """Take a data point, and scale.

        Args:
            second: now.
            waiting: messages that waited, on average over the minute of the point.
            running: workers that ran then.
        """
        self._points.append(waiting / running)
        if len(self._points) >= OUT_AFTER and min(list(self._points)[-OUT_AFTER:]) > self._policy.target:
            self._scale_out(second)
        elif len(self._points) == IN_AFTER and max(self._points) < IN_BELOW * self._policy.target:
            self._scale_in(second)

    def _scale_out(self, second: int) -> None:
        """Add workers in proportion to the metric."""
        desired = self.running + len(self._starting)
        wanted = min(self._policy.most, math.ceil(desired * self._points[-1] / self._policy.target))
        if wanted > desired and second - self._out_at >= self._policy.out_cooldown:
            self._starting += [second + START] * (wanted - desired)
            self._out_at = second

    def _scale_in(self, second: int) -> None:
        """Remove a few."""
        is_over = second - max(self._in_at, self._out_at) >= self._policy.in_cooldown
        if is_over and self.running > self._policy.least:
            self.running = max(self._policy.least, self.running - REMOVED)
            self._in_at = second


def follow(scenario: Scenario, policy: Policy, capacity: float) -> Course:
    """Follow a scenario.

    Args:
        scenario: what happens.
        policy: of the workers.
        capacity: orders per second of one worker.
    """
    scaler = _Scaler(policy)
    sent, stored = [0.0], [0.0]
    backlogs: list[float] = []
    workers: list[int] = []
    seen: deque[tuple[float, int]] = deque()
    for second in range(scenario.seconds):
        scaler.start_due(second)
        sent.append(sent[-1] + scenario.arrivals(second))
        able = 0.0 if scenario.is_out(second) else scaler.running * capacity
        stored.append(min(sent[-1], stored[-1] + able))
        backlogs.append(sent[-1] - stored[-1])
        workers.append(scaler.running)
        if (second + 1) % MINUTE == 0:
            seen.append((sum(backlogs[-MINUTE:]) / MINUTE, scaler.running))
            if len(seen) > METRIC_DELAY // MINUTE:
                waiting, running = seen.popleft()
                scaler.look(second, waiting, running)
    return Course(backlog=backlogs, workers=workers, times=_times(sent, stored))


def _times(sent: list[float], stored: list[float]) -> list[float]:
    """For each second, how long its last order waits: until as many are stored as were sent by then."""
    times = []
    for second, count in enumerate(sent[1:], start=1):
        at = bisect_left(stored, count - 1e-6)
        times.append(math.inf if at == len(stored) else float(max(0, at - second)))
    return times
