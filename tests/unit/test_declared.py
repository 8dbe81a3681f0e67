"""What an author declares of a task is read as it is meant, or refused by one sentence before a worker receives."""

import contextlib
import math
from types import SimpleNamespace

import pytest
from celery import Celery
from celery.concurrency.base import BasePool

import celery_sqs
from celery_sqs import BatchTask
from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.message.wire import MAX_RECEIVE_COUNT, RECEIVE_COUNT
from celery_sqs.tasks.decision import BLOCKED_PAUSE, Kind, backoff
from celery_sqs.tasks.outcomes.tracer import make_tracer
from celery_sqs.worker.preflight import of_app
from celery_sqs.worker.steps import Preflight

QUEUES = {"mail": "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"}
REQUEST = {"id": "id", "message_id": "message", "hostname": "w@h", RECEIVE_COUNT: 1, MAX_RECEIVE_COUNT: 3}
EXCEPTIONS = ("throws", "permanent", "blocked")


@pytest.fixture
def app():
    celery = Celery("declared", set_as_current=False)
    celery_sqs.setup(celery, queues=QUEUES)
    yield celery
    celery.close()


@pytest.fixture
def declared(app):
    """A function that makes a task with these attributes."""

    def declared(**attributes):
        return app.task(name="jobs.one", shared=False, **attributes)(_fail)

    return declared


def _fail(*_):
    raise LookupError("no such address")


def run(task):
    """Run a task in Celery's tracer; returns the state and the decision."""
    info = make_tracer(task)("id", [], {}, dict(REQUEST))[1]
    return info.state, info.decision


@pytest.mark.parametrize("attribute", EXCEPTIONS)
@pytest.mark.parametrize(
    "given",
    [[LookupError], {LookupError}, LookupError, (LookupError,), [(LookupError,)], {LookupError: 1}.keys()],
    ids=["list", "set", "class", "tuple", "nested", "view"],
)
def test_exceptions_may_be_given_as_a_class_or_as_any_iterable_of_classes(app, declared, attribute, given):
    task = declared(**{attribute: given})
    assert getattr(task, attribute) == (LookupError,)
    assert of_app(app) == []


def test_a_class_of_a_task_may_have_them_too(app):
    class One(celery_sqs.SQSTask):
        name = "jobs.one"
        permanent = [LookupError]  # noqa: RUF012  # as authors write it

        def run(self):
            """Nobody runs it."""

    assert app.register_task(One()).permanent == (LookupError,)
    assert of_app(app) == []


@pytest.mark.parametrize(
    ("attribute", "kind", "delay"), [("permanent", Kind.PERMANENT, 0), ("blocked", Kind.BLOCKED, BLOCKED_PAUSE)]
)
def test_a_list_decides_as_a_tuple_does(declared, attribute, kind, delay):
    state, decision = run(declared(**{attribute: [LookupError]}))
    assert (state, decision.kind, decision.delay) == ("RETRY", kind, delay)


def test_a_task_that_throws_what_is_in_a_list_has_failed_and_met_no_outage(declared):
    state, decision = run(declared(throws=[LookupError]))
    assert (state, decision.kind, decision.is_recorded) == ("RETRY", Kind.OWN, True)


@pytest.mark.parametrize("attribute", EXCEPTIONS)
@pytest.mark.parametrize(
    "value",
    [("ValueError",), ["ValueError"], "ValueError", None, 5, int, (int,), (ValueError(),)],
    ids=repr,
)
def test_what_is_no_exception_class_is_refused(app, declared, attribute, value):
    declared(**{attribute: value})
    wanted = "an exception class, or a list, tuple or set of such"
    assert of_app(app) == [f"The task 'jobs.one' has {attribute}={value!r}: it has to be {wanted}."]


@pytest.mark.parametrize("attribute", EXCEPTIONS)
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [KeyError, value]], ids=["alone", "in a list"])
def test_what_can_be_read_only_once_is_refused_for_each_task_that_shares_it(app, attribute, wrap):
    class Base(celery_sqs.SQSTask):
        abstract = True

    setattr(Base, attribute, wrap(iter([LookupError])))
    for name in ("jobs.one", "jobs.two"):
        app.task(name=name, shared=False, base=Base)(_fail)
    assert [sentence.partition("=")[0] for sentence in of_app(app)] == [
        f"The task {name!r} has {attribute}" for name in ("jobs.one", "jobs.two")
    ]


