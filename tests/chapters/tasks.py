"""The tasks of the chapter "Tasks", with the base class of celery_sqs where the chapter has Celery's."""

import os
import time

from celery import shared_task, states
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from celery.utils.log import get_task_logger

from celery_sqs import SQSTask
from tests.chapters.canvas import add
from tests.chapters.proj import FOLDER, note, task

logger = get_task_logger(__name__)


class FailWhaleError(Exception):
    """What a service raises that is over capacity."""


class LoginError(FailWhaleError):
    """What it raises that no retry can fix."""


class HttpError(Exception):
    """As the chapter wants it: with its arguments."""

    def __init__(self, status_code, headers=None):
        self.status_code, self.headers = status_code, headers
        super().__init__(status_code, headers)


class BadHttpError(Exception):
    """As the chapter warns of it: it cannot be unpickled."""

    def __init__(self, status_code, headers):
        self.status_code = status_code


@task(name="sum-of-two-numbers")
def named(x, y):
    return x + y


ATTRIBUTES = """
args callbacks called_directly chain chord correlation_id delivery_info errbacks eta expires group headers hostname id
is_eager kwargs origin parent_id properties replaced_task_nesting reply_to retries root_id soft_time_limit stamps
time_limit timelimit utc
"""


@task(bind=True)
def dump_context(self, x, y, z=0):
    return {name: getattr(self.request, name) for name in ATTRIBUTES.split()}


@task(bind=True)
def talk(self):
    logger.info("adding %s", self.request.id)
    print("printed", self.request.id)  # noqa: T201  # a worker redirects it


@task(typing=False)
def unchecked(x, y):
    return x + y


def flaky(self, times, error=FailWhaleError):
    """Fail in the first runs of a call."""
    note("run", self.request.id, at=time.time(), retries=self.request.retries)
    if self.request.retries < times:
        raise error(f"run {self.request.retries}")
    return self.request.retries


@task(bind=True)
def send_twitter_status(self, times, **how):
    try:
        return flaky(self, times)
    except FailWhaleError as exc:
        raise self.retry(exc=exc, **how) from exc


@task(bind=True, default_retry_delay=1)
def delayed(self):
    return flaky_retried(self)


@task(bind=True, default_retry_delay=30 * 60)
def overriding(self):
    return flaky_retried(self, countdown=1)


def flaky_retried(self, **how):
    try:
        return flaky(self, 1)
    except Exception as exc:
        raise self.retry(exc=exc, **how) from exc


@task(bind=True, max_retries=0)
def never_again(self):
    note("run", self.request.id)
    self.retry(countdown=0)


@task(bind=True, autoretry_for=(FailWhaleError,), retry_kwargs={"max_retries": 4, "countdown": 0})
def refresh_timeline(self, times):
    return flaky(self, times)


@task(bind=True, autoretry_for=(Exception,), retry_backoff=True, retry_jitter=False)
def backing_off(self):
    return flaky(self, 2)


@task(bind=True, autoretry_for=(FailWhaleError,), dont_autoretry_for=(LoginError,), retry_backoff=900)
def particular(self):
    flaky(self, 99, LoginError)


class BaseTaskWithRetry(SQSTask):
    autoretry_for = (TypeError,)
    max_retries = 4
    retry_backoff = True
    retry_backoff_max = 0
    retry_jitter = False


@task(base=BaseTaskWithRetry, bind=True)
def class_based(self):
    return flaky(self, 4, TypeError)


@task(throws=(KeyError,))
def get_foo():
    raise KeyError("expected of get_foo")


@task(bind=True, soft_time_limit=1)
def tidy(self):
    """It is asked to end, and does."""
    try:
        time.sleep(10)
    except SoftTimeLimitExceeded:
        return [self.request.time_limit, self.request.soft_time_limit]


@task(bind=True)
def sleepy(self, seconds):
    note("run", self.request.id)
    time.sleep(seconds)


@task(bind=True, soft_time_limit=1, time_limit=2)
def stubborn(self):
    """It is asked to end, and does not."""
    note("run", self.request.id)
    try:
        time.sleep(10)
    except SoftTimeLimitExceeded:
        time.sleep(10)


@task(ignore_result=True)
def mytask(x, y):
    return x + y


@task(ignore_result=True, store_errors_even_if_ignored=True)
def keeping_errors():
    raise LookupError("it is kept")


@task(track_started=True)
def tracked():
    time.sleep(1)


@task(bind=True)
def upload_files(self, filenames):
    for i, _file in enumerate(filenames):
        if not self.request.called_directly:
            self.update_state(state="PROGRESS", meta={"current": i, "total": len(filenames)})
        time.sleep(0.5)
    return len(filenames)


@task
def failing_http(*, is_bad):
    raise BadHttpError(404, {}) if is_bad else HttpError(404, {"Server": "ours"})


@task(bind=True)
def get_tweets(self, user):
    if not self.request.called_directly:
        self.update_state(state=states.SUCCESS, meta=[f"a tweet of {user}"])
    raise Ignore


@task(bind=True, acks_late=True)
def render_scene(self, path):
    note("run", self.request.id)
    try:
        bytearray(1 << 60)
    except MemoryError as exc:
        raise Reject(exc, requeue=False) from exc


@task(bind=True, acks_late=True)
def requeues(self):
    note("run", self.request.id)
    if not self.request.delivery_info["redelivered"]:
        raise Reject("no reason", requeue=True)
    return "received two times"


@task
def update_page_info(url):
    chain = fetch_page.s(url) | parse_page.s() | store_page_info.s(url)
    return chain().id


@task
def fetch_page(url):
    return f"page of {url}"


@task
def parse_page(page):
    return f"info of {page}"


@task
def store_page_info(info, url):
    return [info, url]


@task(permanent=(RuntimeError,))
def waiting_for_another(**how):
    return add.delay(2, 2).get(timeout=10, **how)


if FOLDER in os.environ:  # of a process that has no other apps

    @shared_task(name="shared-add")
    def shared_add(x, y):
        return x + y
