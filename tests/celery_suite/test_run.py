"""A group of tests is a real pytest process: what became of each of its tests, also when the process hangs."""

import sys

import pytest

from tests.celery_suite.run import run_pytest
from tests.processes import ROOT

PYTEST = [sys.executable, "-m", "pytest", "-c", "/dev/null"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # none is needed, and it begins sooner
STALL_LIMIT = 10  # seconds; longer than pytest takes until its first report
LONG = 60  # seconds

#: A suite as Celery's is one, for a pytest of its own: a test for each way to end. Nothing of ours is skipped, or
#: expected to fail, by it. Celery's tests are, and the runner must not count them as passed.
SUITE = """
import pytest, time

def test_passes(): pass

def test_fails(): raise ValueError("of this kind\\nand more")

def test_skips(): pytest.skip("not here")

def test_skips_a_part(subtests):
    with subtests.test("this"): pytest.skip("not here")

def test_fails_in_a_part(subtests):
    with subtests.test("this"): raise ValueError("in a part")

@pytest.mark.xfail
def test_fails_as_its_author_expects(): assert False

@pytest.mark.xfail(strict=True)
def test_passes_against_its_authors_expectation(): pass

@pytest.fixture
def broken():
    yield
    raise OSError("at the end")

def test_fails_at_its_end(broken): pass
"""

HANGING = f"""
import time

def test_passes(): pass

def test_hangs(): time.sleep({LONG})

def test_does_not_begin(): pass
"""


SLOW = f"""
import pytest, time

@pytest.mark.timeout({LONG})
def test_asks_for_more_time(): time.sleep({LONG})
"""


@pytest.fixture
def run(tmp_path):
    """A function that runs a suite of one module."""

    def run_suite(source, *options, stall_limit=LONG):
        (tmp_path / "test_it.py").write_text(source)
        return run_pytest([*PYTEST, *options], tmp_path, ENVIRONMENT, stall_limit)

    return run_suite


def test_each_test_has_its_outcome(run):
    ended = run(SUITE)
    assert ended.fault == ""
    assert {test.partition("::")[2]: (outcome.kind, outcome.error) for test, outcome in ended.tests.items()} == {
        "test_passes": ("passed", ""),
        "test_fails": ("failed", "ValueError: of this kind"),
        "test_skips": ("skipped", ""),
        "test_skips_a_part": ("passed", ""),
        "test_fails_in_a_part": ("failed", "ValueError: in a part"),
        "test_fails_as_its_author_expects": ("xfailed", ""),
        "test_passes_against_its_authors_expectation": ("failed", "[XPASS(strict)]"),
        "test_fails_at_its_end": ("failed", "OSError: at the end"),
    }


@pytest.mark.long
def test_a_process_that_hangs_is_ended_and_what_it_has_not_run_has_failed(run):
    ended = run(HANGING, stall_limit=STALL_LIMIT)
    assert ended.seconds < LONG / 2
    assert "hung" in ended.fault
    assert [(test, outcome.kind, outcome.error) for test, outcome in ended.tests.items()] == [
        ("test_it.py::test_passes", "passed", ""),
        ("test_it.py::test_hangs", "failed", "it did not end"),
        ("test_it.py::test_does_not_begin", "failed", "it did not begin"),
    ]


def test_a_suite_that_cannot_be_imported_is_a_fault(run):
    ended = run("import nowhere")
    assert ended.fault.startswith("pytest ended with 2")
    assert ended.tests == {}


def test_a_test_that_its_process_does_not_outlive_has_failed(run):
    [(test, outcome)] = run("import os\n\ndef test_ends(): os._exit(0)\n").tests.items()
    assert (test, outcome.kind, outcome.error) == ("test_it.py::test_ends", "failed", "it did not end")


def test_no_test_has_more_time_than_the_others(run):
    options = ("-p", "pytest_timeout", "-p", "tests.celery_suite.adapter", "--timeout", "1")
    [outcome] = run(SLOW, *options).tests.values()
    assert (outcome.kind, outcome.error) == ("failed", "Failed: Timeout (>1.0s) from pytest-timeout.")
