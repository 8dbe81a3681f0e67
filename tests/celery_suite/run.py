"""One group of tests: a pytest process, which is ended when it hangs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.celery_suite import brokers, outcomes
from tests.celery_suite.groups import selection
from tests.celery_suite.outcomes import Outcome
from tests.celery_suite.sdist import unpack
from tests.processes import Process

TEST_LIMIT: Final = 30  # seconds for a test, with its fixtures

#: Seconds without any report of a test after which its process is ended. A test over TEST_LIMIT is one; but in a test
#: of several parts only the first such part ends by that, and the others take their time: 140 s at the most.
STALL_LIMIT: Final = 240.0
PAUSE: Final = 0.2  # seconds between two looks

#: Exit codes of pytest after which the outcomes are those of all tests: passed, failed, none selected.
COMPLETE: Final = (0, 1, 5)


@dataclass(frozen=True)
class Run:
    """What a pytest process has reported.

    Attributes:
        tests: the outcome of each test, by its id.
        fault: what was wrong with the process itself; empty where nothing was.
        seconds: how long it ran.
    """

    tests: Mapping[str, Outcome]
    fault: str
    seconds: float


def run_group(group: str, kind: str, archive: Path, folder: Path, expression: str) -> Run:
    """Run one group on a broker of its own.

    Args:
        group: one of `groups.GROUPS`.
        kind: one of `brokers.BROKERS`.
        archive: Celery's source distribution.
        folder: an empty one, which keeps the logs.
        expression: pytest's `-k`; empty for all tests.
    """
    suite = folder / "suite"
    unpack(archive, suite)
    with brokers.running(kind, folder) as broker:
        brokers.configure(suite, broker)
        limits = ["-k", expression] if expression else []
        command = [*brokers.command(), *limits, "--timeout", str(TEST_LIMIT), *selection(group)]
        return run_pytest(command, suite, {**brokers.variables(), **broker.environment}, STALL_LIMIT)


def run_pytest(command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], stall_limit: float) -> Run:
    """Run pytest in a folder until it ends, or has reported nothing for `stall_limit` seconds."""
    file, log = folder / "outcomes.jsonl", folder / "pytest.log"
    plugin = ["-p", outcomes.__name__, "-p", "no:cacheprovider", "--rootdir", folder]
    began = time.monotonic()
    process = Process([*command, *plugin], log, {**environment, outcomes.FILE: str(file)}, folder)
    try:
        hung = _hangs(process, file, stall_limit)
        code = process.returncode
    finally:
        process.stop()
    seconds = time.monotonic() - began
    if hung:
        fault = f"it hung and was ended: no test reported anything for {stall_limit:g} s: {log}"
    else:
        fault = "" if code in COMPLETE else f"pytest ended with {code}: {log}"
    return Run(outcomes.read(file), fault, seconds)


def _hangs(process: Process, file: Path, stall_limit: float) -> bool:
    """Wait for the end of a process; whether it stopped reporting before."""
    size, since = 0, time.monotonic()
    while process.returncode is None:
        now = file.stat().st_size if file.exists() else 0
        if now != size:
            size, since = now, time.monotonic()
        if time.monotonic() - since > stall_limit:
            return True
        time.sleep(PAUSE)
    return False
