"""A run is as expected only if what is listed fails, and nothing else."""

from typing import get_args

import pytest

from tests.celery_suite.brokers import derived
from tests.celery_suite.expectations import EXPECTED, Expectation, compare, read_expected
from tests.celery_suite.groups import GROUPS, LEFT_OUT, selection
from tests.celery_suite.outcomes import Kind, Outcome
from tests.celery_suite.report import differences, table
from tests.celery_suite.run import Run
from tests.celery_suite.sdist import version
from tests.processes import ROOT

PASSED, FAILED = Outcome("passed"), Outcome("failed", "ValueError: this")
REASON = {"a": Expectation("not supported")}


def runs(fault="", **tests):
    return {"tasks": Run(tests, fault, 1.0)}


def test_a_failure_that_is_listed_is_as_expected():
    comparison = compare(runs(a=FAILED, b=PASSED), REASON, whole=True)
    assert comparison.is_as_expected
    assert comparison.expected == {"a": "not supported"}


def test_a_failure_that_is_not_listed_is_not_as_expected():
    comparison = compare(runs(a=FAILED, b=FAILED), REASON, whole=True)
    assert not comparison.is_as_expected
    assert '    "b",  # ValueError: this' in list(differences(comparison))


@pytest.mark.parametrize("kind", [kind for kind in get_args(Kind) if kind != "failed"])
def test_a_listed_test_that_does_not_fail_is_not_as_expected(kind):
    comparison = compare(runs(a=Outcome(kind)), REASON, whole=True)
    assert not comparison.is_as_expected
    assert f"    a: {kind}" in list(differences(comparison))


def test_what_fails_in_some_runs_only_may_pass_but_not_vanish():
    expected = {"a": Expectation("a matter of time", sometimes=True)}
    assert compare(runs(a=PASSED), expected, whole=True).is_as_expected
    assert compare(runs(a=FAILED), expected, whole=True).is_as_expected
    assert not compare(runs(b=PASSED), expected, whole=True).is_as_expected


def test_a_listed_test_that_is_no_longer_there_is_not_as_expected():
    assert compare(runs(b=PASSED), REASON, whole=True).not_failed == {"a": "not there"}
    assert compare(runs(b=PASSED), REASON, whole=False).is_as_expected


def test_a_fault_of_a_process_is_not_as_expected():
    comparison = compare(runs(fault="it hung", a=FAILED), REASON, whole=True)
    assert not comparison.is_as_expected
    assert "\ntasks: it hung" in list(differences(comparison))


def test_the_table_counts_what_the_suite_itself_skips_apart():
    ended = runs(a=FAILED, b=PASSED, c=PASSED, d=Outcome("skipped"), e=Outcome("xfailed"))
    assert list(table(ended))[1:] == ["| tasks | 2 | 1 | 1 | 1 | 5 | 1 |", "| all | 2 | 1 | 1 | 1 | 5 | 1 |"]


def test_a_test_is_listed_once(tmp_path):
    (tmp_path / "twice.toml").write_text(
        'expected = [{reason = "this", tests = ["a"]}, {reason = "that", tests = ["a"]}]'
    )
    with pytest.raises(ValueError, match="lists a twice"):
        read_expected(tmp_path / "twice.toml")


def test_each_expected_failure_has_a_reason_of_one_line():
    reasons = [expectation.reason for expectation in read_expected(EXPECTED).values()]
    assert all(reason and "\n" not in reason for reason in reasons)


def test_no_two_groups_run_the_same_and_the_rest_is_what_none_runs():
    assert selection("chain") == ["t/integration/test_canvas.py::test_chain"]
    taken = [f"--deselect=t/integration/test_canvas.py::test_{name}" for name in ("chain", "group", "chord")]
    assert selection("canvas") == ["t/integration/test_canvas.py", *taken]
    files = {path.partition("::")[0] for paths in GROUPS.values() for path in paths if path != "."}
    ignored = {f"--ignore=t/integration/{file}" for file in files.union(LEFT_OUT)}
    assert (selection("rest")[0], set(selection("rest")[1:])) == ("t/integration", ignored)


def test_task_classes_are_derived_from_ours_and_nothing_else_is_changed():
    source = "from celery import Task, chain\n\nclass One(Task):\n    x = 1\n\nclass Other(Exception): ...\n"
    changed = source.replace("from celery", "from celery_sqs import SQSTask\nfrom celery").replace(
        "(Task)", "(SQSTask)"
    )
    assert derived(source) == changed


@pytest.mark.parametrize("source", ["from celery import Task\n", "import celery\n\nclass One(Task):\n    x = 1\n"])
def test_tasks_that_are_defined_in_another_way_than_is_known_are_refused(source):
    with pytest.raises(ValueError, match=r"tasks\.py"):
        derived(source)


@pytest.mark.parametrize("requirements", ["requirements.txt", "requirements-celery.txt"])
def test_the_tests_are_those_of_the_celery_that_runs(requirements):
    assert f"celery=={version()}" in (ROOT / requirements).read_text().split()
