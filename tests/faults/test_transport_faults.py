"""SQS and the network fail in every way there is, and a worker gets over it by itself.

Each scenario has queues, a proxy and workers of its own, and mostly waits. So all that were asked
for are under way at the same time, and each test looks at the end of one. `FAULTS=long` makes the
faults last as long as they are said to.
"""

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.queues import ORDER_QUEUE
from tests.faults.mischief import NONSENSE
from tests.faults.stage import complaints
from tests.polling import poll

LONG = os.environ.get("FAULTS") == "long"
AT_A_TIME = 6  # scenarios

RECOVERY = 10  # seconds from a fault's end until orders sent then are stored: a pause of the back-off, and a backlog
SETTLED = 15  # seconds until the queue is empty: a visibility timeout, and then some

#: Lines that a worker may write about a fault of SQS: a few, whatever is failing besides the polls.
MOST_LINES = 12

#: Seconds that the transport gives SQS to answer a long poll, besides the poll's own time, and to try again.
READ_MARGIN = 5


def the_endpoint_refuses_connections(stages):
    # What a worker has in hand at the start it receives again after the end, at the latest: 2 receives.
    with stages(visibility_timeout=4) as stage:
        worker = _started(stage)
        with stage.flowing():
            with stage.proxy.refusing():
                time.sleep(20 if LONG else 8)
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)
        _assert_says_once(worker, "cannot receive", "receiving again")


def three_in_ten_answers_are_500(stages):
    # A message can be received once more for each visibility timeout in which its deletion fails.
    # The short fault has room for 2; the long one would reach the limit by bad luck, not by a defect.
    allowed = 20 if LONG else ORDER_QUEUE.max_receive_count
    with stages(visibility_timeout=4, max_receive_count=allowed) as stage:
        _started(stage)
        with stage.flowing():
            with stage.proxy.failing(share=0.3):
                ids = stage.send(50)
                time.sleep(20 if LONG else 6)
            stage.assert_new_orders_are_stored(RECOVERY)
            assert stage.stored(ids)
        stage.assert_all_is_well(SETTLED)
        assert stage.proxy.troubled["ReceiveMessage"]


def one_answer_with_orders_never_comes(stages):
    with stages(visibility_timeout=4) as stage:
        _started(stage)
        with stage.proxy.hanging("ReceiveMessage", times=1, processed=True):
            stage.send(1)  # the poll that is under way brings it; it is the next one that hangs
            poll(lambda: stage.proxy.troubled["ReceiveMessage"], 30, "a poll hangs")
            ids = stage.send(15)
            poll(lambda: stage.stored(ids), ORDER_QUEUE.receive_wait + READ_MARGIN, "the worker polls on")
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)


def no_answer_to_a_deletion_comes_back(stages):
    # SQS has deleted the messages, so there is nothing to receive again.
    with stages(visibility_timeout=4) as stage:
        _started(stage)
        with stage.flowing():
            with stage.proxy.losing("DeleteMessage", "DeleteMessageBatch"):
                time.sleep(10 if LONG else 5)
            stage.assert_new_orders_are_stored(RECOVERY)
            with stage.proxy.hanging("DeleteMessage", "DeleteMessageBatch", processed=True):
                time.sleep(10 if LONG else 4)
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)


def no_deletion_gets_through(stages):
    # Each message comes again until it can be deleted: with the house's 3 receives the fault would
    # outlast the budget by its own definition, and it is not the budget that is looked at here.
    with stages(visibility_timeout=2, max_receive_count=50) as stage:
        _started(stage)
        with stage.flowing():
            with stage.proxy.failing("DeleteMessage", "DeleteMessageBatch", answers=503):
                time.sleep(10 if LONG else 6)
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)


def every_call_is_throttled(stages):
    with stages(visibility_timeout=4) as stage:
        worker = _started(stage)
        with stage.flowing():
            with stage.proxy.throttling():
                time.sleep(10 if LONG else 5)
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)
        _assert_says_once(worker, "cannot receive", "receiving again")


