"""docs/emulators.md lists what the tests know of the emulators, all of it and no more."""

import inspect

from tests.emulators import test_messages, test_queues, test_refusals
from tests.processes import ROOT

PAGE = ROOT / "docs" / "emulators.md"
KINDS = ("ministack", "localstack", "simulated")


def test_the_page_lists_the_differences_that_the_tests_know():
    assert listed() == known()


def known():
    """The emulators that do otherwise, by the sentence of the test."""
    modules = (test_messages, test_queues)
    owners = [*modules, *(each for module in modules for _, each in inspect.getmembers(module, inspect.isclass))]
    tests = [test for owner in owners for name, test in inspect.getmembers(owner, inspect.isfunction)]
    marked = {
        sentence(test.__name__): set(mark.args)
        for test in tests
        for mark in getattr(test, "pytestmark", [])
        if mark.name == "differs"
    }
    cases = test_refusals.REFUSALS | test_refusals.REFUSALS_OF_FIFO
    assert test_refusals.DIFFERENCES.keys() <= cases.keys()
    return marked | {
        f"{name} is refused with `{cases[name][2]}`": set(kinds) for name, kinds in test_refusals.DIFFERENCES.items()
    }


def listed():
    """The same, as the first table of the page has it."""
    rows = [line.strip("|").split("|") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row] for row in rows]
    return {
        behaviour: {kind for kind, does in zip(KINDS, does_it, strict=False) if does == "no"}
        for behaviour, *does_it in cells
        if len(does_it) > len(KINDS) and behaviour != "AWS documents"
    }


def sentence(name):
    return name.removeprefix("test_").replace("_", " ")
