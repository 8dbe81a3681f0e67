"""`python -m bench`: measure everything, write the raw results, the report and its plots."""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import machine, peer_environments, plan, report
from bench.contenders import NAMES, Contenders
from bench.plan import Results
from bench.size import FULL, PARTS, QUICK, Size
from bench.steps import Steps
from bench.testbed import start_testbed
from tests import mariadb
from tests.processes import ROOT

PUBLISHED: Final = ROOT / "bench" / "results"
#: The emulators to choose from. The first is that of the published results.
BENCHED: Final = ("simulated", "ministack")
USUAL_EMULATOR: Final = BENCHED[0]
#: Where quick and partial runs go: they must not replace published results.
UNPUBLISHED: Final = ROOT / "var" / "bench" / "results"


def main() -> None:
    """Read the arguments and run, or only write the report of earlier results again."""
    given = _arguments()
    # An exception, so that every process that was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by SIGTERM"))
    console = Console(soft_wrap=True)
    if given.render:
        _write_report(given.render)
        return
    if not mariadb.installed():
        sys.exit("bench: mariadbd is not installed; run tests/install-packages.sh")
    is_other = tuple(given.only) != PARTS or given.emulator != USUAL_EMULATOR
    folder = given.into or (UNPUBLISHED if given.quick or is_other else PUBLISHED)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{given.name or ('quick' if given.quick else 'full')}.json"
    size = QUICK if given.quick else FULL
    size = replace(size, repetitions=given.repetitions) if given.repetitions else size
    _measure(size, given, console, path)
    _write_report(path)
    console.print(f"Results: {path}, and the tables beside it in README.md", markup=False)


def _measure(size: Size, given: argparse.Namespace, console: Console, path: Path) -> None:
    console.print("Setting up the peers' environments, the emulator and the database ...")
    with start_testbed(given.emulator) as testbed:
        contenders = Contenders(testbed, shlex.split(given.ours_args))
        for name in NAMES:
            if reason := contenders.prepare(name):
                console.print(f"{name} cannot run: {reason}", markup=False)
        head = {
            "name": path.stem,
            "quick": given.quick,
            "sqs": given.emulator,
            "at": datetime.now(UTC).isoformat(timespec="minutes"),
            "machine": machine.facts(),
            "size": asdict(size),
            "commands": contenders.described(),
            "versions": peer_environments.versions(),
        }
        results: Results = {}
        steps = Steps(testbed, contenders, size, results).of(given.only)
        seconds = plan.estimate(steps)
        for part, expected in seconds.items():
            console.print(f"  {part}: about {timedelta(seconds=round(expected))}", highlight=False)
        console.print(f"  together about {timedelta(seconds=round(sum(seconds.values())))}", highlight=False)

        def save() -> None:
            path.write_text(json.dumps(head | results, indent=1) + "\n")

        plan.run(steps, results, console, save)


def _write_report(path: Path) -> None:
    """Write README.md and its plots to the folder of the results. remarks.md of that folder becomes part of it."""
    results: dict[str, Any] = json.loads(path.read_text())
    python = peer_environments.python_bin(peer_environments.PLOTS) / "python"
    plots = peer_environments.output([python, "-m", "bench.plots", path, path.parent]).split()
    remarks = path.parent / "remarks.md"
    text = report.markdown(results, path.name, plots, remarks.read_text().strip() if remarks.exists() else "")
    (path.parent / "README.md").write_text(text)


def _arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    quick = os.environ.get("QUICK", "") not in {"", "0"}
    parser.add_argument("--quick", action="store_true", default=quick, help="under three minutes; also QUICK=1")
    parser.add_argument("--name", help="of the results' file; full or quick unless given")
    parser.add_argument("--into", type=Path, help="folder of the results")
    parser.add_argument(
        "--emulator", default=USUAL_EMULATOR, choices=BENCHED, help="that stands for SQS, for all alike"
    )
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    parser.add_argument("--repetitions", type=int, help="of each measurement")
    parser.add_argument("--ours-args", default="", help="arguments of this project's worker, in one string")
    parser.add_argument("--render", type=Path, metavar="JSON", help="write the report of earlier results, and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
