"""What ends polling: nothing here, and one bad message or one bad answer on plain Celery."""

import contextlib

import pytest

from tests.plain.messages import MALFORMED, envelope
from tests.plain.recipe import RECIPE
from tests.polling import poll

RECEIVE = "ReceiveMessage"


def goes_on_after(system, trouble, timeout, **settings):
    """Whether the worker runs a message that is sent after the trouble as it ran the one before."""
    worker = system.start_worker("-c", "1", **settings)
    system.send("note")
    poll(lambda: len(system.runs("note")) == 1, 10, "the first message is run")
    with trouble(system):
        system.send("note")
        try:
            poll(lambda: worker.returncode is not None or len(system.runs("note")) == 2, timeout, "the next is run")
        except AssertionError:
            return False
    return worker.returncode is None


def malformed(*changes):
    """Messages that are received, whatever comes of it."""

    def send(system):
        for change in changes:
            system.queues.send(envelope(system.queue, **change))
            poll(lambda: not system.queues.visible(), 5, "it is received")
        return contextlib.nullcontext()

    return send


@contextlib.contextmanager
def a_failed_poll(system):
    with system.proxy.failing(RECEIVE, status=503, times=1):
        poll(lambda: system.proxy.faulty[RECEIVE], 5, "a poll has failed")
    yield


@contextlib.contextmanager
def a_poll_without_an_answer(system):
    with system.proxy.hanging(RECEIVE, times=1):
        poll(lambda: system.proxy.faulty[RECEIVE], 5, "a poll waits for its answer")
        yield


def test_a_worker_goes_on_after_malformed_messages(here):
    assert goes_on_after(here, malformed(*MALFORMED.values()), timeout=10)


@pytest.mark.plain
@pytest.mark.parametrize("what", MALFORMED)
def test_plain_celery_stops_at_a_malformed_message(plain, what):
    assert not goes_on_after(plain, malformed(MALFORMED[what]), timeout=3, **RECIPE)


def test_a_worker_goes_on_after_a_failed_poll(here):
    assert goes_on_after(here, a_failed_poll, timeout=10)


@pytest.mark.plain
def test_plain_celery_stops_at_a_failed_poll(plain):
    assert not goes_on_after(plain, a_failed_poll, timeout=3, **RECIPE)


@pytest.mark.long
def test_a_worker_goes_on_after_a_poll_that_never_answers(here):
    assert goes_on_after(here, a_poll_without_an_answer, timeout=10)


@pytest.mark.plain
def test_plain_celery_waits_for_ever_for_a_poll_that_never_answers(plain):
    # Our worker needs three seconds: the poll's own and two more.
    assert not goes_on_after(plain, a_poll_without_an_answer, timeout=5, **RECIPE)
