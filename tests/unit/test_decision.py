"""One decision on each failure: whose fault it was, and when its message is visible again."""

import math
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import Terminated, TimeLimitExceeded, WorkerLostError
from celery.exceptions import Reject, Retry
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.aws.queue import LONGEST_DELAY
from celery_sqs.tasks.decision import (
    BLOCKED_PAUSE,
    FailsAlone,
    Kind,
    Resent,
    RetryDecision,
    backoff,
    decide,
    unwrapped,
)

RECEIVES = 3


class Policy:
    """As much of a task as a decision depends on."""

    permanent = (PermissionError,)
    blocked = (BlockingIOError,)
    backoff_base = 100.0
    backoff_cap = 1000.0

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)


def decision(error, receive_count=1):
    return decide(Policy(), error, "message", receive_count, RECEIVES)


@pytest.mark.parametrize("error", [LookupError(), Retry(), MemoryError(), Exception()], ids=repr)
def test_what_a_task_raises_is_its_own_failure_and_tried_again_after_the_back_off(error):
    for receive_count in range(1, RECEIVES):
        pause = backoff("message", receive_count, Policy.backoff_base, Policy.backoff_cap)
        assert pause > 0
        assert decision(error, receive_count) == RetryDecision(Kind.OWN, pause, final=False)


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), Terminated(9), TimeLimitExceeded(20), WorkerLostError()], ids=repr
)
def test_a_task_whose_process_is_gone_is_lost_and_tried_again_after_the_back_off(error):
    assert decision(error) == RetryDecision(Kind.LOST, decision(LookupError()).delay, final=False)
    assert decision(error, RECEIVES) == RetryDecision(Kind.LOST, 0, final=True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (PermissionError(), Kind.PERMANENT),
        (Reject("no"), Kind.PERMANENT),
        (Reject("not here", requeue=True), Kind.OWN),
    ],
    ids=repr,
)
def test_what_is_permanent_or_rejected_is_visible_at_once_each_time(error, kind):
    decisions = [decision(error, number) for number in range(1, RECEIVES + 1)]
    assert [one.kind for one in decisions] == [kind] * RECEIVES
    assert [one.delay for one in decisions] == [0] * RECEIVES
    assert [one.final for one in decisions] == [False, False, True]


@pytest.mark.parametrize("receive_count", [1, RECEIVES, RECEIVES + 1])
def test_an_outage_is_one_on_every_receive_and_never_final(receive_count):
    assert decision(ConnectionError(), receive_count) == RetryDecision(Kind.OUTAGE, final=False)


@pytest.mark.parametrize("receive_count", [1, RECEIVES, RECEIVES + 1])
def test_a_blocked_call_is_run_again_after_a_pause_and_pays_on_no_receive(receive_count):
    assert decision(BlockingIOError(), receive_count) == RetryDecision(Kind.BLOCKED, BLOCKED_PAUSE, final=False)
    assert not Kind.BLOCKED.is_failed_attempt


def test_a_call_that_is_to_blame_is_no_outage_whatever_its_task_says_of_errors():
    class Timid(Policy):
        @staticmethod
        def is_outage(error):
            return True

    assert decide(Timid(), FailsAlone.after(3, ConnectionError()), "message", 1, RECEIVES).kind is Kind.OWN


@pytest.mark.parametrize("receive_count", [1, RECEIVES])
@pytest.mark.parametrize("error", [ConnectionError(), BlockingIOError(), PermissionError(), None], ids=repr)
def test_a_retry_that_was_sent_anew_is_done_whatever_its_reason_and_never_the_last(error, receive_count):
    arrived = pickle.loads(pickle.dumps(Resent(exc=error, when=7)))  # noqa: S301  # as the pool does
    assert decision(arrived, receive_count) == RetryDecision(Kind.OWN, 7, is_resent=True)


def test_a_task_that_fails_to_say_what_an_outage_is_has_none():
    class Confused(Policy):
        @staticmethod
        def is_outage(error):
            return error.orig.args[0] == 2006

    assert decide(Confused(), LookupError(), "message", 1, RECEIVES) == decision(LookupError())


