"""An app whose author has installed Sentry or OpenTelemetry as their documentation says, and no more.

`celery -A tests.outcomes.traced_app worker` runs it, `python -m tests.outcomes.traced_app` calls its tasks.
"""

import json
import logging
import os
import sys
from pathlib import Path

import sentry_sdk
from celery import Celery
from celery.exceptions import Retry
from celery.signals import worker_process_init
from opentelemetry import trace
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from sentry_sdk.integrations.celery import CeleryIntegration
from sentry_sdk.transport import Transport

import celery_sqs
from celery_sqs import BatchTask

logger = logging.getLogger(__name__)

#: Environment variables.
ENDPOINT, QUEUE_URL, TRACER, REPORTED = "ENDPOINT", "QUEUE_URL", "TRACER", "REPORTED"

SENTRY, OTEL = "sentry", "otel"

#: What becomes of a call that gets this for its argument's `how`.
FINE, MENDED, ASKED, NEVER = HOWS = "fine", "mended", "asked", "never"

#: Calls of each task that fail for good: their batch is more than one call.
CALLS = (FINE, MENDED, ASKED, NEVER, NEVER, FINE)


class ToFile(Transport):
    """Sentry's transport; a line in the file for each item of an envelope."""

    def capture_envelope(self, envelope):
        for item in envelope.items:
            if item.payload.json is not None:
                report({"type": item.type, **item.payload.json})


class SpansToFile(SpanExporter):
    """A line in the file for each span."""

    def export(self, spans):
        for span in spans:
            report(json.loads(span.to_json()))
        return SpanExportResult.SUCCESS


def report(what):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with Path(os.environ[REPORTED]).open("a") as lines:
        lines.write(json.dumps(what) + "\n")


class Patient(BatchTask):
    """Fails without long pauses."""

    abstract = True
    backoff_base = 0


def make_app():
    url = os.environ[QUEUE_URL]
    app = Celery("traced", set_as_current=True)
    queues = {url.rsplit("/", 1)[-1]: url}
    celery_sqs.setup(
        app, queues=queues, region="us-east-1", endpoint_url=os.environ[ENDPOINT], access_key=("test", "test")
    )
    app.conf.update(task_time_limit=20, task_soft_time_limit=15)
    app.task(name="single", bind=True, shared=False, backoff_base=0, ignore_result=True)(single)
    app.task(name="batch", base=Patient, shared=False, ignore_result=True)(batch)
    return app


def single(self, value):
    how = value["how"]
    if how == NEVER or (how == MENDED and not self.request.retries):
        raise LookupError(how)
    if how == ASKED and not self.request.retries:
        raise self.retry(countdown=0)


def batch(calls):
    logger.info("a batch of %d", len(calls))
    return [_answer(call.args[0]["how"], call.retries) for call in calls]


def _answer(how, retries):
    if how == NEVER or (how == MENDED and not retries):
        return LookupError(how)
    if how == ASKED and not retries:
        return Retry(when=0)
    return None


def use_sentry():
    sentry_sdk.init(
        dsn="https://key@sentry.invalid/1",
        transport=ToFile,
        traces_sample_rate=1.0,
        integrations=[CeleryIntegration()],
    )


def use_otel(**_):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(SpansToFile()))
    trace.set_tracer_provider(provider)
    CeleryInstrumentor().instrument()


def publish(app):
    """Call the tasks, each in a trace of its own, as requests of a web server would; prints a line for each call."""
    for name in ("single", "batch"):
        for how in CALLS:
            if os.environ[TRACER] == SENTRY:
                with sentry_sdk.start_transaction(name="web") as transaction:
                    result = app.tasks[name].delay({"how": how})
                trace_id = transaction.trace_id
            else:
                with trace.get_tracer("web").start_as_current_span("web") as span:
                    result = app.tasks[name].delay({"how": how})
                trace_id = f"{span.get_span_context().trace_id:032x}"
            sys.stdout.write(json.dumps({"task": name, "how": how, "id": result.id, "trace": trace_id}) + "\n")


if TRACER in os.environ:
    if os.environ[TRACER] == SENTRY:
        use_sentry()
    elif __name__ == "__main__":
        use_otel()
    else:
        worker_process_init.connect(use_otel, weak=False)
    app = make_app()
    if __name__ == "__main__":
        publish(app)
