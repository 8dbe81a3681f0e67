"""`python -m bench.fleet`: print the tables of docs/scaling.md; with `--write` write them, and its plots."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final

from bench import peer_environments
from bench.fleet.page import Model, replaced
from bench.fleet.scenarios import Outcome
from tests.processes import ROOT

RESULTS: Final = ROOT / "bench" / "results" / "full.json"
PAGE: Final = ROOT / "docs" / "scaling.md"
PLOTS: Final = ROOT / "docs" / "images"

_EVERY: Final = 20  # seconds between two points of a plot


def main() -> None:
    """Read the results, run the model, print or write."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="raw results of `make bench`")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)} and its plots")
    given = parser.parse_args()
    model = Model(json.loads(given.results.read_text()))
    tables = model.tables()
    if not given.write:
        sys.stdout.write("\n\n".join(f"{name}:\n\n{text}" for name, text in tables.items()) + "\n")
        return
    PAGE.write_text(replaced(PAGE.read_text(), tables))
    _draw(model)


def _draw(model: Model) -> None:
    """Have the plots drawn, in the environment that has what draws."""
    python = peer_environments.python_bin(peer_environments.PLOTS) / "python"
    path = ROOT / "var" / "bench" / "fleet.json"
    series: dict[str, list[dict[str, Any]]] = {}
    for outcome in model.outcomes:
        series.setdefault(f"scaling-{outcome.scenario.kind}", []).append(_series(outcome))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(series))
    peer_environments.output([python, "-m", "bench.plots", path, PLOTS])


def _series(outcome: Outcome) -> dict[str, Any]:
    """An outcome's points for a plot: minutes, orders that wait, seconds to persist, workers."""
    course = outcome.course
    picked = range(0, len(course.backlog), _EVERY)
    return {
        "name": outcome.scenario.name,
        "minutes": [second / 60 for second in picked],
        "backlog": [course.backlog[second] for second in picked],
        "times": [course.times[second] for second in picked],
        "workers": [course.workers[second] for second in picked],
    }


if __name__ == "__main__":
    main()
