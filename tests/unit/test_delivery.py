"""A delivery's state: what may follow what, from any thread; and what is known of its message and of this copy."""

import itertools
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from celery_sqs.consume.budget import Budget
from celery_sqs.consume.delivery import FOLLOWING, Delivery, State
from celery_sqs.errors import UnlistedTask
from celery_sqs.message.renewal import Renewal
from tests.unit.deliveries import SENT_AT, delivery
from tests.unit.envelopes import exact

ENDS = (State.SETTLED, State.LOST)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_a_state_follows_another_only_where_the_table_says_so(before, after):
    one = delivery(1)
    one.state = before
    may_follow = after in FOLLOWING[before]
    assert one.advance(after) is may_follow
    assert one.state is (after if may_follow else before)


@pytest.mark.parametrize("end", ENDS)
def test_nothing_follows_an_end(end):
    assert FOLLOWING[end] == frozenset()


def test_every_other_state_leads_to_each_end():
    assert all(set(ENDS) <= FOLLOWING[state] for state in State if state not in ENDS)


def test_every_state_is_reached():
    reached, new = {State.READY}, {State.READY}
    while new:
        new = set().union(*(FOLLOWING[state] for state in new)) - reached
        reached |= new
    assert reached == set(State)


@pytest.mark.parametrize(("state", "begun"), [(state, state in {State.RUNNING, State.SETTLED}) for state in State])
def test_it_has_begun_once_its_task_runs(state, begun):
    one = delivery(1)
    one.state = state
    assert one.has_begun is begun


def test_of_two_threads_that_end_it_one_does():
    for _ in range(200):
        one, ended = delivery(1), []
        threads = [
            threading.Thread(target=lambda one=one, ended=ended, e=e: ended.append(one.advance(e))) for e in ENDS
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(ended) == [False, True]


def end(one, state, ended):
    ended.append(one.advance(state))


FIRST = Renewal(message_id="first", sent_at=5, receives=4, attempts=1)


def test_a_message_that_comes_for_the_first_time_has_no_attempts():
    one = delivery(1)
    assert (one.attempts, one.is_returned, one.renewal) == (0, False, None)
    assert (one.message_id, one.copy_id, one.sent_at, one.receive_count) == ("m1", "m1", SENT_AT, 1)


@pytest.mark.parametrize("again", [{"receives": 2}, {"renewal": FIRST}], ids=["received again", "a copy"])
def test_what_has_come_back_has_attempts_that_are_not_looked_up_yet(again):
    one = delivery(1, **again)
    assert one.is_returned
    assert one.attempts is None


def test_a_copy_is_its_message_and_a_message_of_its_own():
    one = delivery(1, receives=2, renewal=FIRST)
    assert (one.message_id, one.sent_at, one.receive_count) == ("first", 5, 6)
    assert (one.copy_id, one.copy_sent_at, one.receives) == ("m1", SENT_AT, 2)
    assert one.receipt_handle == "handle-1"


@pytest.mark.parametrize("attributes", [{}, {"ApproximateReceiveCount": "x"}, {"ApproximateReceiveCount": "-3"}, None])
def test_where_sqs_does_not_say_it_is_the_first_receive(attributes):
    message = {"MessageId": "m", "ReceiptHandle": "h", "Body": "{}", "Attributes": attributes}
    one = Delivery(message, "q", "http://q", 30, time.monotonic() + 30)
    assert (one.receives, one.copy_sent_at, one.receive_count, one.attempts) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("made_at", "last_at", "is_resent"),
    [
        (SENT_AT - 9, SENT_AT - 5, True),  # made, failed for the last time, dead, and sent again by SQS
        (0, SENT_AT - 5, True),  # a copy of a version that does not say when
        (SENT_AT - 2, SENT_AT - 5, False),  # sent by a worker that stops, while another copy of the message runs
        (SENT_AT - 9, SENT_AT + 5, False),  # its attempt came after it
    ],
)
def test_a_copy_is_resent_that_was_made_before_the_last_attempt_and_sent_after_it(made_at, last_at, is_resent):
    one = delivery(1, renewal=replace(FIRST, made_at=made_at))
    one.learn({1, 2, 3}, datetime.fromtimestamp(last_at / 1000, UTC))
    assert one.is_resent is is_resent


