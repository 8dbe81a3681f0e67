"""`retry` on SQS: when the same message is enough, when a new one is sent and what it carries, and where it ends."""

import json
import math

import pytest
from celery.backends.base import DisabledBackend
from celery.exceptions import MaxRetriesExceededError, Retry

from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.errors import NotConfirmed
from celery_sqs.message.wire import ATTEMPTS, MAX_RECEIVE_COUNT
from celery_sqs.tasks.decision import Resent
from celery_sqs.tasks.task import SQSTask
from tests.unit.test_fast_path import QUEUE, Caller

RECEIVES = 3


class Stores(DisabledBackend):
    """A result backend that keeps a list of what is stored; where it has none, it is away."""

    def __init__(self, app, order):
        super().__init__(app)
        self._order = order

    def store_result(self, task_id, result, state, **_):
        if self._order is None:
            raise ConnectionError("the backend is away")
        self._order.append((task_id, state, str(result)))


@pytest.fixture
def caller():
    return Caller()


@pytest.fixture
def run(caller):
    """A function that runs a task which retries, in a worker; returns what it raises."""

    def run(attempt=1, retries=None, author=None, **how):
        task = caller.app.task(base=SQSTask, bind=True, name="again", shared=False, **(author or {}))(_again)
        task.push_request(
            id="the-id",
            called_directly=False,
            retries=attempt - 1 if retries is None else retries,
            args=["a", 1],
            kwargs={},
            hostname="w@h",
            delivery_info={"exchange": "", "routing_key": QUEUE},
            expires="2126-01-24T12:00:00+00:00",
            errbacks=[{"task": "errback"}],
            **{MAX_RECEIVE_COUNT: RECEIVES, ATTEMPTS: attempt - 1},
        )
        try:
            task("a", 1, **how)
        except Exception as error:
            return error
        finally:
            task.pop_request()

    return run


def sent(caller):
    """The one new message: its queue, its call, its headers."""
    [(queue, message, beside)] = caller.channel.sent
    headers = json.loads(message.attributes["celery_headers"]["StringValue"])
    return queue, json.loads(message.body), headers, message.attributes["celery_id"]["StringValue"], beside


@pytest.mark.parametrize("how", [{}, {"countdown": 2}, {"exc": LookupError()}, {"max_retries": 1}], ids=repr)
def test_a_plain_one_sends_nothing(caller, run, how):
    error = run(**how)
    assert (type(error), caller.channel.sent) == (Retry, [])


@pytest.mark.parametrize(
    "how", [{"args": ["b", 2]}, {"kwargs": {"x": 1}}, {"queue": "other"}, {"time_limit": 5}], ids=repr
)
def test_other_arguments_or_options_are_a_new_message_of_the_same_call(caller, run, how):
    assert type(run(countdown=7, **how)) is Resent
    queue, (args, kwargs, embed), headers, task_id, beside = sent(caller)
    assert (task_id, headers["retries"], beside) == ("the-id", 1, {"DelaySeconds": 7})
    assert queue == how.get("queue", QUEUE)
    assert (args, kwargs) == (how.get("args", ["a", 1]), how.get("kwargs", {}))
    assert embed["errbacks"] == [{"task": "errback"}]
    assert headers["expires"] == "2126-01-24T12:00:00+00:00"
    assert ATTEMPTS not in headers


def test_its_state_is_stored_before_the_new_message_is_sent(caller, run):
    """The new message has the same id, and its run may have ended before this one has."""
    order = []
    caller.channel.send = lambda *_: order.append("sent")
    author = {"backend": Stores(caller.app, order)}
    assert type(run(args=["b", 2], exc=LookupError("why"), author=author)) is Resent
    assert order == [("the-id", "RETRY", "why"), "sent"]


def test_where_no_result_is_kept_no_state_is_stored(caller, run):
    order = []
    author = {"backend": Stores(caller.app, order), "ignore_result": True}
    assert type(run(args=["b", 2], author=author)) is Resent
    assert order == []


def test_a_result_backend_that_is_away_keeps_no_retry_from_being_sent(caller, run, caplog):
    assert type(run(args=["b", 2], author={"backend": Stores(caller.app, None)})) is Resent
    assert sent(caller)[1][0] == ["b", 2]
    assert "the state RETRY of again[the-id] is not stored" in caplog.text