@pytest.mark.parametrize("error", [LookupError(), Retry(when=60), Retry(), WorkerLostError()], ids=repr)
@pytest.mark.parametrize("receive_count", [RECEIVES, RECEIVES + 7])
def test_after_the_last_receive_a_message_is_visible_at_once_whatever_was_asked_for(error, receive_count):
    given = decision(error, receive_count)
    assert (given.delay, given.final) == (0, True)


@pytest.mark.parametrize(("countdown", "delay"), [(0, 0), (1, 1), (2.9, 2), (900, 900), (-5, 0)])
def test_a_retry_with_a_countdown_is_visible_after_it(countdown, delay):
    assert decision(Retry(when=countdown)) == RetryDecision(Kind.OWN, delay)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=-9))], ids=str)
def test_a_retry_with_an_eta_is_visible_then(zone):
    assert decision(Retry(when=datetime.now(zone) + timedelta(seconds=100))).delay in {99, 100}
    assert decision(Retry(when=datetime.now(zone) - timedelta(seconds=100))).delay == 0


def test_an_eta_without_a_zone_is_in_utc_as_it_is_to_celery():
    eta = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=100)
    assert decision(Retry(when=eta)).delay in {99, 100}


@pytest.mark.parametrize("when", [10**6, datetime.now(UTC) + timedelta(days=2)], ids=["countdown", "eta"])
def test_nothing_is_hidden_for_longer_than_sqs_allows(when):
    assert decision(Retry(when=when)).delay == LONGEST_DELAY
    assert LONGEST_DELAY < 12 * 60 * 60


def test_a_retry_is_decided_by_its_reason():
    assert decision(Retry(exc=ConnectionError(), when=60)) == RetryDecision(Kind.OUTAGE)
    assert decision(Retry(exc=PermissionError(), when=60)) == RetryDecision(Kind.PERMANENT, 0)
    assert decision(Retry(exc=LookupError(), when=60)) == RetryDecision(Kind.OWN, 60)
    assert decision(Retry(exc=LookupError())) == decision(LookupError())


@pytest.mark.parametrize(
    "error",
    [LookupError("a"), PermissionError(), ConnectionError(), Retry(exc=ConnectionError()), Retry(when=60)],
    ids=repr,
)
def test_the_decision_is_the_same_in_the_worker_that_hears_of_the_failure(error):
    with pytest.raises(type(error)) as raised:
        _throw(error)
    reported = ExceptionInfo((raised.type, raised.value, raised.tb))
    received = pickle.loads(pickle.dumps(reported))  # noqa: S301  # ours, and as the pool does it
    assert decision(unwrapped(received)) == decision(error)


@given(message_id=st.text(), receive_count=st.integers(1, 10**6), base=st.floats(0, 1e6), cap=st.floats(0, 1e6))
def test_a_back_off_is_within_its_bounds(message_id, receive_count, base, cap):
    pause = backoff(message_id, receive_count, base, cap)
    assert 0 <= pause <= math.ceil(min(cap, base * 2.0 ** min(receive_count - 1, 1000)))


@given(st.text(), st.integers(1, 100))
def test_a_message_has_dice_of_its_own(message_id, receive_count):
    first = backoff(message_id, receive_count, 1e6, 1e6)
    assert backoff(message_id, receive_count, 1e6, 1e6) == first
    assert backoff(message_id, receive_count + 1, 1e6, 1e6) != first
    assert backoff(f"{message_id}.", receive_count, 1e6, 1e6) != first


def test_every_process_throws_the_same_dice():
    # Written down from another process: a hash of Python's would be another one in each.
    assert [backoff("message", number, 1000, 3000) for number in (1, 2, 3)] == [293, 616, 2090]


@pytest.mark.parametrize(("receive_count", "ceiling"), [(1, 100), (2, 200), (3, 400), (4, 500), (99, 500)])
def test_messages_that_fail_together_are_spread_evenly_over_a_time_that_doubles(receive_count, ceiling):
    pauses = [backoff(f"message-{number}", receive_count, base=100, cap=500) for number in range(2000)]
    tenths = [min(9, 10 * pause // ceiling) for pause in pauses]
    assert max(pauses) <= ceiling
    assert all(140 < tenths.count(tenth) < 260 for tenth in range(10))


def _throw(error):
    raise error


def test_without_a_redrive_policy_no_receive_is_the_last():
    assert decide(Policy(), LookupError(), "message", 99, None).final is False
