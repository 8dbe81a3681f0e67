"""The model predicts what the benchmark measured, from costs that were measured apart from that."""

import copy
import json
import math
from dataclasses import replace

import pytest

from bench.fleet.__main__ import RESULTS
from bench.fleet.calibration import calibrate
from bench.fleet.predictions import predictions

TAIL = "time to persist, p99"


@pytest.fixture(scope="module")
def results():
    return json.loads(RESULTS.read_text())


@pytest.fixture(scope="module")
def calibration(results):
    return calibrate(results)


@pytest.fixture(scope="module")
def predicted(results, calibration):
    return {each.what: each for each in predictions(results, calibration)}


def test_all_that_was_measured_is_predicted(predicted):
    rates = {"1 worker", "2 workers", "4 workers"}
    assert rates | {"time to persist, p50", TAIL} <= predicted.keys()


def test_each_prediction_but_that_of_the_slowest_is_within_15_percent(predicted):
    missed = {each.what: f"{each.error:+.1%}" for each in predicted.values() if not each.is_close}
    missed.pop(TAIL, None)
    assert missed == {}


def test_without_shared_cores_the_model_is_wrong(results, calibration):
    free = {each.what: each for each in predictions(results, replace(calibration, cores=math.inf))}
    assert [what for what in ("1 worker", "2 workers", "4 workers") if free[what].is_close] == []


def test_costs_come_from_the_results(results, calibration):
    dearer = copy.deepcopy(results)
    for part in ("drain", "scale", "steady"):
        for record in dearer[part]:
            if "cpu_ms" in record:
                record["cpu_ms"] *= 1.5
    ours = calibrate(dearer).costs.worker
    assert ours.order > 1.2 * calibration.costs.worker.order
    assert calibrate(dearer).costs.web == calibration.costs.web


def test_no_rate_that_is_predicted_is_an_input(results, calibration):
    other = copy.deepcopy(results)
    for record in other["scale"]:
        record["rate"] = 1.0
    for record in other["steady"]:
        record["p50_ms"] = record["p99_ms"] = 1.0
    before, after = (
        [each.predicted for each in predictions(each_results, calibrate(each_results))]
        for each_results in (results, other)
    )
    assert before == after
