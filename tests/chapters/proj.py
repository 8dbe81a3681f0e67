"""The project of Celery's manual, on SQS: `celery -A tests.chapters.proj worker`.

Its tasks are in modules of their own, and are not shared, as other tests have apps in the same process.
"""

import functools
import json
import os
from pathlib import Path

from celery import Celery

import celery_sqs

FOLDER, ENDPOINT, QUEUE_URL, LOW_URL = "FOLDER", "ENDPOINT", "QUEUE_URL", "LOW_URL"  # environment variables

LOW = "low-priority"
MODULES = ["tests.chapters.canvas", "tests.chapters.classes", "tests.chapters.tasks"]
ACCESS_KEY = ("test", "test")


class Project(Celery):
    """The chapter on tasks leaves the last part of a module out of the names of its tasks like this."""

    def gen_task_name(self, name, module):
        return super().gen_task_name(name, module.removesuffix(".tasks"))


app = Project("proj", set_as_current=False, include=MODULES)
celery_sqs.setup(app, region="us-east-1", access_key=ACCESS_KEY)
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    result_serializer="json",
    result_extended=True,
    result_chord_retry_interval=0.2,
    timezone="Europe/Oslo",
    enable_utc=True,
    task_soft_time_limit=15,
    task_time_limit=20,
    task_routes={"tests.chapters.canvas.where": LOW},
    task_annotations={"tests.chapters.canvas.slow_down": {"rate_limit": "2/s"}, "*": {"backoff_base": 0}},
)
task = functools.partial(app.task, shared=False)


def configure(folder, endpoint, queue_url, low_url):
    """Say where the queues and results are."""
    (folder / "results").mkdir(exist_ok=True)
    queues = {"celery": queue_url, LOW: low_url}
    app.conf.update(sqs_queues=queues, sqs_endpoint_url=endpoint, result_backend=f"file://{folder}/results")


def note(event, task_id, **more):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with Path(os.environ[FOLDER], "notes").open("a") as notes:
        notes.write(json.dumps({"event": event, "id": task_id, **more}) + "\n")


if FOLDER in os.environ:
    configure(Path(os.environ[FOLDER]), *(os.environ[name] for name in (ENDPOINT, QUEUE_URL, LOW_URL)))
