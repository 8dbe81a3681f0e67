"""The schedule of scans: each DLQ has its turn again and again, whatever fails."""

import logging
import threading
from datetime import timedelta

import pytest

from app import create_app
from celery_sqs.dlq import ScanSchedule
from celery_sqs.workbench.parts import Parts
from tests.conftest import make_settings
from tests.polling import poll

EVERY = timedelta(minutes=3)


class FakeService:
    """Takes its turns, and fails in them as it is told."""

    def __init__(self, name, *troubles):
        self.name = name
        self.rescue = self
        self._troubles = list(troubles)
        self.turns = []

    def run_if_due(self, every):
        self.turns.append((every, threading.current_thread().name))
        if self._troubles:
            raise self._troubles.pop(0)


class FakeServices(dict):
    """Those of several queues."""

    def __init__(self, *services):
        super().__init__({service.name: service for service in services})

    def __iter__(self):
        return iter(self.values())


@pytest.fixture
def start():
    """A function that starts a schedule of services."""
    started = []

    def start(*services):
        started.append(ScanSchedule(FakeServices(*services), EVERY, asked_every=0.01))
        started[-1].start()
        return started[-1]

    yield start
    for each in started:
        each.stop(5)


def test_each_queue_has_its_turn_again_and_again_on_one_thread_of_the_process(start):
    mail, parcels = FakeService("mail"), FakeService("parcels")
    schedule = start(mail, parcels)
    schedule.start()
    poll(lambda: min(len(mail.turns), len(parcels.turns)) > 2, 5, "both have had three turns")
    assert {*mail.turns, *parcels.turns} == {(EVERY, "sqs-scan-schedule")}
    assert [thread.name for thread in threading.enumerate()].count("sqs-scan-schedule") == 1


def test_a_failure_of_one_queue_is_logged_when_it_begins_or_changes_and_ends_nothing(start, caplog):
    caplog.set_level(logging.WARNING)
    mail = FakeService("mail", ValueError("a"), ValueError("a"), KeyError("b"))
    parcels = FakeService("parcels")
    start(mail, parcels)
    poll(lambda: min(len(mail.turns), len(parcels.turns)) > 4, 5, "it goes on")
    assert [record.getMessage() for record in caplog.records] == [
        "the DLQ of mail could not be scanned: ValueError: a",
        "the DLQ of mail could not be scanned: KeyError: 'b'",
    ]


def test_why_a_queue_could_not_be_scanned_is_known_until_it_can_be(start):
    go_on = threading.Event()

    class Stuck(FakeService):
        def run_if_due(self, every):
            if self.turns:
                go_on.wait(5)
            super().run_if_due(every)

    mail = Stuck("mail", ValueError("a"))
    schedule = start(mail)
    poll(lambda: schedule.error("mail") == "ValueError: a", 5, "it is known")
    go_on.set()
    poll(lambda: schedule.error("mail") is None, 5, "it is over")


def test_what_follows_a_scan_follows_each_by_this_process_and_its_failure_is_none_of_the_scan(caplog):
    caplog.set_level(logging.WARNING)
    followed = []

    class Scanned(FakeService):
        def run_if_due(self, every):
            super().run_if_due(every)
            return [] if len(self.turns) % 2 else None  # every other time another process was faster

    def fail():
        followed.append(len(mail.turns))
        raise ValueError("a")

    mail = Scanned("mail")
    schedule = ScanSchedule(FakeServices(mail), EVERY, asked_every=0.01, after_scan=fail)
    schedule.start()
    poll(lambda: len(followed) > 2, 5, "it has followed three scans")
    assert schedule.error("mail") is None
    schedule.stop(5)
    assert followed[:3] == [1, 3, 5]
    assert "what follows a scan of a DLQ has failed" in caplog.text


def test_after_its_stop_there_is_no_turn():
    before = threading.active_count()
    schedule = ScanSchedule(FakeServices(FakeService("mail")), EVERY)
    schedule.start()
    schedule.stop(5)
    assert threading.active_count() == before


@pytest.mark.parametrize(("minutes", "is_there"), [(1, True), (0, False)], ids=["by default", "switched off"])
def test_the_order_intakes_workbench_has_one(minutes, is_there):
    app = create_app(make_settings(dlq_rescue_minutes=minutes))
    assert (app.extensions[Parts.NAME].schedule is not None) is is_there
