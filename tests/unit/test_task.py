"""A task in the hands of a worker: nothing it raises ends the process, and a retry is one failed attempt."""

import asyncio
import pickle
from datetime import UTC, datetime

import pytest
from celery import Celery
from celery.exceptions import MaxRetriesExceededError, Retry, WorkerShutdown, WorkerTerminate

from celery_sqs.message.wire import ATTEMPTS, MAX_RECEIVE_COUNT, RECEIVE_COUNT
from celery_sqs.tasks.decision import Kind, backoff
from celery_sqs.tasks.escape import Escaped
from celery_sqs.tasks.outcomes.tracer import DECISION
from celery_sqs.tasks.task import SQSTask

RECEIVES = 3
ETA = datetime.now(UTC)


@pytest.fixture
def app():
    celery = Celery("single", set_as_current=False)
    yield celery
    celery.close()


@pytest.fixture
def make(app):
    """A function that makes a task of a function, as a decorator would."""

    def make(run, **options):
        return app.task(base=SQSTask, shared=False, **{"name": "jobs.one", **options})(run)

    return make


def in_worker(task, *args, attempt=1, **kwargs):
    """Call a task as a worker does on one of its message's attempts."""
    allowed = {MAX_RECEIVE_COUNT: RECEIVES}
    task.push_request(id="id", called_directly=False, retries=attempt - 1, args=args, hostname="w@h", **allowed)
    try:
        return task(*args, **kwargs)
    finally:
        task.pop_request()


class TestRetry:
    @pytest.fixture
    def task(self, make):
        return make(_again, bind=True)

    @pytest.mark.parametrize(
        ("how", "when"),
        [({"countdown": 2}, 2), ({"countdown": 0}, 0), ({"eta": ETA}, ETA)],
        ids=["countdown", "at once", "eta"],
    )
    def test_it_ends_the_attempt_and_says_when_the_next_is_due(self, task, how, when):
        with pytest.raises(Retry) as raised:
            in_worker(task, **how)
        assert raised.value.when == when

    def test_it_carries_its_reason(self, task):
        reason = LookupError("not yet")
        with pytest.raises(Retry) as raised:
            in_worker(task, exc=reason)
        assert raised.value.exc is reason

    def test_without_a_time_it_is_due_after_the_back_off_or_the_authors_delay(self, task, make):
        with pytest.raises(Retry) as raised:
            in_worker(task)
        assert raised.value.when == backoff("id", 1, task.backoff_base, task.backoff_cap)
        with pytest.raises(Retry) as raised:
            in_worker(make(_again, bind=True, name="jobs.two", default_retry_delay=7))
        assert raised.value.when == 7

    @pytest.mark.parametrize("throw", [True, False])
    def test_on_the_last_attempt_it_raises_its_reason(self, task, throw):
        with pytest.raises(LookupError):
            in_worker(task, attempt=RECEIVES, exc=LookupError(), throw=throw)
        with pytest.raises(MaxRetriesExceededError):
            in_worker(task, attempt=RECEIVES, throw=throw)

    def test_a_limit_of_its_own_ends_it_earlier(self, task):
        with pytest.raises(Retry):
            in_worker(task, attempt=1, max_retries=1)
        with pytest.raises(Retry) as raised:
            in_worker(task, attempt=2, max_retries=1)
        assert isinstance(raised.value.exc, MaxRetriesExceededError), "it is an error like any other"

    def test_the_tasks_limit_holds_unless_the_call_names_another(self, make):
        task = make(_again, bind=True, max_retries=0)
        with pytest.raises(Retry) as raised:
            in_worker(task)
        assert isinstance(raised.value.exc, MaxRetriesExceededError)
        with pytest.raises(Retry) as raised:
            in_worker(task, max_retries=1)
        assert raised.value.exc is None

    def test_called_directly_it_raises_its_reason(self, task):
        with pytest.raises(LookupError):
            task(exc=LookupError(), countdown=2)


