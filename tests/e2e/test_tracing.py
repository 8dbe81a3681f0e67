"""With OpenTelemetry: the send is part of the client's trace, and the batch links to it."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from tests.polling import poll

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": "99.90"}


class Collector:
    """Takes spans by OTLP over HTTP.

    Attributes:
        spans: what has come.
    """

    def __init__(self):
        self.spans = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _handler(self):
        spans = self.spans

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                request = trace_service.ExportTraceServiceRequest.FromString(body)
                spans.extend(
                    span for each in request.resource_spans for scope in each.scope_spans for span in scope.spans
                )
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                """Nothing."""

        return Handler

    def named(self, name):
        return [span for span in self.spans if span.name.startswith(name)]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector():
    running = Collector()
    yield running
    running.stop()


@pytest.fixture
def environment(environment, collector):
    return environment | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_COMPRESSION": "none",
        "OTEL_BSP_SCHEDULE_DELAY": "200",  # milliseconds
    }


@pytest.fixture
def post(client, token):
    """A function that posts an order with some headers and waits until it is persisted."""

    def send(**headers):
        answer = requests.post(f"{client.url}/api/v1/orders", json=ORDER, headers=token() | headers, timeout=10)
        poll(lambda: client.is_persisted(answer.json()["orderId"]), 20, "it is persisted")

    return send


def test_the_send_is_the_clients_child_and_the_batch_links_to_it(post, start_worker, collector):
    worker = start_worker()
    post(traceparent=f"00-{TRACE}-{PARENT}-01")
    [sent] = poll(lambda: collector.named("send "), 10, "web has exported its span")
    [run] = poll(lambda: collector.named("process persist_order"), 10, "the worker has exported its span")
    assert (sent.trace_id.hex(), sent.parent_span_id.hex()) == (TRACE, PARENT)
    assert sent.kind == sent.SPAN_KIND_PRODUCER
    assert [(link.trace_id, link.span_id) for link in run.links] == [(sent.trace_id, sent.span_id)]
    assert run.kind == run.SPAN_KIND_CONSUMER
    assert run.trace_id != sent.trace_id
    assert not run.parent_span_id
    assert f'"trace_id": "{TRACE}"' in worker.output


@pytest.mark.long
def test_without_a_client_that_traces_the_send_begins_a_trace(post, start_worker, collector, tmp_path):
    worker = start_worker()
    post()
    [sent] = poll(lambda: collector.named("send "), 10, "web has exported its span")
    [run] = poll(lambda: collector.named("process persist_order"), 10, "the worker has exported its span")
    assert not sent.parent_span_id
    assert [link.trace_id for link in run.links] == [sent.trace_id]
    assert f'"trace_id": "{sent.trace_id.hex()}"' in worker.output
    assert f'"trace_id": "{sent.trace_id.hex()}"' in (tmp_path / "web.log").read_text()
