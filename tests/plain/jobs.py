"""The tasks that both systems run: the same functions, so that only what carries them differs."""

import json
import os
import time
from pathlib import Path

from celery.exceptions import Ignore

RUNS = "RUNS"  # the environment variable that names the file where every run leaves a line


def define(app, **options):
    """Make tasks of an app, named `jobs.note` and so on. Each takes one JSON object."""
    for job in (note, fail, retry, ignore, sleep):
        # Not shared: Celery would make it a task of every app in the process, the other system's too.
        app.task(bind=True, shared=False, max_retries=None, name=f"jobs.{job.__name__}", **options)(job)


def note(self, order):
    _record("note")


def fail(self, order):
    _record("fail")
    raise LookupError("as ordered")


def retry(self, order):
    _record("retry")
    self.retry(countdown=0)


def ignore(self, order):
    _record("ignore")
    raise Ignore


def sleep(self, order):
    _record("sleep")
    time.sleep(float(order["seconds"]))  # a Decimal where numbers keep their digits
    _record("slept")


def _record(event):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with Path(os.environ[RUNS]).open("a") as runs:
        runs.write(json.dumps({"event": event, "at": time.time()}) + "\n")
