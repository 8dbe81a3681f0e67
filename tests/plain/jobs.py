"""The tasks that both systems run: the same functions, so that only what carries them differs."""

import asyncio
import collections
import contextlib
import json
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded

from celery_sqs import OnRecord
from celery_sqs.tasks.decision import Kind

RUNS = "RUNS"  # the environment variable that names the file where every run leaves a line
AWAY = "away"  # the file beside it that is there while what `jobs.depend` depends on is not


class Hopeless(Exception):
    """No later attempt can mend this. It cannot be pickled, as its text is not what it was made of."""

    def __init__(self, who, what):
        super().__init__(f"{who} may not {what}")


def define(app, **options):
    """Make tasks of an app, named `jobs.note` and so on. Each takes one JSON object."""
    for job, own in JOBS.items():
        # Not shared: Celery would make it a task of every app in the process, the other system's too.
        given = {"attempt_store": Attempts(), **options, **own}
        app.task(bind=True, shared=False, name=f"jobs.{job.__name__}", **given)(job)


def note(self, order):
    _record("note", self.request)


def fail(self, order):
    _record("fail", self.request)
    raise LookupError("as ordered")


def retry(self, order):
    _record("retry", self.request)
    self.retry(countdown=0)


def wait(self, order):
    _record("wait", self.request)
    if self.request.retries == 0:
        self.retry(countdown=2)


def meet(self, order):
    _record("meet", self.request)
    if self.request.retries == 0:
        self.retry(eta=datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=1))


def insist(self, order):
    _record("insist", self.request)
    raise LookupError("as ordered")


def ignore(self, order):
    _record("ignore", self.request)
    raise Ignore("as ordered")


def reject(self, order):
    _record("reject", self.request)
    raise Reject("as ordered", requeue=False)


def leave(self, order):
    _record("leave", self.request)
    sys.exit(3)


def exhaust(self, order):
    _record("exhaust", self.request)
    raise MemoryError


def cancel(self, order):
    _record("cancel", self.request)
    raise asyncio.CancelledError


def overrun(self, order):
    _record("overrun", self.request)
    with contextlib.suppress(SoftTimeLimitExceeded):
        time.sleep(60)
    time.sleep(60)


def vanish(self, order):
    _record("vanish", self.request)
    if self.request.retries == 0:
        os.kill(os.getpid(), signal.SIGKILL)


def despair(self, order):
    _record("despair", self.request)
    raise Hopeless("nobody", "enter")


def depend(self, order):
    _record("depend", self.request)
    if _is_away():
        raise ConnectionError("as ordered")


def sleep(self, order):
    _record("sleep", self.request)
    time.sleep(float(order["seconds"]))  # a Decimal where numbers keep their digits
    _record("slept", self.request)


def is_outage(error):
    return isinstance(error, ConnectionError)


def is_back(self):
    return not _is_away()


class Attempts:
    """Where our tasks keep their attempts: in the file of the runs. Plain Celery knows of no such thing."""

    def record(self, attempt):
        """A line for an attempt that has failed, or that begins."""
        _write(
            event="begun" if attempt.kind is Kind.BEGUN else "failed",
            id=attempt.task_id,
            message_id=attempt.message_id,
            receive_count=attempt.receive_count,
            kind=attempt.kind.value,
            error=type(attempt.error).__name__,
            final=attempt.final,
        )

    def withdraw(self, message_id, receive_count):
        """A line for an attempt that had begun, and has not failed."""
        _write(event="withdrawn", id=None, message_id=message_id, receive_count=receive_count)

    def returned(self, max_attempts):
        """How many attempts there are of these messages, and which has begun and has no outcome: it is lost."""
        open_ones, failed = {}, collections.defaultdict(set)
        for line in map(json.loads, Path(os.environ[RUNS]).read_text().splitlines()):
            if line["event"] == "begun":
                open_ones[line["message_id"]] = line
            elif line["event"] in {"failed", "withdrawn"}:
                open_ones.pop(line["message_id"], None)
                if line["event"] == "failed":
                    failed[line["message_id"]].add(line["receive_count"])
        return {
            message_id: self._of(failed[message_id], open_ones.get(message_id), allowed)
            for message_id, allowed in max_attempts.items()
        }

    def _of(self, failed, begun, allowed):
        if begun is None:
            return OnRecord(receives=frozenset(failed))
        receives = frozenset({*failed, begun["receive_count"]})
        _write(**begun | {"event": "failed", "kind": "lost", "final": len(receives) >= allowed})
        return OnRecord(receives=receives, lost=begun["receive_count"])


AT_ONCE = {"backoff_base": 0}  # where the test does not ask for how long

#: The jobs, with their arguments besides their names.
JOBS = {
    note: {},
    fail: {},
    retry: {},
    wait: {},
    meet: {},
    insist: {"autoretry_for": (LookupError,), "retry_kwargs": {"countdown": 0}},
    ignore: AT_ONCE,
    reject: AT_ONCE,
    leave: AT_ONCE,
    exhaust: AT_ONCE,
    cancel: AT_ONCE,
    overrun: AT_ONCE | {"soft_time_limit": 0.5, "time_limit": 1},
    vanish: AT_ONCE,
    despair: {"permanent": (Hopeless,)},
    depend: {"is_outage": staticmethod(is_outage), "is_back": is_back},
    sleep: {},
}


def _is_away():
    return Path(os.environ[RUNS]).with_name(AWAY).exists()


def _record(event, request):
    of_ours = {"message_id": getattr(request, "message_id", None)}
    of_ours["receive_count"] = getattr(request, "sqs_receive_count", None)
    _write(event=event, id=request.id, attempt=request.retries + 1, pid=os.getpid(), **of_ours)


def _write(**line):
    # One short write to a file opened for appending: lines of several processes do not mix.
    with Path(os.environ[RUNS]).open("a") as runs:
        runs.write(json.dumps({**line, "at": time.time()}) + "\n")
