"""Settlements travel in batches, are tried again where that is safe, and are flushed at the end."""

import threading

import pytest
from botocore.exceptions import ReadTimeoutError

from celery_sqs import system
from celery_sqs.aws.group_commit import MAX_ENTRIES
from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.consume.delivery import State
from celery_sqs.consume.settling.settler import MAX_REMEMBERED, Settler
from tests.polling import poll
from tests.unit.deliveries import DENIED, SettlingSQS, delivery, handles, refuse

LOST_ANSWER = ReadTimeoutError(endpoint_url="http://q")


def test_deletes_travel_in_batches_of_ten():
    sqs = SettlingSQS()
    settler = Settler(sqs, "http://q")
    for number in range(100):
        settler.delete(delivery(number))
    settler.close(timeout=5)
    assert sorted(handles(sqs.deleted)) == sorted(f"handle-{number}" for number in range(100))
    assert [len(batch) for batch in sqs.deleted] == [MAX_ENTRIES] * 10


def test_a_lone_delete_does_not_wait_for_others():
    sqs = SettlingSQS()
    Settler(sqs, "http://q").delete(delivery(1))
    poll(lambda: sqs.deleted, 1, "the delete")


def test_closing_flushes_what_is_waiting():
    sqs = SettlingSQS()
    settler = Settler(sqs, "http://q")
    settler.delete(delivery(1))
    settler.release(delivery(2))
    settler.close(timeout=5)
    assert handles(sqs.deleted) == ["handle-1"]
    assert handles(sqs.changed) == ["handle-2"]


def test_a_release_makes_the_message_visible_at_once():
    sqs = SettlingSQS()
    Settler(sqs, "http://q").release(delivery(1))
    poll(lambda: sqs.changed, 1, "the release")
    assert sqs.changed == [[{"Id": "0", "ReceiptHandle": "handle-1", "VisibilityTimeout": 0}]]


def timeouts(sqs):
    return {entry["ReceiptHandle"]: entry["VisibilityTimeout"] for changed in sqs.changed for entry in changed}


def test_a_release_with_a_delay_makes_the_message_visible_after_it():
    sqs = SettlingSQS()
    settler = Settler(sqs, "http://q")
    settler.release(delivery(1), 7)
    settler.release(delivery(2), 43_000)
    settler.release(delivery(3))
    settler.close(timeout=5)
    assert timeouts(sqs) == {"handle-1": 7, "handle-2": 43_000, "handle-3": 0}


def test_a_delay_that_ends_more_than_12_hours_after_the_receive_is_as_long_as_sqs_takes_it():
    sqs, ran = SettlingSQS(), 1200
    settler = Settler(sqs, "http://q")
    late, too_late = delivery(1), delivery(2)
    late.received_at -= ran
    too_late.received_at -= 2 * LONGEST_DELAY
    settler.release(late, LONGEST_DELAY)
    settler.release(too_late, 7)
    settler.close(timeout=5)
    assert LONGEST_DELAY - ran - 5 <= timeouts(sqs)["handle-1"] < LONGEST_DELAY - ran
    assert timeouts(sqs)["handle-2"] == 0


@pytest.mark.parametrize("failure", [LOST_ANSWER, DENIED], ids=["late", "refused"])
def test_a_release_without_an_answer_or_whose_whole_call_is_refused_is_tried_again_with_its_delay(failure):
    sqs = SettlingSQS(failure)
    Settler(sqs, "http://q").release(delivery(1), 7)
    poll(lambda: len(sqs.changed) == 2, 5, "a second try")
    assert [entry["VisibilityTimeout"] for [entry] in sqs.changed] == [7, 7]


@pytest.mark.parametrize(
    "failure",
    [LOST_ANSWER, ConnectionResetError(), lambda entries: {}, DENIED],
    ids=["late", "reset", "empty", "refused"],
)
def test_a_delete_without_an_answer_or_whose_whole_call_is_refused_is_tried_again(failure):
    sqs = SettlingSQS(failure, failure)
    settler = Settler(sqs, "http://q")
    settler.delete(delivery(1))
    poll(lambda: len(sqs.deleted) == 3, 5, "a third try")
    assert not settler.is_done(delivery(1))


def test_only_the_entries_that_failed_are_tried_again():
    def fail_first(entries):
        return {
            "Successful": [{"Id": entry["Id"]} for entry in entries[1:]],
            "Failed": [{"Id": entries[0]["Id"], "Code": "InternalError", "SenderFault": False}],
        }

    sqs = SettlingSQS(fail_first)
    settler = Settler(sqs, "http://q")
    for number in range(MAX_ENTRIES):
        settler.delete(delivery(number))
    poll(lambda: len(sqs.deleted) == 2, 5, "a second try")
    assert handles(sqs.deleted[1:]) == ["handle-0"]


