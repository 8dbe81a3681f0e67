"""The run: its steps in their order, each with an estimate, and their results."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from rich.console import Console

from tests.processes import ROOT

Records = list[dict[str, Any]]
Results = dict[str, Records]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One measurement, and one line of the progress display.

    Attributes:
        part: of the results, to which its records belong.
        about: the fields of all its records, also when it fails.
        estimate: seconds that it takes, roughly.
        work: measures; returns records.
    """

    part: str
    about: dict[str, Any]
    estimate: float
    work: Callable[[], Records]

    def records(self) -> Records:
        """Measure; returns a record with the error where that fails, so that the other steps still run."""
        try:
            return [self.about | record for record in self.work()]
        # Any error: an hour of other measurements must not be lost with it.
        except Exception as error:
            lines = str(error).strip().splitlines() or [""]
            reason = f"{type(error).__name__}: {lines[-1][:300]}"
            return [self.about | {"error": reason.replace(str(ROOT), ".").replace(tempfile.gettempdir(), "...")}]

    def __str__(self) -> str:
        """A short description."""
        return ", ".join([self.part, *(str(value) for key, value in self.about.items() if key != "repetition")])


def estimate(steps: Sequence[Step]) -> dict[str, float]:
    """Seconds by part, roughly."""
    parts: dict[str, float] = {}
    for step in steps:
        parts[step.part] = parts.get(step.part, 0) + step.estimate
    return parts


def run(steps: Sequence[Step], results: Results, console: Console, save: Callable[[], None]) -> None:
    """Run all steps.

    Args:
        steps: in their order.
        results: get the records, by part.
        console: shows the progress and the time left.
        save: is called after each step.
    """
    begin, done = time.monotonic(), 0.0
    for number, step in enumerate(steps, start=1):
        with console.status(str(step)):
            records = step.records()
        results.setdefault(step.part, []).extend(records)
        save()
        done += step.estimate
        ratio = (time.monotonic() - begin) / done
        left = timedelta(seconds=round(ratio * sum(later.estimate for later in steps[number:])))
        summaries = "; ".join(summary(record) for record in records)
        console.print(f"{number}/{len(steps)} {step}: {summaries} (about {left} left)", highlight=False, markup=False)


def summary(record: dict[str, Any]) -> str:
    """A record in a few words."""
    for key, described in _DESCRIBED.items():
        if key in record:
            return described(record)
    return f"{record['rate']:.0f} orders/s"


def _long_run(record: dict[str, Any]) -> str:
    first, last = record["samples"][0], record["samples"][-1]
    return f"{first['mib']:.0f} MiB at first, {last['mib']:.0f} after {record['stored']} orders"


def _load(record: dict[str, Any]) -> str:
    errors = f", errors {record['errors']}" if record["errors"] else ""
    return f"{record['connections']}: {record['rate']:.0f} orders/s, p99 {record['p99_ms']:.0f} ms{errors}"


def _drain(record: dict[str, Any]) -> str:
    calls = sum(record["calls"].values()) / record["stored"]
    return f"{record['rate']:.0f} orders/s, {calls:.2f} calls/order ({record['stored']} of {record['backlog']} stored)"


#: How a record is described, by a key that only its kind has; the first that fits.
_DESCRIBED: Final[dict[str, Callable[[dict[str, Any]], str]]] = {
    "error": lambda record: f"failed: {record['error']}",
    "per_minute": lambda record: f"{record['contender']} {record['per_minute']:.1f} calls/min",
    "samples": _long_run,
    "connections": _load,
    "p99_ms": lambda record: (
        f"p50 {record['p50_ms']:.0f} ms, p99 {record['p99_ms']:.0f} ms, missing {record['missing']}"
    ),
    "seconds": lambda record: f"{record['seconds']:.1f} s",
    "stored": _drain,
}