class TestAutoretry:
    @pytest.fixture
    def make_auto(self, make):
        """A function that makes a task which is tried again for any OSError."""

        def make_auto(**options):
            return make(_throw, autoretry_for=(OSError,), **options)

        return make_auto

    def test_what_it_is_for_becomes_a_retry_with_the_tasks_arguments(self, make_auto):
        with pytest.raises(Retry) as raised:
            in_worker(make_auto(retry_kwargs={"countdown": 7}), TimeoutError())
        assert raised.value.when == 7
        assert isinstance(raised.value.exc, TimeoutError)

    def test_it_ends_with_the_attempts_that_the_queue_allows_or_earlier(self, make_auto):
        task = make_auto(retry_kwargs={"max_retries": 1, "countdown": 50})
        for attempt, when in ((1, 50), (2, backoff("id", 2, task.backoff_base, task.backoff_cap))):
            with pytest.raises(Retry) as raised:
                in_worker(task, TimeoutError(), attempt=attempt)
            assert raised.value.when == when
        with pytest.raises(TimeoutError):
            in_worker(make_auto(name="jobs.patient"), TimeoutError(), attempt=RECEIVES)

    @pytest.mark.parametrize(("attempt", "countdown"), [(1, 5), (2, 8)])
    def test_its_back_off_doubles_up_to_its_limit(self, make_auto, attempt, countdown):
        task = make_auto(retry_backoff=5, retry_backoff_max=8, retry_jitter=False)
        with pytest.raises(Retry) as raised:
            in_worker(task, TimeoutError(), attempt=attempt)
        assert raised.value.when == countdown

    def test_what_it_is_not_for_is_raised(self, make_auto):
        with pytest.raises(LookupError):
            in_worker(make_auto(), LookupError(), attempt=RECEIVES)


class TestWhatEscapes:
    @pytest.fixture
    def task(self, make):
        return make(_throw)

    @pytest.mark.parametrize(
        "error", [MemoryError(), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()], ids=repr
    )
    def test_what_would_end_the_process_is_a_failure_like_any_other(self, task, error):
        with pytest.raises(Escaped, match=type(error).__name__) as raised:
            in_worker(task, error, attempt=RECEIVES)
        assert raised.value.__cause__ is error

    @pytest.mark.parametrize("error", [MemoryError(), SystemExit(3), asyncio.CancelledError()], ids=repr)
    def test_a_task_that_is_called_directly_is_a_function(self, task, error):
        with pytest.raises(type(error)) as raised:
            task(error)
        assert raised.value is error

    @pytest.mark.parametrize("error", [WorkerShutdown(0), WorkerTerminate(1)], ids=repr)
    def test_what_ends_the_worker_ends_the_worker(self, task, error):
        with pytest.raises(type(error)):
            in_worker(task, error)

    def test_what_it_said_is_kept(self, task):
        with pytest.raises(Escaped, match="SystemExit: 3"):
            in_worker(task, SystemExit(3), attempt=RECEIVES)

    def test_what_a_task_returns_is_returned(self, make):
        assert in_worker(make(_double), 7) == 14


class Recording(SQSTask):
    """Keeps what it is to record, and holds an exception of its own against its call for good."""

    abstract = True

    class Hopeless(Exception):
        """Its text is not what it was made of, as is often seen; such an exception cannot be pickled."""

        def __init__(self, who, what):
            super().__init__(f"{who} may not {what}")

    permanent = (Hopeless, FileExistsError)

    def __init__(self):
        self.recorded, self.is_refusing = [], False

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)

    @property
    def attempt_store(self):
        return self

    def record(self, attempt):
        """Of a store of attempts; the others of its methods are not asked for in the pool."""
        if self.is_refusing:
            raise ValueError("no such column")
        self.recorded.append(attempt)


