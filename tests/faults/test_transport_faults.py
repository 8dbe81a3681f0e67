"""SQS and the network fail in many ways, and a worker recovers by itself.

Each scenario has a cluster of its own, and mostly waits. So the selected scenarios run at the same time, and each test
waits for the end of one. `FAULTS=long` makes the faults last as long as they do in production.
"""

import contextlib
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.queues import ORDER_QUEUE
from tests.faults.cluster import framework_warnings
from tests.faults.interceptors import MALFORMED
from tests.polling import poll

LONG = os.environ.get("FAULTS") == "long"
CONCURRENT = 6  # scenarios

RECOVERY = 10  # seconds from a fault's end until orders sent then are stored: the backoff, and a backlog
SETTLING = 15  # seconds until the queue is empty: more than a visibility timeout

#: Lines that a worker may log about a fault of SQS, including those for calls other than polls.
MAX_LINES = 12

#: Seconds that the transport gives SQS to answer a long poll, besides the poll's own time, and to try again.
READ_MARGIN = 5


def the_endpoint_refuses_connections(start_cluster):
    # What is in flight when the fault begins is received again after its end at the latest: 2 receives.
    with start_cluster(visibility_timeout=4) as cluster:
        worker = _started(cluster)
        with cluster.sending():
            with cluster.proxy.refusing():
                time.sleep(20 if LONG else 8)
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)
        _assert_logged_once(worker, "cannot receive", "receiving again")


def three_in_ten_responses_are_500(start_cluster):
    # A message can be received once more for each visibility timeout in which its deletion fails.
    # The short fault lasts for 2 of them; the long one may exceed the limit by chance, not by a defect.
    allowed = 20 if LONG else ORDER_QUEUE.max_receive_count
    with start_cluster(visibility_timeout=4, max_receive_count=allowed) as cluster:
        _started(cluster)
        with cluster.sending():
            with cluster.proxy.failing(share=0.3):
                ids = cluster.send(50)
                time.sleep(20 if LONG else 6)
            cluster.assert_new_orders_are_stored(RECOVERY)
            assert cluster.stored(ids)
        cluster.assert_no_anomalies(SETTLING)
        assert cluster.proxy.faulty["ReceiveMessage"]


def one_response_with_orders_never_comes(start_cluster):
    with start_cluster(visibility_timeout=4) as cluster:
        _started(cluster)
        with cluster.proxy.hanging("ReceiveMessage", times=1, processed=True):
            cluster.send(1)  # the poll that is under way receives it; the next one hangs
            poll(lambda: cluster.proxy.faulty["ReceiveMessage"], 30, "a poll hangs")
            ids = cluster.send(15)
            poll(lambda: cluster.stored(ids), ORDER_QUEUE.receive_wait + READ_MARGIN, "the worker polls on")
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


def the_responses_to_deletions_are_lost(start_cluster):
    # SQS has deleted the messages, so there is nothing to receive again.
    with start_cluster(visibility_timeout=4) as cluster:
        _started(cluster)
        with cluster.sending():
            with cluster.proxy.losing_responses("DeleteMessage", "DeleteMessageBatch"):
                time.sleep(10 if LONG else 5)
            cluster.assert_new_orders_are_stored(RECOVERY)
            with cluster.proxy.hanging("DeleteMessage", "DeleteMessageBatch", processed=True):
                time.sleep(10 if LONG else 4)
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


def no_deletion_gets_through(start_cluster):
    # Each message is delivered again until it can be deleted. The house's maxReceiveCount of 3 would not be
    # enough for this fault, and it is not what is tested here.
    with start_cluster(visibility_timeout=2, max_receive_count=50) as cluster:
        _started(cluster)
        with cluster.sending():
            with cluster.proxy.failing("DeleteMessage", "DeleteMessageBatch", status=503):
                time.sleep(10 if LONG else 6)
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


def every_call_is_throttled(start_cluster):
    with start_cluster(visibility_timeout=4) as cluster:
        worker = _started(cluster)
        with cluster.sending():
            with cluster.proxy.throttling():
                time.sleep(10 if LONG else 5)
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)
        _assert_logged_once(worker, "cannot receive", "receiving again")


def the_credentials_have_expired(start_cluster):
    with start_cluster(visibility_timeout=4) as cluster:
        worker = _started(cluster)
        with cluster.sending():
            with cluster.proxy.expired_credentials():
                time.sleep(10 if LONG else 5)
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)
        _assert_logged_once(worker, "cannot receive", "receiving again")


