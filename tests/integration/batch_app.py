"""An app of batch tasks as an adopter writes it: `celery -A tests.integration.batch_app worker`."""

import os
import time
from collections import Counter
from pathlib import Path

from celery import Celery

import celery_sqs
from celery_sqs import BatchTask

QUEUE_URL, ENDPOINT, RESULTS, NOTES = "BATCH_QUEUE_URL", "BATCH_ENDPOINT", "BATCH_RESULTS", "BATCH_NOTES"

#: Seconds that a batch of `measure` takes: long enough for others to arrive meanwhile.
MEASURED = 0.3


class Impatient(BatchTask):
    """Fails without long pauses."""

    abstract = True
    backoff_base = 0


def create(queue_url, endpoint, results, notes):
    """The app; `notes` is the file in which some of its tasks leave a line for each run."""
    app = Celery("batches", backend=results, set_as_current=False)
    app.conf.update(result_extended=True, task_soft_time_limit=15, task_time_limit=20)
    queues = {"batches": queue_url}
    celery_sqs.setup(
        app, queues=queues, region="us-east-1", endpoint_url=endpoint, access_key=("test", "test"), preflight="warn"
    )
    _define_batches(app, Path(notes))
    _define_documented(app, Path(notes))
    _define_singles(app, Path(notes))
    return app


def _define_batches(app, notes):
    @app.task(base=Impatient, shared=False, name="add", batch_size=50)
    def add(calls):
        return [sum(call.args) + sum(call.kwargs.values()) for call in calls]

    @app.task(base=Impatient, shared=False, name="mend", batch_size=50)
    def mend(calls):
        return [call.retries or ValueError("not at first") for call in calls]

    @app.task(base=Impatient, shared=False, name="fail", batch_size=50)
    def fail(calls):
        for call in calls:
            _note(notes, "fail", call.id)
        return [ValueError("never") for _ in calls]

    @app.task(base=Impatient, shared=False, name="forget", batch_size=50)
    def forget(calls):
        """It returns nothing."""

    @app.task(base=BatchTask, shared=False, name="measure", batch_size=50)
    def measure(calls):
        _note(notes, "measure", len(calls))
        time.sleep(MEASURED)
        return [None] * len(calls)


def _define_documented(app, notes):
    """The examples of celery-batches' documentation, with an answer for each call."""

    @app.task(base=BatchTask, shared=False, name="count_click", batch_size=100)
    def count_click(requests):
        count = Counter(request.kwargs["url"] for request in requests)
        for url, clicks in count.items():
            _note(notes, "clicks", url, clicks)
        return [None] * len(requests)

    @app.task(base=BatchTask, shared=False, name="wot_api", batch_size=100)
    def wot_api(requests):
        urls = [request.args[0] for request in requests]
        return [{"target": url, "safety": {"status": "SAFE"}} for url in urls]

    @app.task(base=BatchTask, shared=False, name="check_emoji", batch_size=100)
    def check_emoji(requests):
        return [request.args[0] in {"+1", "tada"} for request in requests]

    @app.task(base=BatchTask, shared=False, name="bulk_insert", batch_size=100)
    def bulk_insert(requests):
        for row in [request.kwargs for request in requests]:
            _note(notes, "row", row["name"], row["price"])
        return [None] * len(requests)

    @app.task(base=BatchTask, shared=False, name="last_seen", batch_size=100)
    def last_seen(requests):
        latest = {}
        for user_id, when in (request.args for request in requests):
            latest[user_id] = max(when, latest.get(user_id, when))
        for user_id, when in latest.items():
            _note(notes, "seen", user_id, when.isoformat())
        return [None] * len(requests)


def _define_singles(app, notes):
    @app.task(shared=False, name="follow")
    def follow(*values):
        return ["followed", *values]

    @app.task(shared=False, name="mourn")
    def mourn(request, error, traceback):
        _note(notes, "mourn", request.id)


def _note(notes, *what):
    with notes.open("a") as file:
        print(*what, file=file)


if QUEUE_URL in os.environ:
    app = create(*(os.environ[name] for name in (QUEUE_URL, ENDPOINT, RESULTS, NOTES)))
