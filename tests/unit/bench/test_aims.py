"""The aims, and which of them a run reaches."""

import pytest

from bench.aims import Aim, aims
from bench.contenders import EVENTS_OFF, LOOP, OURS, TASKIQ, TUNED
from tests.unit.bench.results import RATES, drained, full, long_run


def aim(results, start):
    [found] = [each for each in aims(results) if each.what.startswith(start)]
    return found


def test_a_lower_bound_is_reached_from_above_and_an_upper_one_from_below():
    assert Aim("", 4, upper=False, value=4.0).reached
    assert not Aim("", 4, upper=False, value=3.99).reached
    assert Aim("", 4, upper=True, value=4.0).reached
    assert not Aim("", 4, upper=True, value=4.01).reached


def test_what_was_not_measured_is_not_reached():
    assert not Aim("", 0, upper=False, value=None).reached


def test_the_tuned_celery_and_the_batched_loop_are_compared_by_their_medians():
    assert aim(full(), "drain at 10 ms: times the best-tuned Celery").value == RATES[OURS] / RATES[TUNED]
    assert aim(full(), "drain at 10 ms: times the batched hand loop").value == RATES[OURS] / RATES[LOOP]


def test_of_the_other_peers_the_fastest_counts_and_is_named():
    found = aim(full(), "drain at 10 ms: times the best other peer")
    assert found.value == RATES[OURS] / RATES[TASKIQ]
    assert found.what.endswith(f"({TASKIQ})")
    assert found.detail == "2000 against 500 orders/s"


def test_at_no_added_round_trip_every_peer_counts():
    results = full()
    results["drain"] = [record for record in results["drain"] if record["contender"] != LOOP]
    results["drain"].append(drained(LOOP, 0) | {"rate": 3000.0})
    found = aim(results, "drain at 0 ms: times the best peer of all")
    assert found.what.endswith(f"({LOOP})")
    assert not found.reached


def test_the_reports_cost_what_a_worker_with_them_takes_above_one_without():
    results = full()
    for record in results["drain"]:
        record["cpu_ms"] = {OURS: 0.37, EVENTS_OFF: 0.33, LOOP: 0.40}.get(record["contender"], 1.0)
    assert aim(results, "of it for the reports").value == pytest.approx(0.04)
    assert aim(results, "worker's CPU per order at 0 ms").value == pytest.approx(0.37 / 0.40)


def test_calls_per_order_count_sending_receiving_and_deleting():
    assert aim(full(), "SQS calls per order").value == pytest.approx(0.3)


def test_the_backlog_is_compared_with_what_the_emulator_alone_keeps():
    found = aim(full(), "rate kept from a backlog of 1000 to one of 100000")
    assert found.value == pytest.approx((110 / 2000) / (125 / 2500))
    assert found.reached


def test_memory_that_grows_misses_its_aim_and_memory_that_was_loaded_first_does_not():
    results = full()
    assert aim(results, "memory in the last quarter").reached
    results["memory"] = [long_run(growing=True)]
    assert not aim(results, "memory in the last quarter").reached


def test_a_run_of_one_part_says_of_the_others_that_they_were_not_measured():
    results = full()
    only = {key: value for key, value in results.items() if not isinstance(value, list) or key == "idle"}
    known = [each.what for each in aims(only) if each.value is not None]
    assert known == ["SQS calls a minute of an idle worker"]
