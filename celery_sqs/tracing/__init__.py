"""W3C trace context on messages, and OpenTelemetry spans where the extra `celery-sqs[otel]` is installed."""

from celery_sqs.tracing.context import HEADERS, trace_context, trace_id
from celery_sqs.tracing.spans import process_span, send_span

__all__ = ["HEADERS", "process_span", "send_span", "trace_context", "trace_id"]
