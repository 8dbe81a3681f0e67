"""While what the tasks depend on is away the worker takes nothing in, and notices when it is back."""

import logging
import threading
import time

import pytest

from celery_sqs.consume import circuit_breaker as module
from celery_sqs.consume.circuit_breaker import CircuitBreaker
from celery_sqs.consume.in_flight import InFlight
from tests.polling import poll

LONGEST_TEST = 10  # seconds


class Dependency:
    """Answers each probe with the next entry of a script, and is there once the script is through."""

    def __init__(self, *script):
        self._script = list(script)
        self.asked_at = []

    def is_back(self):
        self.asked_at.append(time.monotonic())
        answer = self._script.pop(0) if self._script else True
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def gaps(self):
        """Seconds between one probe and the next."""
        return [later - earlier for earlier, later in zip(self.asked_at, self.asked_at[1:], strict=False)]


@pytest.fixture
def in_flight():
    room = InFlight()
    room.resize(4)
    return room


@pytest.fixture
def backs():
    """Whether there was room when everything was back, each time it was."""
    return []


@pytest.fixture
def breaker(in_flight, backs):
    one = CircuitBreaker(in_flight, lambda: backs.append(in_flight.room() > 0))
    yield one
    one.stop()


def _probers():
    return {thread for thread in threading.enumerate() if thread.name == "sqs-prober"}


def _said(caplog):
    return [(record.levelno, record.getMessage()) for record in caplog.records if record.name == module.__name__]


def test_nothing_is_taken_in_from_the_first_suspicion_on(breaker, in_flight):
    answer = threading.Event()
    breaker.trip("a", Dependency(lambda: answer.wait(LONGEST_TEST)).is_back)
    assert breaker.is_open
    assert in_flight.room() == 0
    answer.set()


def test_the_first_probe_waits_for_nothing_and_its_answer_ends_the_outage(breaker, in_flight, backs):
    dependency = Dependency()
    began_at = time.monotonic()
    breaker.trip("a", dependency.is_back)
    poll(lambda: backs, 2, "it is over")
    assert dependency.asked_at[0] - began_at < module.FIRST_PAUSE / 2
    assert len(dependency.asked_at) == 1
    assert not breaker.is_open


def test_there_is_room_again_before_anybody_is_told(breaker, backs):
    breaker.trip("a", Dependency(False).is_back)
    poll(lambda: backs, 2, "it is over")
    assert backs == [True]


def test_it_lasts_until_the_dependency_has_answered(breaker, backs):
    dependency = Dependency(False, False)
    breaker.trip("a", dependency.is_back)
    poll(lambda: len(dependency.asked_at) == 2, 5, "the second probe")
    assert breaker.is_open
    assert backs == []
    poll(lambda: backs, 5, "it is over")
    assert len(dependency.asked_at) == 3


def test_a_probe_that_raises_has_not_answered(breaker, backs):
    dependency = Dependency(OSError("refused"), ValueError("a bug of the probe"))
    breaker.trip("a", dependency.is_back)
    poll(lambda: backs, 5, "it is over")
    assert len(dependency.asked_at) == 3


def test_all_suspects_have_to_answer(breaker, backs):
    answer = threading.Event()
    breaker.trip("a", Dependency(lambda: answer.wait(LONGEST_TEST)).is_back)
    present, absent = Dependency(), Dependency(False)
    breaker.trip("b", present.is_back)
    breaker.trip("c", absent.is_back)
    answer.set()
    poll(lambda: absent.asked_at, 5, "the first probe of what is away")
    assert breaker.is_open
    poll(lambda: backs, 5, "it is over")
    assert backs == [True]
    assert len(absent.asked_at) == 2
    assert len(present.asked_at) == 1, "it has answered, and is not asked for the others' sake"


