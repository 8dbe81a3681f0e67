"""An app with `task_protocol = 1`, as an old installation has it: `celery -A tests.outcomes.protocol1_app worker`.

What follows a call leaves a line in a file.
"""

import json
import os
from pathlib import Path

from celery import Celery

import celery_sqs
from celery_sqs import BatchTask, SQSTask

FOLDER, ENDPOINT, QUEUE_URL = "FOLDER", "ENDPOINT", "QUEUE_URL"  # environment variables

#: The file with the tables of the monitor.
MONITOR = "monitor.db"


class Batch(BatchTask):
    """Without long pauses."""

    abstract = True
    backoff_base = 0


class Single(SQSTask):
    """The same. What a call is about is in the monitor's table once it was sent."""

    abstract = True
    backoff_base = 0

    def subject(self, *args, **kwargs):
        return f"{self.name}{args}"


def backend(folder):
    """Where results are."""
    (folder / "results").mkdir(exist_ok=True)
    return f"file://{folder}/results"


def make_app(folder, endpoint, queue_url):
    """The app, and its tasks by name."""
    app = Celery("old", backend=backend(folder), set_as_current=False)
    celery_sqs.setup(
        app,
        queues={queue_url.rsplit("/", 1)[-1]: queue_url},
        region="us-east-1",
        endpoint_url=endpoint,
        access_key=("test", "test"),
        monitor_database=f"sqlite:///{folder / MONITOR}",
    )
    app.conf.update(task_protocol=1, task_time_limit=20, task_soft_time_limit=15, result_chord_retry_interval=0.2)
    app.task(base=Single, name="add", shared=False)(add)
    app.task(base=Single, name="tsum", shared=False)(tsum)
    app.task(base=Single, name="fail", shared=False)(fail)
    app.task(base=Single, name="onwards", shared=False, bind=True)(onwards)
    app.task(base=Single, name="note", shared=False)(note)
    app.task(base=Batch, name="multiply", shared=False, batch_size=10)(multiply)
    return app


def note(what):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with Path(os.environ[FOLDER], "notes").open("a") as notes:
        notes.write(json.dumps(what) + "\n")


def add(x, y):
    return x + y


def tsum(numbers):
    return sum(numbers)


def fail(why):
    raise ValueError(why)


def onwards(self, number, to):
    """Goes on with other arguments."""
    if number < to:
        raise self.retry(args=[number + 1, to], countdown=0)
    return [number, self.request.retries]


def multiply(calls):
    return [call.args[0] * call.kwargs["by"] for call in calls]


def __getattr__(name):
    if name != "app":
        raise AttributeError(name)
    globals()["app"] = make_app(Path(os.environ[FOLDER]), os.environ[ENDPOINT], os.environ[QUEUE_URL])
    return globals()["app"]
