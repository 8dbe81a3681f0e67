"""Without OpenTelemetry, or without an endpoint for it, tracing does nothing and stands in nobody's way."""

import sys

import pytest

from celery_sqs.per_process import per_process
from celery_sqs.tracing import process_span, send_span, spans

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # so that importing it fails
    monkeypatch.setattr(spans, "_make_tracer", per_process(spans._make_tracer.__wrapped__))


def test_without_an_endpoint_the_clients_context_travels_as_it_is():
    with send_span(None, "orders", {"traceparent": TRACEPARENT}) as context:
        assert context == {"traceparent": TRACEPARENT}
    with send_span(None, "orders", {}) as context:
        assert context == {}


def test_without_the_package_a_line_says_so_once_and_all_goes_on(not_installed, caplog):
    endpoint = "http://127.0.0.1:1"
    for _ in range(2):
        with send_span(endpoint, "orders", {"traceparent": TRACEPARENT}) as context:
            assert context == {"traceparent": TRACEPARENT}
        with process_span(endpoint, "a-task", [{}]):
            pass
    assert caplog.text.count("celery-sqs[otel] is not installed") == 1


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:1"], ids=["off", "not installed"])
def test_what_fails_inside_fails_as_it_is(not_installed, endpoint):
    with pytest.raises(KeyError), send_span(endpoint, "orders", {}):
        raise KeyError
    with pytest.raises(KeyError), process_span(endpoint, "a-task", []):
        raise KeyError