def test_a_thousand_failing_tasks_are_one_outage_with_one_prober(breaker, backs):
    before, dependency = _probers(), Dependency(False)
    for _ in range(1000):
        breaker.trip("a", dependency.is_back)
    assert len(_probers() - before) == 1
    poll(lambda: backs, 5, "it is over")
    assert len(dependency.asked_at) == 2
    assert backs == [True]


def test_a_dependency_that_answers_and_fails_the_tasks_again_is_asked_less_and_less_often(in_flight):
    dependency, backs = Dependency(), []

    def run_again():
        backs.append(time.monotonic())
        if len(backs) < 3:
            breaker.trip("a", dependency.is_back)

    breaker = CircuitBreaker(in_flight, run_again)
    breaker.trip("a", dependency.is_back)
    poll(lambda: len(backs) == 3, 5, "the third end")
    first, second = dependency.gaps
    assert first >= module.FIRST_PAUSE
    assert second >= 2 * module.FIRST_PAUSE


def test_after_a_time_without_an_outage_the_next_is_asked_about_at_once(breaker, backs):
    breaker.trip("a", Dependency(False, False).is_back)
    poll(lambda: backs, 5, "it is over")
    breaker._closed_at -= module.STABLE_AFTER  # as if that long ago
    dependency, began_at = Dependency(), time.monotonic()
    breaker.trip("a", dependency.is_back)
    poll(lambda: len(backs) == 2, 5, "the next is over")
    assert dependency.asked_at[0] - began_at < module.FIRST_PAUSE / 2


def test_the_pauses_between_probes_grow(breaker, backs):
    dependency = Dependency(False, False)
    breaker.trip("a", dependency.is_back)
    poll(lambda: backs, 5, "it is over")
    first, second = dependency.gaps
    # Each is drawn between the half and the whole of a time that doubles.
    assert module.FIRST_PAUSE <= first < 2 * module.FIRST_PAUSE + 0.2
    assert second >= 2 * module.FIRST_PAUSE


def test_a_stop_ends_the_probing(in_flight, backs):
    before, dependency = _probers(), Dependency(*[False] * 1000)
    breaker = CircuitBreaker(in_flight, lambda: backs.append(True))
    breaker.trip("a", dependency.is_back)
    poll(lambda: dependency.asked_at, 2, "a probe")
    breaker.stop()
    poll(lambda: not _probers() - before, 1, "the prober has ended")
    asked = len(dependency.asked_at)
    breaker.trip("b", dependency.is_back)
    assert not _probers() - before
    assert len(dependency.asked_at) == asked
    assert backs == []


def test_after_a_stop_there_is_none(breaker, in_flight):
    dependency = Dependency(False)
    breaker.stop()
    breaker.trip("a", dependency.is_back)
    assert not breaker.is_open
    assert in_flight.room() > 0
    assert dependency.asked_at == []


def test_its_begin_and_its_end_are_a_line_each(breaker, backs, caplog):
    caplog.set_level(logging.INFO, module.__name__)
    breaker.trip("jobs.a", Dependency(False, False).is_back)
    poll(lambda: backs, 5, "it is over")
    (began, beginning), (ended, end) = _said(caplog)
    assert (began, ended) == (logging.ERROR, logging.WARNING)
    assert "jobs.a" in beginning
    assert "all is back after" in end


def test_a_dependency_that_is_there_is_not_worth_a_line(breaker, backs, caplog):
    caplog.set_level(logging.INFO, module.__name__)
    breaker.trip("a", Dependency().is_back)
    poll(lambda: backs, 2, "it is over")
    assert _said(caplog) == []


def test_a_task_that_goes_on_failing_although_its_probe_succeeds_is_worth_one_line(breaker, backs, caplog):
    caplog.set_level(logging.INFO, module.__name__)
    for number in range(1, module.WARN_AFTER + 2):
        breaker.trip("jobs.a", Dependency().is_back)
        poll(lambda number=number: len(backs) == number, 5, "it is over")
    [(level, line)] = _said(caplog)
    assert level == logging.WARNING
    assert "jobs.a goes on failing" in line
