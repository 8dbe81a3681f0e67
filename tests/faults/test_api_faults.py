"""SQS fails under the API: each client gets a response in time, and each accepted order is stored."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.accepted_orders import OrderRequest

SEND_TIMEOUT = 3  # seconds; the house's 5 would only make every test of a whole failure longer
LIMIT = SEND_TIMEOUT + 1  # seconds until a response
CLIENTS = 12
SETTLING = 15  # seconds until everything accepted is stored

SENDS = ("SendMessage", "SendMessageBatch")


@pytest.fixture(scope="module")
def cluster(start_cluster):
    # No receives are lost here: the faults hit sending alone.
    with start_cluster(visibility_timeout=4) as running:
        yield running


@pytest.fixture(scope="module")
def client(cluster, emulator):
    with ThreadPoolExecutor() as threads:
        # The worker calls past the proxy, or each test would wait for the end of its backoff.
        past_the_proxy = {"SQS_ENDPOINT": emulator.url, "SQS_QUEUE_URL": cluster.queues.url}
        worker = threads.submit(cluster.start_worker, **past_the_proxy)
        api = cluster.start_web(SQS_SEND_TIMEOUT=str(SEND_TIMEOUT))
        worker.result()
    return api


@pytest.fixture(autouse=True)
def _no_anomalies(cluster, client):
    """Whatever a test did, each accepted order is stored at its end."""
    yield
    cluster.assert_no_anomalies(SETTLING)


@pytest.mark.long
def test_with_three_in_ten_sends_failing_most_posts_are_accepted(cluster, client):
    with cluster.proxy.failing(*SENDS, share=0.3):
        responses = _post(cluster, client, 200)
    assert cluster.proxy.faulty["SendMessage"] + cluster.proxy.faulty["SendMessageBatch"]
    _assert_in_time(responses)
    # One retry alone leaves 91 in 100.
    assert _statuses(responses)[202] >= 160, _statuses(responses)


def test_failures_after_the_message_was_queued_store_nothing_twice(cluster, client):
    with cluster.proxy.failing(*SENDS, share=0.3, processed=True):
        responses = _post(cluster, client, 50)
    _assert_in_time(responses)
    assert _statuses(responses)[202] >= 40, _statuses(responses)


def test_one_send_without_a_response_delays_no_other_for_long(cluster, client):
    with cluster.proxy.hanging(*SENDS, times=1):
        responses = _post(cluster, client, 50)
    _assert_in_time(responses)
    assert _statuses(responses)[202] >= 40, _statuses(responses)


def test_no_post_is_accepted_while_the_queue_cannot_be_reached_and_the_next_one_after_it_is(cluster, client):
    with cluster.proxy.refusing():
        responses = _post(cluster, client, CLIENTS)
    _assert_in_time(responses)
    assert _statuses(responses) == {503: CLIENTS}
    assert _statuses(_post(cluster, client, CLIENTS)) == {202: CLIENTS}


def test_whatever_sqs_responds_in_place_of_a_confirmation_is_a_503(cluster, client):
    with (
        cluster.proxy.expired_credentials(*SENDS, share=0.2),
        cluster.proxy.throttling(*SENDS, share=0.2),
        cluster.proxy.malformed(*SENDS),
    ):
        responses = _post(cluster, client, CLIENTS)
    _assert_in_time(responses)
    assert _statuses(responses) == {503: CLIENTS}


def test_an_order_whose_confirmation_was_lost_is_one_order_when_it_is_posted_again(cluster, client):
    order = OrderRequest.unique(1)
    with cluster.proxy.losing_responses(*SENDS):
        status, seconds = cluster.post(client, "lost", order)
    assert status == 503
    assert seconds <= LIMIT
    assert cluster.post(client, "lost", order)[0] == 202


def _post(cluster, client, number):
    """Post orders from several clients at once; returns (status, seconds) of each."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda _: cluster.post(client), range(number)))


def _statuses(responses):
    return Counter(status for status, _ in responses)


def _assert_in_time(responses):
    assert _statuses(responses).keys() <= {202, 503}, _statuses(responses)
    assert max(seconds for _, seconds in responses) <= LIMIT
