"""What a run prints: a table by group, the tests that fail as expected, and those that do not."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import get_args

from tests.celery_suite.expectations import Comparison
from tests.celery_suite.outcomes import Kind
from tests.celery_suite.run import Run

HEAD = """\
| group | passed | failed | skipped | expected to fail by the suite itself | total | seconds |
|---|---:|---:|---:|---:|---:|---:|"""
KINDS = get_args(Kind)


def table(runs: Mapping[str, Run]) -> Iterator[str]:
    """A row for each group, and one for all."""
    yield HEAD
    for group, run in runs.items():
        yield _row(group, _count(run), run.seconds)
    yield _row("all", sum(map(_count, runs.values()), Counter()), sum(run.seconds for run in runs.values()))


def differences(comparison: Comparison) -> Iterator[str]:
    """What fails as expected, by its reason, and then all that is not as expected. Lines to paste are TOML."""
    for reason in dict.fromkeys(comparison.expected.values()):
        tests = [test for test, why in comparison.expected.items() if why == reason]
        yield f"\n{len(tests)} expected to fail: {reason}"
        yield from (f"    {test}" for test in tests)
    for group, fault in comparison.faults.items():
        yield f"\n{group}: {fault}"
    if comparison.failed:
        yield f"\n{len(comparison.failed)} failed and are not in expected.toml:"
        yield from failures(comparison)
    if comparison.not_failed:
        yield f"\n{len(comparison.not_failed)} are in expected.toml and did not fail:"
        yield from (f"    {test}: {kind}" for test, kind in comparison.not_failed.items())


def failures(comparison: Comparison) -> Iterator[str]:
    """The tests that fail and are not listed, as lines of expected.toml, each with its error."""
    return (f"    {json.dumps(test)},  # {outcome.error}" for test, outcome in comparison.failed.items())


def _count(run: Run) -> Counter[str]:
    return Counter(outcome.kind for outcome in run.tests.values())


def _row(name: str, counts: Counter[str], seconds: float) -> str:
    cells = (name, *(counts[kind] for kind in KINDS), counts.total(), f"{seconds:.0f}")
    return "| " + " | ".join(map(str, cells)) + " |"
