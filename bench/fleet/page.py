"""The tables of docs/scaling.md, in Markdown."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.fleet import prices, terraform
from bench.fleet.calibration import MS, Calibration, calibrate
from bench.fleet.needs import RATES, ROWS, Needs, needs, production_costs
from bench.fleet.predictions import Prediction, percentile, predictions
from bench.fleet.production import intake, web_capacity, worker_capacity
from bench.fleet.scenarios import LARGE, Outcome, minutes, outcomes
from bench.fleet.sqs import MAX_IN_FLIGHT
from bench.tables import table

Record = dict[str, Any]

#: Seconds of a call of SQS, for the table of what a worker can do.
ROUND_TRIPS: Final = (0.010, 0.030, 0.100)

_BLOCK: Final = "<!-- {name} -->\n{text}\n<!-- end -->"


class Model:
    """The model's output for some results of the benchmark.

    Attributes:
        calibration: the costs.
        predictions: beside what was measured.
        needs: by rate.
        outcomes: of autoscaling.
    """

    def __init__(self, results: Record) -> None:
        self.calibration = calibrate(results)
        self.predictions = predictions(results, self.calibration)
        self._costs = production_costs(self.calibration)
        self._capacity = worker_capacity(self._costs)
        self.needs = [needs(self._costs, rate) for rate in RATES]
        self.outcomes = outcomes(self._capacity, next(need.workers for need in self.needs if need.rate == LARGE))

    def tables(self) -> dict[str, str]:
        """All tables by their names."""
        return {
            "costs": costs_table(self.calibration),
            "rates": rates_table([each for each in self.predictions if each.unit == "orders/s"]),
            "times": times_table([each for each in self.predictions if each.unit == "ms"]),
            "needs": needs_table(self.needs),
            "bounds": bounds_table(self.needs),
            "money": money_table(self.needs),
            "capacity": self._capacities(),
            "scaling": scaling_table(self.outcomes),
            "variables": variables_table(self.needs),
        }

    def _capacities(self) -> str:
        costs, processes = self._costs, terraform.processes("web")
        share = web_capacity(costs) * processes / terraform.size("web", "cpu") * 1024
        rows = []
        for count, vcpus, load in ((processes, 0.5, 0.7), (1, 1.0, 0.7), (1, 1.0, 0.9)):
            seen = intake(costs, share * vcpus * load, count, vcpus)
            rows.append(
                [
                    f"web: {count} on {vcpus:g} vCPU, {load:.0%} of what CPU allows",
                    f"{share * vcpus * load:,.0f}",
                    f"{sum(seen.sizes) / len(seen.sizes):.1f}",
                    f"{seen.busy:.0%}",
                    f"{percentile(seen.answers, 0.5) * MS:.0f}",
                    f"{percentile(seen.answers, 0.99) * MS:.0f}",
                ]
            )
        for round_trip in ROUND_TRIPS:
            capacity = worker_capacity(costs, round_trip=round_trip)
            rows.append([f"worker with a backlog, on 1 vCPU, {round_trip * MS:.0f} ms", f"{capacity:,.0f}"])
        return table(["processes of a task", "orders/s", "orders in a send", "CPU busy", "202: p50 ms", "p99 ms"], rows)


def costs_table(calibration: Calibration) -> str:
    """The costs, in microseconds of CPU."""
    costs = calibration.costs
    named = {
        "worker, main process, for each order": costs.worker.order,
        "worker, pool, for each batch": costs.worker.batch,
        "worker, once, its first batch": costs.worker.start,
        "MariaDB, for each statement": costs.statement.statement,
        "MariaDB, for each row, task events included": costs.statement.row,
        "web, for each POST": costs.web.order,
        "web, for each SendMessageBatch": costs.web.call,
        "proxy, for each call": costs.emulator.proxy,
        "emulator, for each call": costs.emulator.call,
    }
    return table(["what", "µs of CPU"], [[name, f"{value * 1e6:,.0f}"] for name, value in named.items()])


def rates_table(rates: Sequence[Prediction]) -> str:
    """The predicted rates."""
    rows = [
        [
            each.what,
            f"{each.measured:,.0f} ({each.least:,.0f} to {each.most:,.0f})",
            f"{each.predicted:,.0f}",
            f"{each.error:+.0%}",
            "" if each.blind is None else f"{each.blind:,.0f} ({each.blind / each.measured - 1:+.0%})",
        ]
        for each in rates
    ]
    return table(["", "measured, orders/s", "predicted", "error", "at the speed of the drains"], rows)


def times_table(times: Sequence[Prediction]) -> str:
    """The predicted times to persist."""
    rows = [
        [
            each.what,
            f"{each.measured:.0f} ({each.least:.0f} to {each.most:.0f})",
            f"{each.predicted:.0f}",
            f"{each.error:+.0%}",
            "yes" if each.is_close else "**no**",
        ]
        for each in times
    ]
    return table(["", "measured, ms", "predicted", "error", "within 15 %"], rows)


def needs_table(all_needs: Sequence[Needs]) -> str:
    """What each rate needs."""
    rows = [
        ["web tasks (processes)", *(f"{n.webs:,} ({n.webs * terraform.processes('web'):,})" for n in all_needs)],
        ["worker tasks", *(f"{n.workers:,}" for n in all_needs)],
        ["vCPUs of both", *(f"{n.cores:,.1f}" for n in all_needs)],
        ["SQS requests/s", *(f"{n.requests:,.0f}" for n in all_needs)],
        ["SQS requests/order", *(f"{n.requests / n.rate:.2f}" for n in all_needs)],
        ["orders in a worker's batch", *(f"{n.observed.batch:.0f}" for n in all_needs)],
        ["database commits/s", *(f"{n.commits:,.0f}" for n in all_needs)],
        ["database rows written/s", *(f"{n.rate * ROWS:,.0f}" for n in all_needs)],
        ["database cores busy", *(f"{n.database:.2f}" for n in all_needs)],
        ["database vCPUs", *(f"{n.vcpus or 'too many'}" for n in all_needs)],
        ["database connections", *(f"{n.connections:,}" for n in all_needs)],
        ["messages in flight, mean (most)", *(_in_flight(n) for n in all_needs)],
        ["202: p50, ms", *(f"{percentile(n.intake.answers, 0.5) * MS:.0f}" for n in all_needs)],
        ["time to persist: p50, ms", *(f"{percentile(n.observed.times, 0.5) * MS:.0f}" for n in all_needs)],
        ["time to persist: p99, ms", *(f"{percentile(n.observed.times, 0.99) * MS:.0f}" for n in all_needs)],
    ]
    return table(["orders/s", *(f"{n.rate:,.0f}" for n in all_needs)], rows)


def _in_flight(each: Needs) -> str:
    return f"{each.observed.in_flight:,.0f} ({each.observed.most_in_flight:,})"


def bounds_table(all_needs: Sequence[Needs]) -> str:
    """How much of each bound is used, and which comes first."""
    rows = [[name, *(f"{n.shares()[name]:.1%}" for n in all_needs)] for name in all_needs[0].shares()]
    rows.append(["nearest", *(max(n.shares(), key=lambda name, n=n: n.shares()[name]) for n in all_needs)])  # type: ignore[misc]
    rows.append(["days until the disk is full", *(f"{prices.days_of_storage(n.rate):,.0f}" for n in all_needs)])
    return table(["share of the bound, at orders/s", *(f"{n.rate:,.0f}" for n in all_needs)], rows)


def money_table(all_needs: Sequence[Needs]) -> str:
    """What a month costs."""
    parts = [n.dollars() for n in all_needs]
    rows = [[name, *(f"{dollars[name]:,.0f}" for dollars in parts)] for name in parts[0]]
    rows.append(["**together**", *(f"**{sum(dollars.values()):,.0f}**" for dollars in parts)])
    per_million = (sum(d.values()) / (n.rate * prices.SECONDS / 1e6) for d, n in zip(parts, all_needs, strict=True))
    rows.append(["for a million orders", *(f"{value:.2f}" for value in per_million)])
    rows.append(["storage of a month's rows, for each month", *(f"{prices.storage(n.rate):,.0f}" for n in all_needs)])
    return table(["USD a month, at orders/s", *(f"{n.rate:,.0f}" for n in all_needs)], rows)


def scaling_table(all_outcomes: Sequence[Outcome]) -> str:
    """What autoscaling does."""
    rows = [
        [
            each.scenario.name,
            f"{each.policy.least} to {each.policy.most}",
            f"{each.most_backlog:,.0f}",
            minutes(each.scaled_out_after),
            minutes(each.longest),
            minutes(each.gone_after),
        ]
        for each in all_outcomes
    ]
    head = ["", "workers", "largest backlog", "first new worker after", "longest time to persist", "backlog gone after"]
    return table(head, rows)


def variables_table(all_needs: Sequence[Needs]) -> str:
    """What Terraform's variables have to be."""
    quota = math.ceil(MAX_IN_FLIGHT * all_needs[0].workers / all_needs[0].full_in_flight)
    rows = [
        ["`web_count`", *(str(n.webs) for n in all_needs)],
        ["`worker_min`", *(str(n.workers) for n in all_needs)],
        ["`database_max_connections`", *(str(n.connections) for n in all_needs)],
        ["workers that would fill the quota in flight", *(str(quota) for _ in all_needs)],
    ]
    return table(["orders/s", *(f"{n.rate:,.0f}" for n in all_needs)], rows)


def replaced(page: str, tables: Mapping[str, str]) -> str:
    """A page with its tables as they are now.

    Raises:
        LookupError: it has no place for one of them.
    """
    for name, text in tables.items():
        place = re.compile(rf"<!-- {name} -->\n.*?<!-- end -->", re.DOTALL)
        block = _BLOCK.format(name=name, text=text)
        page, count = place.subn(lambda _, block=block: block, page)  # type: ignore[misc]
        if count != 1:
            raise LookupError(f"the page has {count} places for the table {name}")
    return page