def test_a_delay_that_sqs_does_not_take_is_a_new_message_with_an_eta(caller, run):
    assert type(run(countdown=LONGEST_DELAY)) is Retry
    assert type(run(countdown=LONGEST_DELAY + 1)) is Resent
    assert "eta" in sent(caller)[2]


def test_one_that_is_not_thrown_is_a_new_message(caller, run):
    assert run(throw=False, countdown=7) is None
    assert sent(caller)[4] == {"DelaySeconds": 7}


@pytest.mark.parametrize("author", [{"max_retries": RECEIVES}, {"max_retries": None}], ids=repr)
def test_on_the_last_attempt_it_is_a_new_message_where_the_author_allows_more(caller, run, author):
    assert type(run(attempt=RECEIVES - 1, author=author)) is Retry
    assert caller.channel.sent == []
    assert type(run(attempt=RECEIVES, author=author)) is Resent
    assert sent(caller)[2]["retries"] == RECEIVES


def test_the_limit_counts_all_messages_of_a_call(caller, run):
    assert isinstance(run(retries=5, author={"max_retries": 5}).exc, MaxRetriesExceededError)
    assert type(run(retries=4, author={"max_retries": 5})) is Retry


def test_a_call_that_goes_on_in_new_messages_ends_where_one_message_would(caller, run):
    assert type(run(retries=RECEIVES - 2, args=["b", 2])) is Resent
    assert isinstance(run(retries=RECEIVES - 1, args=["b", 2]).exc, MaxRetriesExceededError)


@pytest.mark.parametrize(("author", "new_messages"), [({"max_retries": 4}, 4), ({}, RECEIVES - 1)], ids=repr)
def test_the_last_of_its_messages_runs_at_each_of_its_receives(caller, run, author, new_messages):
    """Each message but the last runs once: SQS alone moves a message to the DLQ, and only after all its receives."""
    ends, retries, attempt = [], 0, 1
    while not ends or not isinstance(ends[-1], MaxRetriesExceededError):
        ends.append(run(attempt=attempt, retries=retries, args=["b", 2], author=author))
        retries += 1
        attempt = 1 if isinstance(ends[-1], Resent) else attempt + 1
    assert len(caller.channel.sent) == new_messages
    assert len(ends) == new_messages + RECEIVES


def test_an_attribute_of_the_author_called_attempt_is_the_authors(caller, run):
    task = caller.app.task(base=SQSTask, bind=True, name="again", shared=False)(_again)
    task.attempt = 99
    assert type(run()) is Retry
    del task.attempt
    assert task.attempt == 1


def test_where_sqs_does_not_confirm_the_new_message_the_attempt_has_failed(caller, run):
    def refuse(*_):
        raise NotConfirmed("not in time")

    caller.channel.send = refuse
    error = run(args=["b", 2])
    assert (type(error), type(error.exc)) == (Retry, NotConfirmed)


def test_eagerly_it_runs_at_once_and_ends_at_celerys_limit(caller):
    task = caller.app.task(base=SQSTask, bind=True, name="eager", shared=False)(_counting)
    assert task.apply((2,)).get() == 2
    assert isinstance(task.apply((math.inf,)).result, MaxRetriesExceededError)
    assert caller.channel.sent == []


def test_eagerly_an_error_is_the_tasks(caller):
    result = caller.store.apply(("not an object",), throw=False)
    assert result.get() == "not an object"
    task = caller.app.task(base=SQSTask, name="failing", shared=False)(_fail)
    assert isinstance(task.apply().result, LookupError)


def test_called_as_a_function_it_raises_its_reason(caller):
    task = caller.app.task(base=SQSTask, bind=True, name="direct", shared=False)(_again)
    with pytest.raises(LookupError):
        task("a", 1, exc=LookupError())
    with pytest.raises(Retry):
        task("a", 1)


def test_a_task_that_calls_itself_calls_a_function(caller):
    task = caller.app.task(base=SQSTask, bind=True, name="deep", shared=False)(_deep)
    task.push_request(id="the-id", called_directly=False, args=[2], hostname="w@h")
    try:
        assert task(2) == "caught LookupError"
    finally:
        task.pop_request()


def _again(self, *args, **how):
    self.retry(**how)


def _counting(self, times):
    if self.request.retries < times:
        raise self.retry()
    return self.request.retries


def _fail():
    raise LookupError


def _deep(self, depth):
    if not depth:
        raise LookupError
    try:
        return self(depth - 1)
    except LookupError as error:
        return f"caught {type(error).__name__}"
