"""Who patches Celery, or listens to its signals, gets Celery's own path of a call, and nobody else does."""

from contextlib import contextmanager

import pytest
import wrapt
from celery import Celery, Task
from celery.signals import after_task_publish, before_task_publish
from kombu import Producer

from tests.unit.test_fast_path import Caller


def by_kombu(caller):
    """Whether a call takes Celery's own path."""
    before = caller.channel.by_kombu
    caller.store.delay({})
    return caller.channel.by_kombu > before


@contextmanager
def listening(signal, receiver):
    signal.connect(receiver, weak=False)
    try:
        yield
    finally:
        signal.disconnect(receiver)


def listen(**_):
    """Hears of it."""


def by_a_function(theirs):
    def patched(*args, **kwargs):
        return theirs(*args, **kwargs)

    return patched


def by_wrapt(theirs):
    return wrapt.FunctionWrapper(theirs, lambda wrapped, _instance, args, kwargs: wrapped(*args, **kwargs))


@pytest.mark.parametrize("wrapped", [by_a_function, by_wrapt])
@pytest.mark.parametrize(("owner", "name"), [(Task, "apply_async"), (Celery, "send_task"), (Producer, "publish")])
def test_who_patches_a_method_sees_each_call(monkeypatch, owner, name, wrapped):
    caller = Caller()
    assert not by_kombu(caller)
    monkeypatch.setattr(owner, name, wrapped(getattr(owner, name)))
    assert by_kombu(caller)
    monkeypatch.undo()
    assert not by_kombu(caller)


@pytest.mark.parametrize("wrapped", [by_a_function, by_wrapt])
def test_who_patches_the_sender_or_the_app_sees_each_call(monkeypatch, wrapped):
    caller = Caller()
    assert not by_kombu(caller)
    for owner, name in ((caller.app.amqp, "send_task_message"), (caller.app, "send_task")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, wrapped(getattr(owner, name)))
            assert by_kombu(caller)


def test_an_app_with_a_way_of_its_own_is_asked():
    class Counting(Celery):
        calls = 0

        def send_task(self, *args, **kwargs):
            self.calls += 1
            return super().send_task(*args, **kwargs)

    caller = Caller(app=Counting("counting", set_as_current=False))
    caller.store.delay({})
    assert caller.app.calls == 1


@pytest.mark.parametrize("signal", [before_task_publish, after_task_publish])
def test_who_listens_hears_what_celery_says(signal):
    caller = Caller()
    with listening(signal, listen):
        assert by_kombu(caller)
    assert not by_kombu(caller)
