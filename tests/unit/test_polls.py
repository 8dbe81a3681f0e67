"""How many polls are in flight: one while the queue is idle, more with full answers, and only one of them long."""

import pytest

from celery_sqs.consume.in_flight import MAX_RECEIVE
from celery_sqs.consume.polls import MOST_IN_FLIGHT, POOR, Poll, Polls

ROOM = 1000


def begin_all(polls):
    """All polls that are worth it now."""
    begun = []
    while turn := polls.begin(ROOM, is_idle=False):
        begun.append(turn)
    return begun


def answer(polls, in_flight, received):
    """All of them come back with so many messages each."""
    for turn in in_flight:
        polls.answered(turn, received)
        polls.end(turn)


def in_flight_after(polls, rounds, received):
    """How many are begun after so many rounds of such answers."""
    for _ in range(rounds):
        answer(polls, begin_all(polls), received)
    begun = begin_all(polls)
    answer(polls, begun, MAX_RECEIVE // 2)
    return len(begun)


def test_it_begins_with_one_long_poll():
    assert begin_all(Polls()) == [Poll(MAX_RECEIVE, is_long=True)]


def test_each_round_of_full_answers_adds_one_up_to_the_most():
    counts = [in_flight_after(Polls(), rounds, MAX_RECEIVE) for rounds in range(2 * MOST_IN_FLIGHT)]
    assert counts[:3] == [1, 2, 2], "a second at once; from there on, all that are in flight share in one more"
    assert counts == sorted(counts)
    assert counts[-1] == MOST_IN_FLIGHT


def test_poor_answers_bring_it_back_to_one():
    polls = Polls()
    assert in_flight_after(polls, 2 * MOST_IN_FLIGHT, MAX_RECEIVE) == MOST_IN_FLIGHT
    assert in_flight_after(polls, 1, 0) == 1


def test_an_answer_neither_full_nor_poor_changes_nothing():
    polls = Polls()
    before = in_flight_after(polls, 5, MAX_RECEIVE)
    assert before > 1
    assert in_flight_after(polls, 20, round(MAX_RECEIVE * POOR)) == before
    assert in_flight_after(polls, 20, MAX_RECEIVE - 1) == before


def test_only_one_of_many_is_long_and_the_next_is_when_that_has_ended():
    polls = Polls()
    in_flight_after(polls, 20, MAX_RECEIVE)
    begun = begin_all(polls)
    assert [turn.is_long for turn in begun] == [True] + [False] * (MOST_IN_FLIGHT - 1)

    polls.end(begun[1])
    assert polls.begin(ROOM, is_idle=False) == Poll(MAX_RECEIVE, is_long=False)
    polls.end(begun[0])
    assert polls.begin(ROOM, is_idle=False) == Poll(MAX_RECEIVE, is_long=True)


def test_a_failure_leaves_one():
    polls = Polls()
    in_flight_after(polls, 20, MAX_RECEIVE)
    polls.failed()
    assert len(begin_all(polls)) == 1


@pytest.mark.parametrize("room", [MAX_RECEIVE, MAX_RECEIVE + 3, 3 * MAX_RECEIVE])
def test_together_they_ask_for_no_more_than_there_is_room_for(room):
    polls = Polls()
    in_flight_after(polls, 20, MAX_RECEIVE)
    asked = 0
    while turn := polls.begin(room, is_idle=True):
        asked += turn.count
    assert asked == room


def test_a_little_room_is_not_worth_a_poll_at_once_unless_nothing_is_in_flight():
    polls = Polls()
    assert polls.begin(0, is_idle=False) is None
    assert polls.begin(1, is_idle=False) is None
    assert polls.begin(1, is_idle=True) == Poll(1, is_long=True)
