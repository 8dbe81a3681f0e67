"""The times to persist of the steady runs."""

import pytest

from bench.persist_latency import LatencyRecorder, report


def test_an_order_is_timed_from_its_answer_to_its_row():
    recorder = LatencyRecorder()
    recorder.sent(["a", "b"], at=10.0)
    recorder.stored(["a"], at=10.25)
    assert recorder.latencies == [(10.0, 0.25)]
    assert recorder.waiting() == ["b"]


def test_what_is_sent_before_the_measurement_does_not_count():
    recorder = LatencyRecorder()
    recorder.sent(["early"], at=1.0)
    recorder.sent(["late"], at=5.0)
    assert recorder.missing(begin=2.0) == 1
    assert recorder.missing(begin=0.0) == 2
    assert report([(1.0, 9.0), (5.0, 0.5)], begin=2.0, missing=0)["max_ms"] == pytest.approx(500)


def test_percentiles_are_of_what_was_stored_and_the_rest_is_missing():
    latencies = [(0.0, n / 1000) for n in range(200)]
    assert report(latencies, begin=0.0, missing=3) == {
        "stored": 200,
        "missing": 3,
        "p50_ms": pytest.approx(100),
        "p99_ms": pytest.approx(198),
        "max_ms": pytest.approx(199),
    }


def test_nothing_stored_has_no_times():
    assert report([], begin=0.0, missing=5)["p50_ms"] is None