def the_credentials_have_expired(stages):
    with stages(visibility_timeout=4) as stage:
        worker = _started(stage)
        with stage.flowing():
            with stage.proxy.expired():
                time.sleep(10 if LONG else 5)
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)
        _assert_says_once(worker, "cannot receive", "receiving again")


def answers_make_no_sense(stages):
    # A deletion whose answer is nonsense was not done, so receives are burnt: see no_deletion_gets_through.
    with stages(visibility_timeout=4, max_receive_count=50) as stage:
        _started(stage)
        with stage.flowing():
            # Every other answer makes sense, or the pauses between failing polls would take all the time.
            with stage.proxy.babbling("ReceiveMessage", share=0.5):
                poll(lambda: stage.proxy.troubled["ReceiveMessage"] >= len(NONSENSE), 30, "all nonsense is told")
            stage.assert_new_orders_are_stored(RECOVERY)
            with stage.proxy.babbling(share=0.5):
                time.sleep(10 if LONG else 4)
            stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)


def messages_arrive_twice(stages):
    with stages(visibility_timeout=4) as stage:
        _started(stage)
        with stage.proxy.duplicating():
            ids = stage.send(30)
            poll(lambda: stage.stored(ids), RECOVERY, "all are stored")
        stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)


def messages_arrive_broken(stages):
    # A broken body costs its message a receive, and no more than two answers bring such: 3 are enough.
    with stages(visibility_timeout=4) as stage:
        _started(stage)
        with stage.proxy.corrupting(times=2):
            ids = stage.send(30)
            poll(lambda: stage.proxy.troubled["ReceiveMessage"] == 2, RECOVERY, "two answers are broken")
            poll(lambda: stage.stored(ids), RECOVERY, "all are stored")
        stage.assert_all_is_well(SETTLED)


def a_worker_is_suspended_for_longer_than_the_visibility_timeout(stages):
    # Suspended for 1.5 visibility timeouts: the other worker receives what the first one holds a
    # second time, and there is no third before the first one is back and lets go of its rows.
    visibility = 8 if LONG else 4
    with stages(visibility_timeout=visibility) as stage:
        suspended, other = _started(stage), stage.start_worker()
        with contextlib.ExitStack() as meanwhile:
            with stage.locked():
                stage.send(100)
                poll(lambda: stage.inserts(suspended), 10, "the worker has orders in hand")
                meanwhile.enter_context(stage.frozen(suspended))
            time.sleep(1.5 * visibility)
        stage.assert_all_is_well(SETTLED)
        # It still works, and not only because there is another.
        other.send(signal.SIGTERM)
        stage.workers.remove(other)
        assert other.wait() == 0
        stage.assert_new_orders_are_stored(RECOVERY)
        stage.assert_all_is_well(SETTLED)


SCENARIOS = [  # the long ones first, so that none of them is left for the end
    pytest.param(one_answer_with_orders_never_comes, marks=pytest.mark.long),
    no_answer_to_a_deletion_comes_back,
    answers_make_no_sense,
    the_endpoint_refuses_connections,
    a_worker_is_suspended_for_longer_than_the_visibility_timeout,
    no_deletion_gets_through,
    three_in_ten_answers_are_500,
    every_call_is_throttled,
    the_credentials_have_expired,
    messages_arrive_broken,
    messages_arrive_twice,
]


@pytest.fixture(scope="module")
def under_way(stages, request):
    tests = (item for item in request.session.items if item.getparent(pytest.Module) is request.node)
    asked_for = [test.callspec.params["scenario"] for test in tests]
    with ThreadPoolExecutor(AT_A_TIME) as threads:
        yield {scenario: threads.submit(scenario, stages) for scenario in asked_for}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_worker_recovers_by_itself_and_every_order_is_stored_once_when(scenario, under_way):
    under_way[scenario].result()


def _started(stage):
    """A worker that has shown that it works."""
    worker = stage.start_worker()
    stage.assert_new_orders_are_stored(RECOVERY)
    return worker


def _assert_says_once(worker, *texts):
    """One line for each change of state, however many calls have failed meanwhile."""
    said = [line["event"] for line in complaints(worker)]
    assert [sum(text in line for line in said) for text in texts] == [1] * len(texts), said
    assert len(said) <= MOST_LINES, said
