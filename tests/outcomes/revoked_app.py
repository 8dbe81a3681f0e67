"""An app whose calls somebody revokes: `celery -A tests.outcomes.revoked_app worker`, with the monitor in SQLite."""

import json
import os
from pathlib import Path

from celery import Celery, signals

import celery_sqs
from celery_sqs import BatchTask
from tests.polling import poll

FOLDER, ENDPOINT, QUEUE_URL = "FOLDER", "ENDPOINT", "QUEUE_URL"  # environment variables
RELEASED = "released"  # the file that a test makes when what runs may end
MAX_HOLD = 60  # seconds


def make_app(folder, endpoint, queue_url):
    """The app, and its tasks by name."""
    (folder / "results").mkdir(exist_ok=True)
    app = Celery("revoked", backend=f"file://{folder}/results", set_as_current=False)
    celery_sqs.setup(
        app,
        queues={queue_url.rsplit("/", 1)[-1]: queue_url},
        region="us-east-1",
        endpoint_url=endpoint,
        access_key=("test", "test"),
        monitor_database=f"sqlite:///{folder}/monitor.db",
    )
    app.conf.update(task_time_limit=MAX_HOLD + 10, task_soft_time_limit=MAX_HOLD + 5)

    @app.task(name="hold", shared=False, bind=True)
    def hold(self, waits):
        note(folder, "run", self.request.id)
        if waits:
            wait_for_release(folder)
        return "held"

    @app.task(name="gather", shared=False, base=BatchTask, batch_size=10)
    def gather(calls):
        for call in calls:
            note(folder, "run", call.id)
        if any(call.args[0] for call in calls):
            wait_for_release(folder)
        return [None] * len(calls)

    return app


def wait_for_release(folder):
    poll((folder / RELEASED).exists, MAX_HOLD, "the test releases what runs")


def note(folder, event, task_id):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with (folder / "notes").open("a") as notes:
        notes.write(json.dumps([event, task_id]) + "\n")


if FOLDER in os.environ:  # a process of the app, and not the tests
    where = Path(os.environ[FOLDER])
    app = make_app(where, os.environ[ENDPOINT], os.environ[QUEUE_URL])
    signals.task_revoked.connect(lambda request, **_: note(where, "task_revoked", request.id), weak=False)
