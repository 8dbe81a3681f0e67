"""`python -m bench`: measure everything, write the raw results and the report."""

import argparse
import json
import os
import shlex
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import contenders, machine, report
from bench.environment import peers_bin
from bench.plan import FULL, PARTS, QUICK, Plan, Records, Size
from bench.rig import Rig, rig
from tests import mariadb
from tests.processes import ROOT

PUBLISHED: Final = ROOT / "bench" / "results"
#: Where quick runs go: they check the benchmark, and must not replace published results.
UNPUBLISHED: Final = ROOT / "var" / "bench" / "results"


def main() -> None:
    """Read the arguments and run, or only write the report of earlier results anew."""
    given = _arguments()
    # An exception, so that every process that was started is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: ended by SIGTERM"))
    folder = given.into or (UNPUBLISHED if given.quick else PUBLISHED)
    name = given.name or ("quick" if given.quick else "full")
    console = Console(soft_wrap=True)
    if given.render:
        _write_report(given.render)
        return
    if not mariadb.installed():
        sys.exit("bench: mariadbd is not installed; run tests/install-packages.sh")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    size = QUICK if given.quick else FULL
    changes = {"repetitions": given.repetitions, "scale": given.backlog}
    size = replace(size, **{name: value for name, value in changes.items() if value})
    console.print("Setting up the peers' environment, the emulator and the database ...")
    peers = peers_bin()
    with rig() as shared:
        _run(shared, peers, size, given, console, path)
    _write_report(path)
    console.print(f"Results: {path}, and the tables beside it in README.md", markup=False)


def _run(shared: Rig, peers: Path, size: Size, given: argparse.Namespace, console: Console, path: Path) -> None:
    with shared.line(0) as line:
        kombu = contenders.kombu_form(line, peers)
    with shared.line(0) as line:
        own = contenders.own_form(line)
    field = contenders.Field(peers, kombu, own, shlex.split(given.ours_args), size.scale)
    head = {
        "name": path.stem,
        "quick": given.quick,
        "at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": machine.facts(),
        "size": vars(size),
        "commands": {name: field.named(name, "OPTIONS").described() for name in contenders.NAMES},
    }

    def save(results: dict[str, Records]) -> None:
        path.write_text(json.dumps(head | results, indent=1) + "\n")

    Plan(shared, field, size, given.only).run(console, save)


def _write_report(path: Path) -> str:
    results: dict[str, Any] = json.loads(path.read_text())
    text = report.markdown(results, path.name)
    (path.parent / "README.md").write_text(text)
    return text


def _arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    quick = os.environ.get("QUICK", "") not in {"", "0"}
    parser.add_argument("--quick", action="store_true", default=quick, help="under three minutes; also QUICK=1")
    parser.add_argument("--name", help="of the results' file; full or quick unless given")
    parser.add_argument("--into", type=Path, help="folder of the results")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="parts to measure")
    parser.add_argument("--repetitions", type=int, help="of each measurement")
    parser.add_argument("--backlog", type=int, help="orders in the longest backlog")
    parser.add_argument("--ours-args", default="", help="arguments of this project's worker, in one string")
    parser.add_argument("--render", type=Path, metavar="JSON", help="write the report of earlier results, and end")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
