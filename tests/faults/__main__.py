"""`python -m tests.faults`: storms of faults, one after the other, and a table of what became of them."""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.emulator import Ministack
from tests.faults.journal import Journal
from tests.faults.stage import Stage
from tests.faults.storm import Report, Storm
from tests.faults.weather import Fault, forecast
from tests.mariadb import MariaDB, installed
from tests.processes import ROOT

LOGS: Final = ROOT / "var" / "faults"
VISIBILITY_TIMEOUT: Final = 6  # seconds; the house's 30 would only make everything take five times as long

HEAD: Final = (
    "| seed | faults | accepted | stored | dead (doomed) | lost | doubled | good orders dead | slowest order |\n"
    "|---:|---|---:|---:|---:|---:|---:|---:|---:|"
)


def main() -> int:
    """Run the storms that the command line asks for; 1 if anything was wrong."""
    arguments = _parse()
    if not installed():
        sys.exit("mariadbd is not installed: sh tests/install-packages.sh")
    seeds = [arguments.seed] if arguments.seed is not None else range(1, arguments.seeds + 1)
    rows, well = [], True
    for seed in seeds:
        faults = forecast(seed, arguments.seconds, VISIBILITY_TIMEOUT)
        _say(f"seed {seed}: {len(faults)} faults in {arguments.seconds:g} s ...")
        report = _storm(seed, faults)
        _tell(seed, faults, report)
        rows.append(_row(seed, report))
        well = well and report.clean
    _say("", HEAD, *rows)
    return 0 if well else 1


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--seeds", type=int, default=10, metavar="N", help="run the seeds from 1 to N (default: 10)")
    which.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--seconds", type=float, default=60, metavar="T", help="of faults in each storm (default: 60)")
    return parser.parse_args()


def _storm(seed: int, faults: list[Fault]) -> Report:
    """One storm on servers of its own."""
    folder = LOGS / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as data:
        for name in ("mariadb", "emulator"):
            (Path(data) / name).mkdir()
        server, emulator = MariaDB(Path(data) / "mariadb"), Ministack(Path(data) / "emulator")
        try:
            with Stage(emulator, server, folder, VISIBILITY_TIMEOUT, seed=seed) as stage:
                return Storm(stage, server, faults, Journal(folder / "journal.log")).run(seed)
        finally:
            emulator.stop()
            server.stop()


def _tell(seed: int, faults: list[Fault], report: Report) -> None:
    answers = ", ".join(f"{number} x {status or 'none'}" for status, number in sorted(report.answers.items()))
    fate = "well" if report.clean else "NOT WELL"
    _say(f"seed {seed}: {fate}; answers: {answers}; the queue was empty {report.drained:.0f} s after the last fault")
    if not report.clean:
        _say(report, f"logs: {LOGS / str(seed)}", "schedule:", *faults)


def _row(seed: int, report: Report) -> str:
    faults = ", ".join(f"{number} {kind}" for kind, number in sorted(report.faults.items()))
    verdict = report.verdict
    escaped = f" - {len(verdict.escaped)} not there" if verdict.escaped else ""
    unexplained = f" - {len(verdict.unexplained)} without reason" if verdict.unexplained else ""
    numbers = (
        report.accepted,
        report.stored,
        f"{report.doomed}{escaped}{unexplained}",
        len(verdict.lost) + len(verdict.waiting),
        len(verdict.doubled),
        len(verdict.dead),
        f"{report.slowest:.1f} s",
    )
    return f"| {seed} | {faults} | " + " | ".join(map(str, numbers)) + " |"


def _say(*lines: object) -> None:
    sys.stdout.write("\n".join(map(str, lines)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
