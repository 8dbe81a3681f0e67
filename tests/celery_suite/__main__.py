"""`python -m tests.celery_suite`: Celery's own integration tests, on this transport or on another for comparison."""

import argparse
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.celery_suite import brokers, sdist
from tests.celery_suite.expectations import compare, read_expected
from tests.celery_suite.groups import GROUPS, PARTS
from tests.celery_suite.report import differences, table
from tests.celery_suite.run import Run, run_group
from tests.processes import ROOT

FOLDER: Final = ROOT / "var" / "celery_suite"

#: The broker whose failures expected.toml lists.
OURS: Final = "sqs"


def main() -> int:
    """Run what the command line asks for; returns 1 if a failure is not expected, or an expected one is none."""
    arguments = _parse()
    if not brokers.installed():
        sys.exit("The environment of Celery's tests, or redis-server, is missing: make test-celery")
    FOLDER.mkdir(parents=True, exist_ok=True)
    groups = [arguments.group] if arguments.group else PARTS[arguments.part]
    runs = _run(groups, arguments.broker, arguments.expression, arguments.jobs)
    ours = arguments.broker == OURS
    _print(f"Celery {sdist.version()}, broker {arguments.broker}{brokers.SET_UP_AS if ours else ''}", *table(runs))
    if not ours:
        _print(f"expected.toml is about the broker {OURS}: nothing is expected of {arguments.broker}.")
    whole = len(groups) == len(GROUPS) and not arguments.expression
    comparison = compare(runs, read_expected() if ours else {}, whole=whole and ours)
    _print(*differences(comparison), f"logs: {FOLDER / arguments.broker}/GROUP/suite/pytest.log")
    return 1 if comparison.faults or (ours and not comparison.is_as_expected) else 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.celery_suite", description=__doc__)
    parser.add_argument("--broker", choices=brokers.BROKERS, default=OURS, help="sqs is this transport (default)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--part", choices=PARTS, default="all", help="groups to run (default: all)")
    which.add_argument("--group", choices=GROUPS, help="run this group alone")
    parser.add_argument("-k", dest="expression", default="", metavar="EXPRESSION", help="as pytest has it")
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="groups at the same time (default: 2)")
    return parser.parse_args()


def _run(groups: list[str], kind: str, expression: str, jobs: int) -> dict[str, Run]:
    archive = sdist.fetch(FOLDER)

    def run(group: str) -> Run:
        folder = FOLDER / kind / group
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        ended = run_group(group, kind, archive, folder, expression)
        _print(f"{group}: {ended.seconds:.0f} s")
        return ended

    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(groups, pool.map(run, groups), strict=True))


def _print(*lines: object) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
