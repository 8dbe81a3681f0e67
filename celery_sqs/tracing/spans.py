"""OpenTelemetry spans, where they are wanted and the extra `celery-sqs[otel]` is installed: of a send, and of a batch.

The batch's span is no child of the sends but links to them, as time in the queue would distort a trace, and
a batch has many parents: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/

The SDK reads its own variables (`OTEL_SERVICE_NAME` and so on). Without an endpoint nothing here does
anything, and the client's own trace context is passed on as it is.
"""

import functools
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from celery_sqs.per_process import per_process
from celery_sqs.tracing.context import trace_context

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

logger = logging.getLogger(__name__)

_SYSTEM: Final = {"messaging.system": "aws_sqs"}


@contextmanager
def send_span(endpoint: str | None, queue: str, context: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
    """A span around a send; yields the trace context for the message's headers.

    Args:
        endpoint: OTEL_EXPORTER_OTLP_ENDPOINT, which the SDK reads itself; None for no spans.
        queue: the queue's name.
        context: the trace context that the request came with, from `trace_context`.
    """
    tracer = _tracer(endpoint)
    if tracer is None:
        yield context
        return
    from opentelemetry.trace import SpanKind  # noqa: PLC0415  # it may not be installed

    attributes = {**_SYSTEM, "messaging.operation.type": "send", "messaging.destination.name": queue}
    parent = _propagator().extract(context)
    with tracer.start_as_current_span(f"send {queue}", parent, SpanKind.PRODUCER, attributes):
        carrier: dict[str, str] = {}
        _propagator().inject(carrier)
        yield carrier


@contextmanager
def process_span(endpoint: str | None, task: str, headers: Iterable[Mapping[str, Any]]) -> Iterator[None]:
    """A span around a batch, with a link to each send.

    Args:
        endpoint: OTEL_EXPORTER_OTLP_ENDPOINT, which the SDK reads itself; None for no spans.
        task: the task's name.
        headers: of each message.
    """
    tracer = _tracer(endpoint)
    if tracer is None:
        yield
        return
    from opentelemetry.trace import Link, SpanKind, get_current_span  # noqa: PLC0415  # as above

    contexts = [trace_context(each) for each in headers]
    links = [Link(get_current_span(_propagator().extract(each)).get_span_context()) for each in contexts if each]
    attributes: dict[str, str | int] = {**_SYSTEM, "messaging.operation.type": "process"}
    attributes["messaging.batch.message_count"] = len(contexts)
    with tracer.start_as_current_span(f"process {task}", None, SpanKind.CONSUMER, attributes, links):
        yield


def _tracer(endpoint: str | None) -> "Tracer | None":
    return _make_tracer() if endpoint else None


@per_process
def _make_tracer() -> "Tracer | None":
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError:
        logger.warning("no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, but celery-sqs[otel] is not installed")
        return None
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider.get_tracer(__name__)


@functools.lru_cache(maxsize=1)
def _propagator() -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415

    return TraceContextTextMapPropagator()
