"""What the reports of tasks cost: `python -m bench.feed` drains with them and without, in turn.

It writes the raw results beside the benchmark's, and prints the medians.
"""

import argparse
import json
import statistics
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console

from bench import machine
from bench.__main__ import PUBLISHED
from bench.contenders import Field, own_form
from bench.drain import drain
from bench.rig import rig

WITH: Final = "with reports"
WITHOUT: Final = "without"
SETTINGS: Final = {WITHOUT: {"TASK_EVENTS": "false"}, WITH: {"TASK_EVENTS": "true"}}

LIMIT: Final = 60.0  # seconds that a drain may take


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--backlog", type=int, default=12_000, help="orders in the queue")
    parser.add_argument("--round-trip", type=int, default=10, help="milliseconds added to each call of SQS")
    given, console = parser.parse_args(), Console(highlight=False, soft_wrap=True)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in SETTINGS}
    with rig() as shared:
        with shared.line(0) as line:
            form = own_form(line)
        ours = Field(PUBLISHED, form, form, (), given.backlog).ours()
        for number in range(given.repetitions):
            # What runs first in one repetition runs second in the next.
            for name in sorted(SETTINGS, reverse=number % 2 == 0):
                contender = replace(ours, settings={**ours.settings, **SETTINGS[name]})
                runs[name].append(drain(shared, contender, given.round_trip, LIMIT))
                console.print(f"{name:13} {runs[name][-1]['rate']:6.0f} orders/s {runs[name][-1]['cpu_ms']:.2f} ms")
    at = datetime.now(UTC).isoformat(timespec="minutes")
    result = {"at": at, "machine": machine.facts(), "size": vars(given), "runs": runs}
    (PUBLISHED / "feed.json").write_text(json.dumps(result, indent=1) + "\n")
    rate = {name: statistics.median(run["rate"] for run in of) for name, of in runs.items()}
    cpu = {name: statistics.median(run["cpu_ms"] for run in of) for name, of in runs.items()}
    console.print(
        f"medians: {rate[WITH]:.0f} against {rate[WITHOUT]:.0f} orders/s, {rate[WITH] / rate[WITHOUT]:.2f} of it;"
    )
    console.print(f"the worker's CPU per order {cpu[WITH]:.2f} against {cpu[WITHOUT]:.2f} ms")


if __name__ == "__main__":
    main()
