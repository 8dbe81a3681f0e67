"""What became of each test: a pytest plug-in that writes it down as it happens, and how to read that.

One JSON object a line, so that what is known outlives a pytest process that hangs or is killed.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from tests.celery_suite.groups import FOLDER

#: Names the file in the environment of pytest.
FILE: Final = "CELERY_SUITE_OUTCOMES"

ERROR_LENGTH: Final = 160  # characters of an error that are kept

#: No test of ours is skipped here. Celery's suite skips what needs another backend or system, and marks what it knows
#: to fail (pytest's `xfail`). Both are counted apart: this transport has neither passed nor failed them.
Kind = Literal["passed", "failed", "skipped", "xfailed"]


@dataclass(frozen=True)
class Outcome:
    """The end of one test.

    Attributes:
        kind: `xfailed` is a failure that the suite itself expects.
        error: the first line of the error, where it failed.
    """

    kind: Kind
    error: str = ""


def read(file: Path) -> dict[str, Outcome]:
    """The outcome of each test that was collected, by its id. One that did not end has failed."""
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    reports: dict[str, list[Mapping[str, Any]]] = {}
    for line in lines:
        if "collected" in line:
            reports.update({test: [] for test in line["collected"]})
        else:
            reports[line["test"]].append(line)
    return {test: _outcome(phases) for test, phases in reports.items()}


def _outcome(phases: list[Mapping[str, Any]]) -> Outcome:
    for phase in phases:
        if phase["outcome"] == "failed":
            return Outcome("failed", phase["error"])
    if not phases:
        return Outcome("failed", "it did not begin")
    if phases[-1]["when"] != "teardown":
        return Outcome("failed", "it did not end")
    skipped = [phase for phase in phases if phase["outcome"] == "skipped"]
    if skipped:
        return Outcome("xfailed" if skipped[0]["xfail"] else "skipped")
    return Outcome("passed")


def pytest_collection_finish(session: Any) -> None:
    """Write down which tests there are."""
    _write({"collected": [_id(item.nodeid) for item in session.items]})


def pytest_runtest_logreport(report: Any) -> None:
    """Write down how a test's setup, call or teardown ended. A part of a test (a subtest) counts if it failed."""
    if isinstance(report, pytest.SubtestReport) and not report.failed:
        return
    _write(
        {
            "test": _id(report.nodeid),
            "when": report.when,
            "outcome": report.outcome,
            "xfail": hasattr(report, "wasxfail"),
            "error": _error(report) if report.failed else "",
        }
    )


def _id(node_id: str) -> str:
    return node_id.removeprefix(f"{FOLDER}/")


def _error(report: Any) -> str:
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(report.longrepr) if crash is None else crash.message
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:ERROR_LENGTH]


def _write(line: Mapping[str, Any]) -> None:
    with Path(os.environ[FILE]).open("a") as file:
        file.write(f"{json.dumps(line)}\n")
