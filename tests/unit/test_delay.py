"""A countdown of up to 15 minutes is SQS's to wait for."""

from datetime import UTC, datetime, timedelta

import pytest

from celery_sqs.publish import delay


def _headers(seconds):
    return {"id": "1", "eta": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}


@pytest.mark.parametrize("seconds", [1, 60, 899])
def test_a_near_eta_becomes_delay_seconds(seconds):
    headers = _headers(seconds)
    assert delay.take(headers) == pytest.approx(seconds, abs=1)
    assert headers["eta"] is None


def test_an_eta_of_the_past_is_no_delay():
    headers = _headers(-5)
    assert delay.take(headers) == 0
    assert headers["eta"] is None


def test_an_eta_beyond_what_sqs_delays_stays_with_the_message():
    headers = _headers(delay.MAX_DELAY + 60)
    kept = headers["eta"]
    assert delay.take(headers) == 0
    assert headers["eta"] == kept


def test_without_an_eta_there_is_no_delay():
    assert delay.take({"id": "1"}) == 0
