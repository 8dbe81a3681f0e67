"""An app as an adopter writes it, with a result backend that polls: `celery -A tests.outcomes.shop worker`.

What happens leaves a line in a file: runs, errbacks, and Celery's signals for outcomes, in whichever process.
"""

import json
import os
import signal
from pathlib import Path

from celery import Celery, signals
from celery.exceptions import Ignore, Reject

import celery_sqs

FOLDER, ENDPOINT, QUEUE_URL = "FOLDER", "ENDPOINT", "QUEUE_URL"  # environment variables


def make_app(folder, endpoint, queue_url):
    """The app, and its tasks by name."""
    (folder / "results").mkdir(exist_ok=True)
    app = Celery("shop", backend=f"file://{folder}/results", set_as_current=False)
    queues = {queue_url.rsplit("/", 1)[-1]: queue_url}
    celery_sqs.setup(app, queues=queues, region="us-east-1", endpoint_url=endpoint, access_key=("test", "test"))
    app.conf.update(task_time_limit=20, task_soft_time_limit=15, result_chord_retry_interval=0.2)
    for run, options in TASKS.items():
        app.task(name=run.__name__, shared=False, **{"backoff_base": 0, **options})(run)
    return app


def note(event, task_id, **more):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with Path(os.environ[FOLDER], "notes").open("a") as notes:
        notes.write(json.dumps({"event": event, "id": task_id, **more}) + "\n")


def once(self):
    """Fails at first."""
    note("run", self.request.id)
    if not self.request.retries:
        raise LookupError("at first")
    return self.request.retries


def never(self):
    note("run", self.request.id)
    raise LookupError("always")


def errback(self, failed_id):
    note("errback", failed_id)


def add_up(self, numbers):
    return sum(numbers)


def answer(self, value):
    note("run", self.request.id)
    return value


def replaced(self):
    note("run", self.request.id)
    raise self.replace(self.app.tasks["answer"].si("the other's"))


def ignored(self):
    note("run", self.request.id)
    raise Ignore


def rejected(self):
    note("run", self.request.id)
    raise Reject("not this one", requeue=False)


def requeued(self):
    note("run", self.request.id)
    if not self.request.delivery_info["redelivered"]:
        raise Reject("not now", requeue=True)
    return "received twice"


def elsewhere(self, number, to):
    """Goes on with other arguments."""
    note("run", self.request.id, retries=self.request.retries)
    if number < to:
        raise self.retry(args=[number + 1, to], countdown=0)
    return [number, self.request.retries]


def patient(self, retries):
    """Goes on beyond the queue's receives."""
    note("run", self.request.id, retries=self.request.retries, receives=self.receive_count)
    if self.request.retries < retries:
        raise self.retry(countdown=0)
    return self.request.retries


def beside(self):
    """Asks for another run and succeeds."""
    note("run", self.request.id)
    if not self.request.retries:
        self.retry(throw=False, countdown=1)
    return self.request.retries


def vanish(self, times):
    note("run", self.request.id)
    if self.request.retries < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return self.request.retries


def unspeakable(self):
    """Has a result that is no JSON."""
    note("run", self.request.id)
    return object()


def log_context(self, *args):
    """Fields with names that each log line has of its own."""
    return {"name": self.name, "message": "hello", "args": args}


def throws(self):
    """What it raises is declared in a list."""
    never(self)


def permanent(self):
    """What it raises is declared in a list."""
    never(self)


def logs(self):
    """Its log lines have fields of its own."""
    never(self)


TASKS = {
    once: {"bind": True},
    never: {"bind": True},
    errback: {"bind": True},
    add_up: {"bind": True},
    answer: {"bind": True},
    replaced: {"bind": True},
    ignored: {"bind": True},
    rejected: {"bind": True},
    requeued: {"bind": True},
    elsewhere: {"bind": True},
    patient: {"bind": True, "max_retries": 5},
    beside: {"bind": True},
    vanish: {"bind": True},
    unspeakable: {"bind": True},
    throws: {"bind": True, "throws": [LookupError]},
    permanent: {"bind": True, "permanent": [LookupError]},
    logs: {"bind": True, "log_context": log_context},
}


def _on_failure(task_id, exception, **_):
    note("task_failure", task_id, error=type(exception).__name__)


def _on_retry(request, reason, **_):
    note("task_retry", request.id, error=type(reason.exc).__name__)


def _on_revoked(request, expired, **_):
    note("task_revoked", request.id, expired=expired)


if FOLDER in os.environ:  # a process of the app, and not the tests
    signals.task_failure.connect(_on_failure)
    signals.task_retry.connect(_on_retry)
    signals.task_revoked.connect(_on_revoked)
    app = make_app(Path(os.environ[FOLDER]), os.environ[ENDPOINT], os.environ[QUEUE_URL])
