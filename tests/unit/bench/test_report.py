"""The report says what was measured, and what was not."""

import pytest

from bench.contenders import NAMES, OURS, TASKIQ
from bench.report import PLOTS, markdown
from tests.unit.bench.results import full

PARTS = ("Draining", "The limit", "Time to persist", "Against the backlog", "Memory", "Intake", "Cold", "What it costs")


def report(results, plots=(), remarks=""):
    return markdown(results, "full.json", plots, remarks)


def test_a_full_run_has_all_parts_and_no_gap():
    text = report(full())
    assert [part for part in PARTS if f"## {part}" not in text] == []
    assert "not measured" not in text
    assert "failed" not in text


def test_every_contender_is_explained_and_measured():
    text = report(full())
    assert [name for name in NAMES if f"- *{name}*: `start {name}`" not in text] == []
    assert [name for name in NAMES if f"\n| {name} |" not in text] == []


def test_a_missed_aim_says_no_and_the_remarks_follow():
    results = full()
    for record in results["drain"]:
        record["cpu_ms"] = 0.7
    lines = report(results, remarks="It misses because.").splitlines()
    [row] = [line for line in lines if line.startswith("| worker's CPU per order at 10 ms")]
    assert row == "| worker's CPU per order at 10 ms, reports on, in ms | at most 0.3 | 0.70 | **no** |  |"
    assert "It misses because." in lines


@pytest.mark.parametrize(
    ("emulator", "described", "of_backlogs"),
    [
        ("ministack", "ministack, an SQS emulator", "its own rate falls with the backlog"),
        ("simulated", "this repository's simulated SQS", "takes as long for a call on a long queue"),
    ],
)
def test_the_emulator_is_named_and_what_a_backlog_costs_it(emulator, described, of_backlogs):
    text = report(full() | {"sqs": emulator})
    assert f"One run on one machine: {described}" in text
    assert of_backlogs in text


def test_a_contender_that_failed_says_why():
    results = full()
    failed = {"contender": TASKIQ, "round_trip_ms": 10, "error": "RuntimeError: no | package"}
    results["drain"] = [record for record in results["drain"] if record["contender"] != TASKIQ] + [failed]
    text = report(results)
    assert f"| {TASKIQ} | failed: RuntimeError: no / package |" in text
    assert f"| {TASKIQ} | not measured |" in text  # at the other round trips


def test_a_run_of_one_part_shows_that_part():
    results = full()
    only = {key: value for key, value in results.items() if not isinstance(value, list) or key == "idle"}
    text = report(only)
    assert "## What it costs" in text
    assert "## Draining" not in text


def test_plots_are_shown_where_they_belong():
    text = report(full(), plots=[f"{name}.svg" for name in PLOTS])
    for name, description in PLOTS.items():
        assert f"![{description}]({name}.svg)" in text
    assert "![" not in report(full())


def test_a_quick_run_says_that_it_proves_nothing():
    assert "no basis for a statement" in report(full() | {"quick": True})


def test_a_busy_machine_is_reported():
    results = full()
    assert "was not idle" not in report(results)
    results["machine"]["load_before"] = 1.5
    assert "was not idle" in report(results)


def test_every_table_has_as_many_cells_in_each_row_as_in_its_head():
    tables = [block for block in report(full()).split("\n\n") if block.startswith("|")]
    assert len(tables) > 10
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1, table


def test_ours_is_measured_against_itself_as_one():
    [row] = [line for line in report(full()).splitlines() if line.startswith(f"| {OURS} | 2000 (1800 to 2200) | 1.0x")][
        :1
    ]
    assert "4000 of 4000" in row
