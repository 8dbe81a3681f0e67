"""SQS fails under the API: a client knows in time, and a promise is kept."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.oracle import Placed

SEND_TIMEOUT = 3  # seconds; the house's 5 would only make every test of a whole failure longer
LIMIT = SEND_TIMEOUT + 1  # seconds until a client knows
CLIENTS = 12
SETTLED = 15  # seconds until everything accepted is stored

SENDS = ("SendMessage", "SendMessageBatch")


@pytest.fixture(scope="module")
def stage(stages):
    # Receives are not at stake here: the faults are about sending.
    with stages(visibility_timeout=4) as one:
        yield one


@pytest.fixture(scope="module")
def client(stage, emulator):
    with ThreadPoolExecutor() as threads:
        # The worker calls past the proxy, or each test would wait for it to come back from its pauses.
        past_the_proxy = {"SQS_ENDPOINT": emulator.url, "SQS_QUEUE_URL": stage.queues.url}
        worker = threads.submit(stage.start_worker, **past_the_proxy)
        api = stage.start_web(SQS_SEND_TIMEOUT=str(SEND_TIMEOUT))
        worker.result()
    return api


@pytest.fixture(autouse=True)
def _all_is_well(stage, client):
    """Whatever a test did, each promise is kept at its end."""
    yield
    stage.assert_all_is_well(SETTLED)


def test_with_three_in_ten_sends_failing_most_posts_are_accepted(stage, client):
    with stage.proxy.failing(*SENDS, share=0.3):
        answers = _post(stage, client, 200)
    assert stage.proxy.troubled["SendMessage"] + stage.proxy.troubled["SendMessageBatch"]
    _assert_told_in_time(answers)
    # One retry alone leaves 91 in 100.
    assert _statuses(answers)[202] >= 160, _statuses(answers)


def test_failures_after_the_message_was_queued_store_nothing_twice(stage, client):
    with stage.proxy.failing(*SENDS, share=0.3, processed=True):
        answers = _post(stage, client, 50)
    _assert_told_in_time(answers)
    assert _statuses(answers)[202] >= 40, _statuses(answers)


def test_one_send_that_is_never_answered_holds_up_nobody_for_long(stage, client):
    with stage.proxy.hanging(*SENDS, times=1):
        answers = _post(stage, client, 50)
    _assert_told_in_time(answers)
    assert _statuses(answers)[202] >= 40, _statuses(answers)


def test_no_post_is_accepted_while_the_queue_cannot_be_reached_and_the_next_one_after_it_is(stage, client):
    with stage.proxy.refusing():
        answers = _post(stage, client, CLIENTS)
    _assert_told_in_time(answers)
    assert _statuses(answers) == {503: CLIENTS}
    assert _statuses(_post(stage, client, CLIENTS)) == {202: CLIENTS}


def test_whatever_sqs_answers_in_the_place_of_a_confirmation_is_a_503(stage, client):
    with (
        stage.proxy.expired(*SENDS, share=0.2),
        stage.proxy.throttling(*SENDS, share=0.2),
        stage.proxy.babbling(*SENDS),
    ):
        answers = _post(stage, client, CLIENTS)
    _assert_told_in_time(answers)
    assert _statuses(answers) == {503: CLIENTS}


def test_an_order_whose_confirmation_was_lost_is_one_order_when_it_is_posted_again(stage, client):
    order = Placed.some(1)
    with stage.proxy.losing(*SENDS):
        status, took = stage.post(client, "lost", order)
    assert status == 503
    assert took <= LIMIT
    assert stage.post(client, "lost", order)[0] == 202


def _post(stage, client, number):
    """Post orders from several clients at once; returns (status, seconds) of each."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(lambda _: stage.post(client), range(number)))


def _statuses(answers):
    return Counter(status for status, _ in answers)


def _assert_told_in_time(answers):
    assert _statuses(answers).keys() <= {202, 503}, _statuses(answers)
    assert max(took for _, took in answers) <= LIMIT
