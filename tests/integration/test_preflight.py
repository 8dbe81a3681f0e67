"""`flask preflight` on a real SQS: what it says, and how it ends."""

import json

import pytest

from app import create_app
from config.queues import ORDER_QUEUE
from tests.conftest import make_settings
from tests.emulator import Queues
from tests.processes import free_port
from tests.unit.fakes import FakeQueue, ForbiddenStore


@pytest.fixture
def good(emulator):
    """Queues with all of the house's numbers."""
    both = Queues.fresh(emulator, ORDER_QUEUE.visibility_timeout, ORDER_QUEUE.receive_wait)
    yield both
    both.delete()


def preflight(queue_url, dlq_url=None):
    """Run the command as with these settings; returns its exit code and what it printed."""
    endpoint = queue_url.rsplit("/", 2)[0]
    settings = make_settings(sqs_endpoint=endpoint, sqs_queue_url=queue_url, sqs_dlq_url=dlq_url)
    app = create_app(settings, store=ForbiddenStore(), queue=FakeQueue())
    with app.app_context():
        ended = app.test_cli_runner().invoke(args=["preflight"])
    return ended.exit_code, ended.output


def name_of(url):
    return url.rsplit("/", 1)[-1]


@pytest.mark.parametrize("named", [True, False])
def test_queues_with_the_numbers_of_the_house_pass_and_their_time_line_is_told(good, named):
    code, output = preflight(good.url, good.dlq_url if named else None)
    assert code == 0, output
    assert output.startswith(f"{name_of(good.url)} -> {name_of(good.dlq_url)}\n")
    for number in (
        "3 attempts (maxReceiveCount)",
        "backoff_base 1 s",
        "backoff_cap 60 s",
        "15 s (task_soft_time_limit)",
        "20 s (task_time_limit)",
        "30 s (VisibilityTimeout)",
        "1 day in the queue, 14 days in the DLQ",
    ):
        assert number in output


def test_a_number_that_contradicts_another_fails_and_is_named_below_the_time_line(good):
    good.hide_for(10)
    code, output = preflight(good.url, good.dlq_url)
    assert code == 1
    assert output.splitlines()[0] == f"{name_of(good.url)} -> {name_of(good.dlq_url)}"
    assert output.splitlines()[-1].startswith(f"{name_of(good.url)} has VisibilityTimeout 10 s")


def test_a_queue_without_a_redrive_policy_fails(good):
    # The emulator takes no policy away from a queue; a DLQ is one that never had any.
    code, output = preflight(good.dlq_url, good.dlq_url)
    assert code == 1
    assert f"{name_of(good.dlq_url)} has no RedrivePolicy" in output


def test_a_dlq_that_has_been_deleted_fails(good):
    good.sqs.delete_queue(QueueUrl=good.dlq_url)
    code, output = preflight(good.url, good.dlq_url)
    good.sqs.create_queue(QueueName=name_of(good.dlq_url))  # for the end of the test
    assert code == 1
    assert f"{name_of(good.dlq_url)}, which does not exist" in output


def test_another_dlq_than_the_settings_name_fails(good):
    code, output = preflight(good.url, f"{good.dlq_url}-of-others")
    assert code == 1
    assert "-of-others as the DLQ" in output


def test_a_dlq_with_a_redrive_policy_of_its_own_fails(good):
    [arn] = good.sqs.get_queue_attributes(QueueUrl=good.url, AttributeNames=["QueueArn"])["Attributes"].values()
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 9})
    good.sqs.set_queue_attributes(QueueUrl=good.dlq_url, Attributes={"RedrivePolicy": policy})
    code, output = preflight(good.url, good.dlq_url)
    assert code == 1
    assert f"{name_of(good.dlq_url)} is a DLQ with a RedrivePolicy of its own, maxReceiveCount 9" in output


def test_a_queue_that_does_not_exist_fails(emulator):
    url = f"{emulator.url}/000000000000/nobody-made-this-one"
    assert preflight(url) == (1, f"There is no queue at {url}: create it, or correct the URL.\n")


def test_an_sqs_that_nobody_runs_is_out_of_reach():
    url = f"http://127.0.0.1:{free_port()}/000000000000/orders"
    code, output = preflight(url)
    assert code == 2
    assert output.startswith(f"preflight: SQS does not tell the attributes of {url}: ")
    assert output.count("\n") == 1
