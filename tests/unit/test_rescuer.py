"""The rescuer's schedule: it runs where a workbench is, again and again, whatever fails."""

import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from structlog.testing import capture_logs

from app import create_app, rescuer
from app.rescuer import Rescuer
from tests.conftest import make_settings
from tests.polling import poll

EVERY = timedelta(minutes=3)


class FakeRescue:
    """Takes its turns, and fails in them as it is told."""

    def __init__(self, *troubles):
        self._troubles = list(troubles)
        self.turns = []

    def run_if_due(self, every):
        self.turns.append((every, threading.current_thread().name))
        if self._troubles:
            raise self._troubles.pop(0)


@pytest.fixture
def start(monkeypatch):
    """A function that starts a rescuer with failures; returns what it does."""
    monkeypatch.setattr(rescuer, "ASKED_EVERY", 0.01)
    started = []

    def start(*troubles):
        rescue = FakeRescue(*troubles)
        started.append(Rescuer(SimpleNamespace(rescue=rescue), EVERY))
        started[-1].start()
        return rescue

    yield start
    for each in started:
        each.stop(5)


def test_it_asks_for_its_turn_again_and_again_on_a_thread_of_its_own(start):
    rescue = start()
    poll(lambda: len(rescue.turns) > 2, 5, "it has asked three times")
    assert set(rescue.turns) == {(EVERY, "rescuer")}


def test_a_failure_does_not_end_it_and_is_logged_when_it_begins_or_changes(start):
    with capture_logs() as logged:
        rescue = start(ValueError("a"), ValueError("a"), KeyError("b"))
        poll(lambda: len(rescue.turns) > 4, 5, "it goes on")
    assert [line["error"] for line in logged] == ["ValueError: a", "KeyError: 'b'"]


def test_after_its_stop_there_is_no_turn(start):
    rescue, before = FakeRescue(), threading.active_count()
    one = Rescuer(SimpleNamespace(rescue=rescue), EVERY)
    one.start()
    one.stop(5)
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("changes", "is_there"),
    [({}, True), ({"operators": {}}, False), ({"dlq_rescue_minutes": 0}, False)],
    ids=["with a workbench", "without one", "switched off"],
)
def test_it_is_where_a_workbench_is(changes, is_there):
    app = create_app(make_settings(**changes))
    assert (app.extensions[Rescuer.NAME] is not None) is is_there