class TestRecord:
    @pytest.fixture
    def trace(self, app):
        """A function that lets Celery run a task that raises something; returns what is recorded."""

        def trace(error, attempt=1, receive_count=1):
            task = app.task(base=Recording, name="jobs.recording", shared=False)(_throw)
            request = {"id": "id", "message_id": "message", "retries": attempt - 1, "hostname": "w@h"}
            request |= {ATTEMPTS: attempt - 1, RECEIVE_COUNT: receive_count, MAX_RECEIVE_COUNT: RECEIVES}
            task.__trace__ = None
            task.__trace__("id", [error], {}, request)
            assert len(task.recorded) <= 1
            return next(iter(task.recorded), None)

        return trace

    def test_a_run_without_a_message_is_no_attempt_at_one(self, app):
        task = app.task(base=Recording, name="jobs.recording", shared=False)(_throw)
        assert task.apply((LookupError("no"),)).state == "FAILURE"
        assert task.recorded == []

    @pytest.mark.parametrize("error", [ConnectionError(), Retry(exc=ConnectionError(), when=60)], ids=repr)
    def test_an_outage_is_nobodys_failed_attempt(self, trace, error):
        assert trace(error) is None

    def test_a_failed_run_is_one_record(self, trace):
        error = LookupError("no")
        attempt = trace(error, attempt=2, receive_count=5)
        assert (attempt.task, attempt.task_id, attempt.message_id) == ("jobs.recording", "id", "message")
        assert (attempt.args, attempt.worker) == ((error,), "w@h")
        assert (attempt.kind, attempt.receive_count, attempt.final) == (Kind.OWN, 5, False)
        assert isinstance(attempt.error, LookupError)
        assert "LookupError: no" in attempt.traceback

    def test_a_retry_is_recorded_by_its_reason(self, trace):
        attempt = trace(Retry(exc=LookupError("no"), when=60))
        assert isinstance(attempt.error, LookupError)
        assert (attempt.next_visible_at - attempt.failed_at).total_seconds() == 60

    def test_a_retry_without_a_reason_is_recorded_as_one(self, trace):
        assert isinstance(trace(Retry(when=60)).error, Retry)

    def test_a_retry_for_what_is_permanent_is_recorded_as_that(self, trace):
        assert trace(Retry(exc=FileExistsError(), when=60)).kind is Kind.PERMANENT

    @pytest.mark.parametrize("error", [LookupError("no"), Retry(exc=LookupError("no"), when=60)], ids=repr)
    @pytest.mark.parametrize("is_refusing", [True, False])
    def test_the_workers_main_process_hears_whether_it_is_on_record(self, app, error, is_refusing):
        task = app.task(base=Recording, name="jobs.recording", shared=False)(_throw)
        task.is_refusing = is_refusing
        task.__trace__ = None
        einfo, *_ = task.__trace__("id", [error], {}, {"id": "id", "hostname": "w@h"})
        heard = pickle.loads(pickle.dumps(einfo))  # noqa: S301  # as the pool does
        decision = getattr(heard, DECISION)
        assert (decision.kind, decision.is_recorded) == (Kind.OWN, not is_refusing)
        assert decision.error == "LookupError: no"
        assert "in _throw" in decision.traceback or isinstance(error, Retry)

    def test_the_last_attempt_is_final(self, trace):
        assert trace(LookupError(), attempt=RECEIVES).final

    def test_the_last_receive_is_not_final_while_attempts_are_left(self, trace):
        assert not trace(LookupError(), attempt=1, receive_count=RECEIVES).final

    def test_an_exception_that_cannot_be_pickled_is_judged_for_what_it_is(self, trace):
        attempt = trace(Recording.Hopeless("he", "enter"))
        assert attempt.kind is Kind.PERMANENT
        assert "he may not enter" in str(attempt.error)


def _again(self, **how):
    return self.retry(**how)


def _double(number):
    return 2 * number


def _throw(error):
    raise error
