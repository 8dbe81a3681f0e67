"""`python -m tests.faults`: one run of random faults after the other, and a table of what became of the orders."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from config.queues import ORDER_QUEUE
from tests.emulator import Ministack
from tests.faults.cluster import KILLING_APP, Cluster
from tests.faults.history import History
from tests.faults.kinds import KINDS, LASTING, RETENTION_PASSED, SHORTEST_RETENTION
from tests.faults.run import Report, run
from tests.faults.schedule import Fault, draw_schedule
from tests.mariadb import MariaDB, installed
from tests.processes import ROOT

LOGS: Final = ROOT / "var" / "faults"
VISIBILITY_TIMEOUT: Final = 6  # seconds; with the house's 30 everything takes five times as long

HEAD: Final = (
    "| seed | faults | lasting fault | accepted | stored | dead as expected | lost | duplicated | good orders dead "
    "| slowest order |\n|---:|---:|---|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> int:
    """Run the seeds that the command line asks for; returns 1 if anything is wrong."""
    arguments = _parse()
    if not installed():
        sys.exit("mariadbd is not installed: sh tests/install-packages.sh")
    seeds = [arguments.seed] if arguments.seed is not None else range(1, arguments.seeds + 1)
    reports, rows = [], []
    for seed in seeds:
        schedule = draw_schedule(seed, arguments.seconds, VISIBILITY_TIMEOUT, arguments.only)
        _print(f"seed {seed}: {len(schedule)} faults in {arguments.seconds:g} s ...")
        report = _run(seed, schedule)
        _print_report(seed, schedule, report)
        reports.append(report)
        rows.append(_row(seed, report))
    _print("", HEAD, *rows, _total(reports))
    return 0 if all(report.passed for report in reports) else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seeds", type=int, default=20, metavar="N", help="run the seeds from 1 to N (default: 20)")
    which.add_argument("--seed", type=int, help="run this seed alone")
    parser.add_argument("--only", choices=KINDS, metavar="KIND", help=f"of fault, one of: {', '.join(KINDS)}")
    parser.add_argument(
        "--seconds", type=float, default=60, metavar="T", help="of brief faults in each run (default: 60)"
    )
    return parser.parse_args()


def _run(seed: int, schedule: list[Fault]) -> Report:
    """One run on servers of its own."""
    folder = LOGS / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as data:
        for name in ("mariadb", "emulator"):
            (Path(data) / name).mkdir()
        server, emulator = MariaDB(Path(data) / "mariadb"), Ministack(Path(data) / "emulator")
        try:
            with _cluster(seed, schedule, emulator, server, folder) as cluster:
                return run(cluster, server, schedule, History(folder / "history.log"), seed)
        finally:
            emulator.stop()
            server.stop()


def _cluster(seed: int, schedule: list[Fault], emulator: Ministack, server: MariaDB, folder: Path) -> Cluster:
    """A cluster that all these faults can be injected into."""
    passes_retention = any(fault.kind == RETENTION_PASSED for fault in schedule)
    return Cluster(
        emulator,
        server,
        folder,
        VISIBILITY_TIMEOUT,
        seed=seed,
        application=KILLING_APP,
        retention=SHORTEST_RETENTION if passes_retention else ORDER_QUEUE.retention,
        database_proxy=True,
        rescues=True,
    )


def _print_report(seed: int, schedule: list[Fault], report: Report) -> None:
    responses = ", ".join(f"{number} x {status or 'none'}" for status, number in sorted(report.responses.items()))
    faults = ", ".join(f"{number} {kind}" for kind, number in sorted(report.faults.items()))
    effects = ", ".join(f"{number} {effect}" for effect, number in sorted(report.effects.items()))
    outcome = "passed" if report.passed else "FAILED"
    _print(
        f"seed {seed}: {outcome}; injected: {faults}; responses: {responses}; "
        f"the queue was empty {report.drain_seconds:.0f} s after the last fault" + (f"; {effects}" if effects else "")
    )
    if not report.passed:
        _print(report, f"logs: {LOGS / str(seed)}", "schedule:", *schedule)


def _row(seed: int, report: Report) -> str:
    lasting = ", ".join(kind for kind in report.faults if kind in LASTING)
    cells = (seed, report.faults.total(), lasting, *_numbers(report), f"{report.max_seconds:.1f} s")
    return "| " + " | ".join(map(str, cells)) + " |"


def _total(reports: list[Report]) -> str:
    sums = [sum(numbers) for numbers in zip(*map(_numbers, reports), strict=True)]
    cells = ("all", sum(report.faults.total() for report in reports), "", *sums, "")
    return "| " + " | ".join(map(str, cells)) + " |"


def _numbers(report: Report) -> tuple[int, ...]:
    """The figures of a row that can be added up."""
    anomalies = report.anomalies
    return (
        report.accepted,
        report.stored,
        report.expected_dead - len(anomalies.not_dead),
        len(anomalies.lost) + len(anomalies.waiting),
        len(anomalies.duplicated),
        len(anomalies.dead),
    )


def _print(*lines: object) -> None:
    sys.stdout.write("\n".join(map(str, lines)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
