"""Celery's request of a call in a batch: made where somebody asks for it, and not where nobody does."""

from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import ClassVar

import pytest
from celery import Celery, current_task, signals

from celery_sqs.tasks.batch import BatchTask, run_batch
from celery_sqs.tasks.call import Call

SET_BY_RUN = ContextVar("set_by_run", default=None)


class Counted(Call):
    """A call that notes who asks for what Celery's request has."""

    asked_for: ClassVar = []

    def context(self):
        self.asked_for.append(self.id)
        return super().context()


class Plain(BatchTask):
    """Has no hooks, and no results that are stored."""

    abstract = True
    ignore_result = True


class Noting(Plain):
    """Notes what it is told."""

    abstract = True

    def hear(self, *what):
        self.noted.append((*what, self.request.id, SET_BY_RUN.get()))


@pytest.fixture
def app():
    made = Celery("unwatched", set_as_current=True, backend="cache+memory://")
    made.backend.client.cache.clear()  # a process has one
    return made


@pytest.fixture(autouse=True)
def asked_for():
    Counted.asked_for = []
    return Counted.asked_for


def make(app, base, **attributes):
    @app.task(base=base, bind=True, name="unwatched", shared=False)
    def task(self, calls):
        SET_BY_RUN.set("run")
        return [KeyError(call.args[0]) if call.args[0] == "bad" else call.args[0] for call in calls]

    made = app.tasks["unwatched"]
    made.noted = []
    for name, value in attributes.items():
        setattr(made, name, value)
    return made


def run(values, **headers):
    calls = [
        Counted(f"id-{number}", f"message-{number}", [value], {}, 1, "w@h", 3, 0, headers)
        for number, value in enumerate(values)
    ]
    try:
        return run_batch("unwatched", calls)
    finally:
        SET_BY_RUN.set(None)


@contextmanager
def listening(signal, receive):
    with ExitStack() as stack:
        signal.connect(receive, weak=False)
        stack.callback(signal.disconnect, receive)
        yield


def test_a_success_that_nobody_asks_for_has_no_request(app, asked_for):
    make(app, Plain)
    assert run(["good"] * 3) == [None] * 3
    assert asked_for == []


def test_a_failure_among_them_has_one_as_it_was_before_the_run(app, asked_for):
    class OnRetry(Noting):
        abstract = True

        def on_retry(self, exc, task_id, args, kwargs, einfo):
            self.hear("retry", task_id, args)

    task = make(app, OnRetry)
    decisions = run(["good", "bad", "good"])
    assert [decision is None for decision in decisions] == [True, False, True]
    assert asked_for == ["id-1"]
    assert task.noted == [("retry", "id-1", ["bad"], "id-1", None)]


@pytest.mark.parametrize("hook", ["on_success", "after_return"])
def test_the_hooks_of_a_class_are_called_for_each(app, hook, asked_for):
    task = make(app, type("Hooked", (Noting,), {hook: lambda self, *_: self.hear(hook), "abstract": True}))
    run(["good", "good"])
    assert task.noted == [(hook, "id-0", None), (hook, "id-1", None)]
    assert asked_for == ["id-0", "id-1"]


@pytest.mark.parametrize("hook", ["on_success", "after_return"])
def test_the_hooks_of_one_task_are_called_for_each(app, hook):
    called = []
    make(app, Plain, **{hook: lambda *_: called.append(current_task.request.id)})
    run(["good", "good"])
    assert called == ["id-0", "id-1"]


@pytest.mark.parametrize("name", ["task_prerun", "task_success", "task_postrun"])
def test_each_signal_alone_is_sent_for_each(app, name):
    make(app, Plain)
    received = []
    with listening(getattr(signals, name), lambda **_: received.append(current_task.request.id)):
        run(["good", "good"])
    assert received == ["id-0", "id-1"]


def test_a_result_that_one_caller_wants_is_stored(app):
    task = make(app, Plain)
    run(["wanted"], ignore_result=False)
    assert task.AsyncResult("id-0").get(timeout=1) == "wanted"


def test_a_result_is_stored_where_the_task_says_so_and_not_where_the_caller_does_not_want_it(app):
    task = make(app, Plain, ignore_result=False)
    run(["one"])
    assert task.AsyncResult("id-0").get(timeout=1) == "one"
    task.backend.forget("id-0")
    run(["one"], ignore_result=True)
    assert task.AsyncResult("id-0").state == "PENDING"


def test_a_state_started_is_stored_where_the_task_wants_it(app):
    seen = []
    task = make(app, Plain, track_started=True, ignore_result=False)
    task.run = lambda calls: [seen.append(task.AsyncResult(call.id).state) for call in calls]
    run(["one"])
    assert seen == ["STARTED"]


@pytest.mark.parametrize("link", ["callbacks", "chain"])
def test_what_follows_a_call_is_sent(app, link):
    make(app, Plain)

    @app.task(name="next", shared=False)
    def following(*_):
        """Is not run."""

    sent = []
    with listening(signals.before_task_publish, lambda sender, **_: sent.append(sender)):
        app.conf.broker_url = "memory://"
        run(["good"], **{link: [following.signature(("x",), immutable=True, app=app)]})
    assert sent == ["next"]
