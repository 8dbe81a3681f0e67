"""A dead copy of a renewed message is the message that was sent first: one order, not two."""

from datetime import UTC, datetime

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.consume.delivery import Delivery
from celery_sqs.dlq import DISCARD, REDRIVE, DeadLetterQueue, Selection, Throttle
from celery_sqs.message.renewal import MAX_ATTRIBUTES, RENEWAL, renewed
from tests.dead_orders import a_failure, bury_copy, in_all, make_service, order_body, order_id_of, visible

UNHURRIED = Throttle(confirm_within=0.1, poll=0.05, hidden_for=1)


@pytest.fixture
def dlq(emulator, queues):
    return DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)


@pytest.fixture
def service(engine, dlq):
    return make_service(engine, dlq, UNHURRIED)


@pytest.fixture
def renew(queues):
    """A function that sends a message to work, receives it, and sends its copy to the DLQ; returns the message."""

    def renew(body, attributes):
        queues.sqs.send_message(QueueUrl=queues.url, MessageBody=body, MessageAttributes=attributes)
        [message] = queues.sqs.receive_message(
            QueueUrl=queues.url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
        )["Messages"]
        delivery = Delivery(message, "work", queues.url, 30, 0, 3)
        copy = renewed(delivery.message, delivery.next_renewal(records=True))
        queues.sqs.send_message(QueueUrl=queues.dlq_url, **copy)
        queues.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=message["ReceiptHandle"])
        return message

    return renew


def text(value):
    return {"DataType": "String", "StringValue": value}


def many_attributes():
    """As many as SQS takes, so that a copy has to pack some."""
    foreign = {f"of-the-producer-{number}": text(str(number)) for number in range(MAX_ATTRIBUTES - 1)}
    return foreign | {"celery_id": text("a-task")}


def test_it_is_known_by_its_first_id_with_the_attempts_at_all_copies_and_its_own_attributes(service, store, renew):
    body, attributes = order_body(), many_attributes()
    message = renew(body, attributes)
    store.record_attempt(a_failure(message["MessageId"], receive_count=1, message="the first copy", final=False))
    store.record_attempt(a_failure(message["MessageId"], receive_count=5, message="the last copy"))

    assert (service.scan().found, service.messages.count()) == (1, 1)

    found = service.messages.get(message["MessageId"])
    assert (found.error, found.task_id, found.subject) == ("the last copy", "a-task", order_id_of(body))
    assert found.attributes == attributes
    sent_at = int(message["Attributes"]["SentTimestamp"]) / 1000
    assert found.sent_at == datetime.fromtimestamp(sent_at, UTC)
    assert service.dry_run([found])[0].accepted


def test_an_operator_sends_it_as_a_new_message_with_all_its_attributes(service, queues, renew):
    body, attributes = order_body(), many_attributes()
    message = renew(body, attributes)
    service.scan()
    service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended"))

    [sent] = queues.peek(queues.url)
    assert (sent["Body"], sent["MessageAttributes"]) == (body, attributes)
    assert RENEWAL not in sent["MessageAttributes"]
    assert sent["MessageId"] != message["MessageId"]
    assert in_all(queues, queues.dlq_url) == 0


def test_two_dead_copies_are_one_message_and_both_are_seen(service, queues):
    body = order_body()
    bury_copy(queues, body)
    bury_copy(queues, body, receives=6)
    result = service.scan()
    assert (result.found, result.new, service.messages.count()) == (2, 1, 1)
    assert service.scan().new == 0
    assert visible(queues, queues.dlq_url) == 2, "neither is kept from others"


def test_two_dead_copies_are_sent_again_as_one_and_both_leave_the_dlq(service, queues):
    body = order_body()
    bury_copy(queues, body)
    bury_copy(queues, body, receives=6)
    service.scan()
    done = service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended"))
    assert (done.state, done.total, done.sent) == ("done", 1, 1)
    assert (in_all(queues, queues.url), in_all(queues, queues.dlq_url)) == (1, 0)


def test_two_dead_copies_are_discarded_together(service, queues):
    bury_copy(queues, "poison")
    bury_copy(queues, "poison", receives=6)
    service.scan()
    done = service.repairs.run(service.repairs.plan(DISCARD, Selection.all(), "ada", "no order"))
    assert (done.state, done.discarded) == ("done", 1)
    assert (in_all(queues, queues.url), in_all(queues, queues.dlq_url)) == (0, 0)


def test_a_copy_that_dies_after_the_other_was_sent_again_is_found_and_can_be_sent_too(service, queues):
    body = order_body()
    for copies in (1, 2):
        bury_copy(queues, body)
        service.scan()
        assert service.messages.count() == 1
        assert service.repairs.run(service.repairs.plan(REDRIVE, Selection.all(), "ada", "mended")).sent == 1
        assert (in_all(queues, queues.url), in_all(queues, queues.dlq_url)) == (copies, 0)


def test_a_dead_message_whose_attempt_began_has_lost_its_worker(service, queues, store):
    bury_copy(queues, order_body())
    store.record_attempt(a_failure("first", kind="begun", error_class="WorkerLostError", final=False))
    service.scan()
    assert service.messages.get("first").kind == "lost"
