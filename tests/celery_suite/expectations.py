"""Whether a run is as expected: what fails without being listed, and what is listed and does not fail."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.celery_suite.outcomes import Outcome
from tests.celery_suite.run import Run

EXPECTED: Final = Path(__file__).with_name("expected.toml")


@dataclass(frozen=True)
class Expectation:
    """Why a test fails.

    Attributes:
        reason: in one line.
        sometimes: whether it fails in some runs only, as it is a matter of time.
    """

    reason: str
    sometimes: bool = False


@dataclass(frozen=True)
class Comparison:
    """How a run differs from what is expected of it.

    Attributes:
        expected: the reason of each test that fails as expected.
        failed: what fails and is not listed.
        not_failed: what is listed and does not fail, and how it ended instead.
        faults: what was wrong with the process of a group.
    """

    expected: Mapping[str, str]
    failed: Mapping[str, Outcome]
    not_failed: Mapping[str, str]
    faults: Mapping[str, str]

    @property
    def is_as_expected(self) -> bool:
        """Whether it does not differ."""
        return not (self.failed or self.not_failed or self.faults)


def read_expected(file: Path = EXPECTED) -> dict[str, Expectation]:
    """Why each test fails that is expected to, by the test's id.

    Raises:
        ValueError: a test is listed twice.
    """
    expected: dict[str, Expectation] = {}
    for entry in tomllib.loads(file.read_text()).get("expected", []):
        for test in entry["tests"]:
            if test in expected:
                raise ValueError(f"{file.name} lists {test} twice")
            expected[test] = Expectation(entry["reason"], entry.get("sometimes", False))
    return expected


def compare(runs: Mapping[str, Run], expected: Mapping[str, Expectation], *, whole: bool) -> Comparison:
    """Compare runs with what is expected.

    Args:
        runs: by group.
        expected: why each test fails that is expected to.
        whole: whether all tests were to run, so that a listed one that did not is one that is no longer there.
    """
    tests = {test: outcome for run in runs.values() for test, outcome in run.tests.items()}
    failed = {test: outcome for test, outcome in tests.items() if outcome.kind == "failed"}
    not_failed = {
        test: tests[test].kind
        for test, expectation in expected.items()
        if test in tests and test not in failed and not expectation.sometimes
    }
    gone = {test: "not there" for test in expected if whole and test not in tests}
    return Comparison(
        expected={test: expectation.reason for test, expectation in expected.items() if test in failed},
        failed={test: outcome for test, outcome in failed.items() if test not in expected},
        not_failed={**not_failed, **gone},
        faults={group: run.fault for group, run in runs.items() if run.fault},
    )
