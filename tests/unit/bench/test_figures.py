"""Medians, ratios, bounds and dollars."""

import pytest

from bench import figures
from bench.contenders import LOOP, OURS
from tests.unit.bench.results import full, long_run


def test_a_failed_record_is_no_measurement():
    records = [{"rate": 1.0}, {"error": "it failed"}]
    assert figures.measured(records) == [{"rate": 1.0}]
    assert figures.about(records) == records


def test_a_spread_has_extremes_only_where_there_are_several():
    one, three = [{"rate": 5.0}], [{"rate": 7.0}, {"rate": 5.0}, {"rate": 6.0}]
    assert figures.spread(one, figures.rate, ".0f") == "5"
    assert figures.spread(three, figures.rate, ".0f") == "6 (5 to 7)"


def test_a_ratio_to_nothing_is_nothing():
    assert figures.over(1.0, None) is None
    assert figures.over(None, 1.0) is None
    assert figures.over(1.0, 0.0) is None
    assert figures.shown(None, ".2f") == figures.NONE


def test_the_bounds_follow_from_what_was_measured():
    bounds = dict(figures.bounds(full(), 10))
    assert bounds == {
        "the emulator, asked directly with the same batched calls": 2500,
        "MariaDB, the same rows in statements of 100 on 2 connections, no queue": 25_000,
        "one core of Python at the worker's CPU per order": pytest.approx(2500),
        "one core of Python at the emulator's CPU per order": pytest.approx(5000),
        "all 2 cores at the CPU per order of worker, emulator, MariaDB and proxy": pytest.approx(2500),
        "round trips: 8 polls of 10 in flight": 8000,
    }


def test_without_an_added_round_trip_none_bounds_anything():
    assert dict(figures.bounds(full(), 0))["round trips: 8 polls of 10 in flight"] is None


def test_a_million_orders_cost_what_their_calls_cost():
    # 804 calls for 4000 orders; ours sends ten in one call, all others one.
    assert figures.dollars(full(), OURS, 10) == (pytest.approx(0.301), pytest.approx(0.1204))
    assert figures.dollars(full(), LOOP, 10) == (pytest.approx(1.201), pytest.approx(0.4804))


def test_an_idle_worker_costs_its_polls():
    assert figures.idle_dollars(full(), OURS) == pytest.approx(3 * 60 * 24 * 30 * 0.4e-6)


def test_growth_compares_quarters_and_not_the_start():
    assert figures.growth(long_run(growing=False)) == 1
    assert figures.growth(long_run(growing=True)) == pytest.approx(287.5 / 237, rel=0.01)


def test_a_run_too_short_for_quarters_has_no_growth():
    run = {"stored": 10, "samples": [{"seconds": 0, "orders": 0, "mib": 1.0}]}
    assert figures.growth(run) is None
