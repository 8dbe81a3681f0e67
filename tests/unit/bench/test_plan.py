"""The run's steps, and what becomes of one that fails."""

import io

import pytest
from rich.console import Console

from bench.contenders import NAMES, OURS, TUNINGS
from bench.plan import Step, estimate, run, summary
from bench.size import FULL, PARTS, QUICK
from bench.steps import Steps, best_tuning
from tests.processes import ROOT
from tests.unit.bench.results import full


def steps(size, parts=PARTS):
    # Making steps starts nothing, so it needs neither a testbed nor contenders.
    return Steps(testbed=None, contenders=None, size=size, results={}).of(parts)


def step(work, part="drain"):
    return Step(part=part, about={"contender": OURS}, estimate=1, work=work)


def fails():
    raise RuntimeError(f"first line\nin {ROOT}/bench")


def test_a_full_run_takes_less_than_an_hour():
    assert sum(estimate(steps(FULL)).values()) < 55 * 60


def test_every_part_has_steps_and_can_be_run_alone():
    for size in (FULL, QUICK):
        assert [part for part in PARTS if not steps(size, [part])] == []
    assert sum(len(steps(FULL, [part])) for part in PARTS) == len(steps(FULL))


def test_repetitions_are_interleaved():
    drains = [each.about for each in steps(FULL) if each.part == "drain"]
    assert len(drains) == FULL.repetitions * len(FULL.round_trips) * len(NAMES)
    assert [about["contender"] for about in drains[: len(NAMES)]] == list(NAMES)
    assert [about["repetition"] for about in drains] == sorted(about["repetition"] for about in drains)


def test_a_failed_step_is_on_record_and_the_next_one_runs():
    results, saved, output = {}, [], io.StringIO()
    works = [step(fails), step(lambda: [{"rate": 5.0}])]
    run(works, results, Console(file=output), lambda: saved.append(len(results["drain"])))
    assert results == {
        "drain": [{"contender": OURS, "error": "RuntimeError: in ./bench"}, {"contender": OURS, "rate": 5.0}]
    }
    assert saved == [1, 2]
    assert "1/2 drain, ours: failed: RuntimeError: in ./bench" in output.getvalue()
    assert "2/2 drain, ours: 5 orders/s (about 0:00:00 left)" in output.getvalue()


@pytest.mark.parametrize(
    "part", ["drain", "steady", "backlog", "scale", "memory", "intake", "cold", "idle", "emulator"]
)
def test_every_record_can_be_described_in_a_line(part):
    records = [record for record in full()[part] if "who" not in record]
    assert all(0 < len(summary(record)) < 100 and "\n" not in summary(record) for record in records)


def test_the_best_tuning_is_the_fastest_at_that_round_trip():
    tried = [
        {"round_trip_ms": 0, "options": "fast elsewhere", "rate": 9.0},
        {"round_trip_ms": 10, "options": "slow", "rate": 1.0},
        {"round_trip_ms": 10, "options": "fast", "rate": 2.0},
        {"round_trip_ms": 10, "options": "failed", "error": "it failed"},
    ]
    assert best_tuning(tried, 10) == "fast"
    assert best_tuning(tried, 30) == TUNINGS[0]