def test_what_a_base_class_has_stays_as_it_is_for_those_who_add_to_it(app):
    class Base(celery_sqs.SQSTask):
        abstract = True
        permanent = [LookupError]  # noqa: RUF012  # as authors write it

    assert app.task(name="jobs.one", shared=False, base=Base)(_fail).permanent == (LookupError,)
    added = app.task(name="jobs.two", shared=False, base=Base, permanent=[*Base.permanent, KeyError])(_fail)
    assert added.permanent == (LookupError, KeyError)
    assert Base.permanent == [LookupError]


@pytest.mark.parametrize("attribute", ["backoff_base", "backoff_cap", "time_limit", "soft_time_limit"])
@pytest.mark.parametrize("value", ["x", math.inf, math.nan, -1, True], ids=repr)
def test_seconds_that_are_none_are_refused(app, declared, attribute, value):
    declared(**{attribute: value})
    [sentence] = of_app(app)
    assert sentence.startswith(f"The task 'jobs.one' has {attribute}={value!r}: it has to be ")
    assert sentence.endswith("a finite number of seconds, 0 at least.")


@pytest.mark.parametrize("limits", [(10, 10), (20, 10), (10, None), (None, 10), (10, 0)], ids=repr)
def test_limits_of_a_task_that_celery_starts_with_are_not_refused(app, declared, limits):
    declared(soft_time_limit=limits[0], time_limit=limits[1])
    assert of_app(app) == [], "Celery refuses a call where the soft limit is above the other"


@pytest.mark.parametrize("value", ["10", 0, -3, 1.5, None, True], ids=repr)
def test_a_size_that_no_batch_can_have_is_refused(app, declared, value):
    declared(base=BatchTask, batch_size=value)
    assert of_app(app) == [f"The task 'jobs.one' has batch_size={value!r}: it has to be a whole number, 1 at least."]


def test_what_makes_sense_is_not_refused(app, declared):
    declared(base=BatchTask, batch_size=1, backoff_base=0, backoff_cap=1.5, time_limit=20, soft_time_limit=None)
    assert of_app(app) == []


def test_no_pause_is_longer_than_sqs_can_hide_a_message():
    assert all(backoff(f"message {number}", 30, 1e9, 1e9) <= LONGEST_DELAY for number in range(20))


@pytest.mark.parametrize(("name", "is_known"), [("jobs.one", True), ("nope", False)])
def test_the_task_of_messages_that_name_none_has_to_be_one_of_the_apps(app, declared, name, is_known):
    declared()
    app.conf.sqs_default_task = name
    wrong = f"sqs_default_task is {name!r}, which this app does not have: correct the name, or import the task."
    assert of_app(app) == [wrong] * (not is_known)


@pytest.mark.parametrize(("listed", "is_known"), [("jobs.one", True), ("jobs.onne", False)])
def test_a_list_of_tasks_is_checked_also_where_sqs_cannot_be_asked(declared, app, listed, is_known, caplog):
    url = "http://127.0.0.1:1/123456789012/"
    queues = {"mail": celery_sqs.Queue(url=f"{url}mail", tasks=[listed]), "other": {"url": f"{url}o", "tasks": ["no"]}}
    celery_sqs.setup(
        app, queues=queues, region="eu-central-1", endpoint_url="http://127.0.0.1:1", access_key=("a", "b")
    )
    declared()
    app.amqp.queues.select("mail")
    worker = SimpleNamespace(app=app, pool_cls=BasePool, use_eventloop=True, task_events=False)
    with contextlib.nullcontext() if is_known else pytest.raises(SystemExit):
        Preflight(worker).start(worker)
    unasked, *wrong = caplog.messages
    assert unasked.startswith("no preflight: ")
    text = "mail lists the task 'jobs.onne', which this app does not have: correct the name, or import the task."
    assert wrong == [text] * (not is_known)


def test_a_task_whose_name_no_message_may_have_is_refused(app):
    app.task(name="n" * 256, shared=False)(_fail)
    assert of_app(app) == [f"The task '{'n' * 50}'... has a name of 256 characters: it may have 255."]