def test_a_copy_says_when_it_was_made():
    before = time.time() * 1000 - 1
    one = delivery(1, renewal=replace(FIRST, made_at=7))
    assert before <= one.next_renewal(records=True).made_at <= time.time() * 1000 + 1


def test_a_call_of_a_task_that_its_queue_does_not_list_is_refused_by_name():
    named = {"celery_task": {"DataType": "String", "StringValue": "celery.group"}}
    one = delivery(1, attributes=named, tasks=("persist_order",))
    with pytest.raises(UnlistedTask, match=r"^q does not list the task 'celery\.group'$") as refused:
        one.decoded("persist_order", exact)
    assert (refused.value.task, refused.value.task_id) == ("celery.group", "m1")


@pytest.mark.parametrize("listed", [None, ["persist_order"]], ids=["no list", "listed"])
def test_a_call_of_a_task_that_its_queue_takes_is_decoded(listed):
    assert delivery(1, tasks=listed).decoded("persist_order", exact)["headers"]["task"] == "persist_order"


def test_a_task_finds_the_attributes_that_are_not_the_frameworks_also_of_a_copy_that_has_packed_them():
    theirs = {f"of-theirs-{number}": {"DataType": "String", "StringValue": str(number)} for number in range(9)}
    ours = {"celery_task": {"DataType": "String", "StringValue": "a.task"}}
    first = delivery(1, attributes=ours | theirs)
    copy = delivery(2, attributes=ours | theirs, renewal=first.next_renewal(records=True))
    for one in (first, copy):
        assert one.decoded(None, exact)["headers"]["message_attributes"] == theirs
    assert "message_attributes" not in delivery(3, attributes=ours).decoded(None, exact)["headers"]


def test_without_a_record_each_receive_before_this_one_is_an_attempt():
    one, copy = delivery(1, receives=3), delivery(2, receives=2, renewal=FIRST)
    one.count_receives()
    copy.count_receives()
    assert (one.attempts, copy.attempts) == (2, 2), "a copy has the attempts that it carries, and its own receives"


def test_its_budget_is_what_is_known_of_this_copy():
    suspect = replace(FIRST, is_suspect=True)
    one = delivery(1, receives=2, renewal=suspect, max_receive_count=3, is_renewable=False)
    one.attempts = 2
    assert one.budget(records=True) == Budget(
        receives=2, max_receives=3, attempts=2, attempts_before=1, is_suspect=True, is_renewable=False, records=True
    )
    assert delivery(1, max_receive_count=3).budget(records=False) == Budget(receives=1, max_receives=3, records=False)


def test_the_next_copy_carries_all_that_is_known():
    one = delivery(1, receives=2, renewal=replace(FIRST, is_rescued=True), max_receive_count=3)
    one.attempts, one.explained, one.begun = 2, 1, 5
    assert one.next_renewal(records=True) == Renewal(
        message_id="first", sent_at=5, receives=6, attempts=2, is_suspect=False, begun=5, is_rescued=True
    )


def test_the_next_copy_says_what_its_message_has_said_of_records():
    one = delivery(1, receives=2, renewal=replace(FIRST, begun=4, counts_receives=True), max_receive_count=3)
    unknown = one.next_renewal(records=False)
    one.count_receives()
    known = one.next_renewal(records=False)
    assert [(each.begun, each.counts_receives) for each in (unknown, known)] == [(4, True)] * 2


def test_what_is_to_be_looked_up_anew_says_what_has_begun():
    one = delivery(1, renewal=FIRST, max_receive_count=3)
    one.begun, one.attempts = 5, None
    assert one.next_renewal(records=True) == replace(FIRST, receives=FIRST.receives + 1, begun=5)


def test_the_next_copy_of_what_nobody_can_explain_is_a_suspect():
    one = delivery(1, receives=2, max_receive_count=3)
    one.attempts = 0
    assert one.next_renewal(records=True).is_suspect
    assert not one.next_renewal(records=False).is_suspect


def test_the_next_copy_of_a_suspect_is_one_however_it_is_explained():
    one = delivery(1, renewal=replace(FIRST, is_suspect=True), max_receive_count=3)
    one.attempts = 2
    assert one.next_renewal(records=True).is_suspect
