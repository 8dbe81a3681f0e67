"""The tasks of the chapters "First steps", "Calling tasks" and "Canvas"."""

import time

from celery import group
from celery.result import allow_join_result

from tests.chapters.proj import app, note, task


@task
def add(x, y, debug=False):
    return x + y


@task
def subtract(x, y):
    return x - y


@task
def mul(x, y):
    return x * y


@task
def tsum(numbers):
    return sum(numbers)


@task
def xsum(numbers):
    return sum(xsum(each) if isinstance(each, list) else each for each in numbers)


@task
def echo(*args, **kwargs):
    return [list(args), kwargs]


@task(permanent=(ValueError,))
def raising_task(text="something something"):
    raise ValueError(text)


@task(bind=True)
def reset_buffers(self):
    note("reset", self.request.id)
    return "reset"


@task(bind=True)
def log_result(self, result):
    note("log_result", self.request.parent_id, result=result)


@task
def log_error(request, exc, traceback):
    """An errback that Celery calls where the task has failed."""
    note("log_error", request.id, error=repr(exc), traceback=traceback)


@task
def on_error(task_id):
    """An errback that Celery sends a message to."""
    with allow_join_result():
        error = app.AsyncResult(task_id).get(propagate=False)
    note("on_error", task_id, error=repr(error))


@task(bind=True)
def bound_errback(self, task_id):
    note("bound_errback", task_id)


@task
def create_user(username):
    return {"username": username}


@task
def import_contacts(user):
    return f"contacts of {user['username']}"


@task
def send_welcome_email(user):
    return f"welcome {user['username']}"


@task(bind=True)
def where(self):
    """It is routed to a queue of its own."""
    return self.request.delivery_info["routing_key"]


@task(bind=True)
def headers(self):
    return self.request.headers


@task(bind=True)
def replaced_by(self, signature):
    raise self.replace(self.app.signature(signature))


@task(bind=True)
def replaced_by_sums(self, count):
    raise self.replace(group(add.s(number, number) for number in range(count)))


@task(bind=True)
def slow_down(self):
    """It has a rate limit, by the app's configuration."""
    note("slow_down", self.request.id, at=time.time())