def test_a_delete_that_failed_for_good_is_remembered_so_that_the_message_does_not_run_again():
    settler = Settler(SettlingSQS(refuse), "http://q")
    settler.delete(delivery(1))
    poll(lambda: settler.is_done(delivery(1)), 5, "it is remembered")
    assert not settler.is_done(delivery(2))


def test_a_message_whose_lease_is_lost_is_never_deleted():
    sqs = SettlingSQS()
    settler = Settler(sqs, "http://q")
    run_out, taken = delivery(1, leased_for=-0.1), delivery(2)
    taken.advance(State.LOST)
    settler.delete(run_out)
    settler.delete(taken)
    settler.release(taken)
    settler.close(timeout=5)
    assert sqs.deleted == []
    assert sqs.changed == []
    assert settler.is_done(run_out)


def test_at_the_end_what_is_tried_again_is_tried_at_once_and_with_pauses_then():
    sqs = SettlingSQS(DENIED, DENIED)
    settler = Settler(sqs, "http://q")
    settler.delete(delivery(1))
    settler.close(timeout=5)
    assert len(sqs.deleted) == 3

    refusing = SettlingSQS(*[DENIED] * 1000)
    settler = Settler(refusing, "http://q")
    settler.delete(delivery(1))
    settler.close(timeout=1)
    assert len(refusing.deleted) < 30


def test_trying_again_ends_with_the_lease():
    sqs = SettlingSQS(*[LOST_ANSWER] * 1000)
    settler = Settler(sqs, "http://q")
    settler.delete(delivery(1, leased_for=0.3))
    poll(lambda: settler.is_done(delivery(1)), 5, "it is given up")
    assert len(sqs.deleted) < 10


def test_the_memory_is_bounded():
    settler = Settler(SettlingSQS(), "http://q")
    for number in range(MAX_REMEMBERED + 10):
        settler.delete(delivery(number, leased_for=-1))
    assert not settler.is_done(delivery(0))
    assert settler.is_done(delivery(MAX_REMEMBERED + 9))


class FewThreads:
    """The threads of a system that has room for so many more."""

    def __init__(self, room):
        self._room = room

    def __getattr__(self, name):
        return getattr(threading, name)

    def Thread(self, **options):  # noqa: N802  # as Python has it
        thread = threading.Thread(**options)
        if not self._room:
            thread.start = self._refuse
        self._room = max(0, self._room - 1)
        return thread

    def _refuse(self):
        raise RuntimeError("can't start new thread")


def test_one_thread_is_enough_where_the_system_has_no_room_for_more(monkeypatch):
    monkeypatch.setattr(system, "threading", FewThreads(1))
    sqs = SettlingSQS()
    settler = Settler(sqs, "http://q")
    settler.delete(*(delivery(number) for number in range(35)))
    settler.close(2)
    assert len(handles(sqs.deleted)) == 35


def without_a_thread(settler, monkeypatch):
    monkeypatch.setattr(system, "threading", FewThreads(0))


def closed(settler, monkeypatch):
    settler.close(2)


@pytest.mark.parametrize(
    ("end", "why"), [(without_a_thread, "can't start new thread"), (closed, "nothing is sent any more")]
)
def test_what_nobody_can_settle_is_logged_and_does_not_run_again_here_if_it_was_done(caplog, monkeypatch, end, why):
    settler = Settler(SettlingSQS(), "http://q")
    end(settler, monkeypatch)
    settler.delete(delivery(1), delivery(2))
    settler.release(delivery(3))
    assert [settler.is_done(delivery(number)) for number in (1, 2, 3)] == [True, True, False]
    not_deleted, not_released = (line.getMessage() for line in caplog.records)
    assert not_deleted.startswith("no confirmation that a done message was deleted")
    assert not_released.startswith("a message stays hidden until its visibility timeout ends")
    assert not_deleted.endswith(f"m1: {why}")
    assert not_released.endswith(f"m3: {why}")


def test_deletes_that_come_together_travel_in_batches_of_ten_too():
    sqs = SettlingSQS()
    settler = Settler(sqs, "http://q")
    settler.delete(*(delivery(number) for number in range(35)))
    settler.close(2)
    assert sorted(map(len, sqs.deleted)) == [5, MAX_ENTRIES, MAX_ENTRIES, MAX_ENTRIES]