def responses_are_malformed(start_cluster):
    # A deletion with a malformed response was not processed, which costs receives: see no_deletion_gets_through.
    with start_cluster(visibility_timeout=4, max_receive_count=50) as cluster:
        _started(cluster)
        with cluster.sending():
            # Only every other response, or the backoff between failing polls would take all the time.
            with cluster.proxy.malformed("ReceiveMessage", share=0.5):
                poll(
                    lambda: cluster.proxy.faulty["ReceiveMessage"] >= len(MALFORMED),
                    30,
                    "each kind of malformed response was sent",
                )
            cluster.assert_new_orders_are_stored(RECOVERY)
            with cluster.proxy.malformed(share=0.5):
                time.sleep(10 if LONG else 4)
            cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


def messages_are_delivered_twice(start_cluster):
    with start_cluster(visibility_timeout=4) as cluster:
        _started(cluster)
        with cluster.proxy.duplicating():
            ids = cluster.send(30)
            poll(lambda: cluster.stored(ids), RECOVERY, "all are stored")
        cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


def suspects_are_delivered_twice(start_cluster):
    # A receive that nothing explains makes a message a suspect: it is renewed, and its copy runs alone.
    with start_cluster(visibility_timeout=4) as cluster:
        ids = cluster.send(5)
        queues = cluster.queues
        queues.sqs.receive_message(QueueUrl=queues.url, MaxNumberOfMessages=5, VisibilityTimeout=0, WaitTimeSeconds=1)
        with cluster.proxy.duplicating():
            cluster.start_worker()
            poll(lambda: cluster.stored(ids), RECOVERY, "all are stored")
        cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


def message_bodies_are_corrupted(start_cluster):
    # A corrupted body costs its message a receive, and at most two responses have such bodies: 3 are enough.
    with start_cluster(visibility_timeout=4) as cluster:
        _started(cluster)
        with cluster.proxy.corrupting(times=2):
            ids = cluster.send(30)
            poll(lambda: cluster.proxy.faulty["ReceiveMessage"] == 2, RECOVERY, "two responses are corrupted")
            poll(lambda: cluster.stored(ids), RECOVERY, "all are stored")
        cluster.assert_no_anomalies(SETTLING)


def a_worker_is_suspended_for_longer_than_the_visibility_timeout(start_cluster):
    # Suspended for 1.5 visibility timeouts: the other worker receives what the first one has in flight a
    # second time, and there is no third receive before the first one runs again and releases its row locks.
    visibility = 8 if LONG else 4
    with start_cluster(visibility_timeout=visibility) as cluster:
        suspended, other = _started(cluster), cluster.start_worker()
        with contextlib.ExitStack() as stack:
            with cluster.orders_locked():
                cluster.send(100)
                poll(lambda: cluster.is_inserting(suspended), 10, "the worker has orders in flight")
                stack.enter_context(cluster.suspended(suspended))
            time.sleep(1.5 * visibility)
        cluster.assert_no_anomalies(SETTLING)
        # The suspended worker still works, without the help of the other.
        other.send(signal.SIGTERM)
        cluster.workers.remove(other)
        assert other.wait() == 0
        cluster.assert_new_orders_are_stored(RECOVERY)
        cluster.assert_no_anomalies(SETTLING)


SCENARIOS = [  # the long ones first, so that none of them runs alone at the end
    pytest.param(one_response_with_orders_never_comes, marks=pytest.mark.long),
    the_responses_to_deletions_are_lost,
    responses_are_malformed,
    the_endpoint_refuses_connections,
    a_worker_is_suspended_for_longer_than_the_visibility_timeout,
    no_deletion_gets_through,
    three_in_ten_responses_are_500,
    every_call_is_throttled,
    the_credentials_have_expired,
    message_bodies_are_corrupted,
    messages_are_delivered_twice,
    suspects_are_delivered_twice,
]


@pytest.fixture(scope="module")
def running(start_cluster, request):
    tests = (item for item in request.session.items if item.getparent(pytest.Module) is request.node)
    selected = [test.callspec.params["scenario"] for test in tests]
    with ThreadPoolExecutor(CONCURRENT) as threads:
        yield {scenario: threads.submit(scenario, start_cluster) for scenario in selected}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
@pytest.mark.long
def test_a_worker_recovers_by_itself_and_every_order_is_stored_once_when(scenario, running):
    running[scenario].result()


def _started(cluster):
    """A worker that has stored orders."""
    worker = cluster.start_worker()
    cluster.assert_new_orders_are_stored(RECOVERY)
    return worker


def _assert_logged_once(worker, *texts):
    """One line for each change of state, and for each kind of error, however many calls have failed meanwhile."""
    events = [line["event"] for line in framework_warnings(worker)]
    assert len(set(events)) == len(events), events
    assert all(any(text in event for event in events) for text in texts), events
    assert len(events) <= MAX_LINES, events
