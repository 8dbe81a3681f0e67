"""The custom task classes of the chapter "Tasks"."""

import os

from celery_sqs import SQSTask
from tests.chapters.proj import app, note, task


class NaiveAuthenticateServer(SQSTask):
    name = "authenticate"

    def __init__(self):
        self.users = {"george": "password"}

    def run(self, username, password):
        try:
            return self.users[username] == password
        except KeyError:
            return False


app.register_task(NaiveAuthenticateServer())


class DatabaseTask(SQSTask):
    _db = None

    @property
    def db(self):
        if self._db is None:
            self._db = object()
        return self._db


@task(base=DatabaseTask, bind=True)
def process_rows(self):
    return [os.getpid(), id(self.db)]


class MyTask(SQSTask):
    def before_start(self, task_id, args, kwargs):
        note("hook", task_id, name="before_start", args=args, kwargs=kwargs)

    def on_success(self, retval, task_id, args, kwargs):
        note("hook", task_id, name="on_success", seen=self._seen(task_id), retval=retval)
        super().on_success(retval, task_id, args, kwargs)

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        note("hook", task_id, name="on_retry", seen=self._seen(task_id), error=repr(exc))
        super().on_retry(exc, task_id, args, kwargs, einfo)

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        note("hook", task_id, name="on_failure", seen=self._seen(task_id), error=repr(exc))
        super().on_failure(exc, task_id, args, kwargs, einfo)

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        note("hook", task_id, name="after_return", status=status)
        super().after_return(status, retval, task_id, args, kwargs, einfo)

    def _seen(self, task_id):
        return self.AsyncResult(task_id).state


@task(base=MyTask, bind=True)
def my_task(self, x, times=0):
    note("hook", self.request.id, name="run")
    if self.request.retries < times:
        raise LookupError(x)
    return x
