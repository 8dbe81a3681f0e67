"""Orders as other producers put them into the queue: in envelopes, with fields of their own, with bits of floats."""

import json

import requests

from celery_sqs.dlq import DeadLetterService
from tasks.application import create_celery
from tests.conftest import make_settings
from tests.mariadb import rows
from tests.polling import poll
from tests.processes import free_port
from tests.unit.test_unwrap import event, sns

TEMPLATE = (
    '{"orderId": "5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e%02d", "userId": 1, "productName": "Widget", "quantity": 2.0,'
    ' "totalPrice": 0.30000000000000004, "status": "pending", "timestamp": "2026-01-24T12:00:00+01:00"%s}'
)


def order(number, more=""):
    return TEMPLATE % (number, more)


def service_of(environment):
    """The work on the DLQ, by the settings of the worker."""
    settings = make_settings(
        database_url=environment["DATABASE_URL"],
        sqs_endpoint=environment["SQS_ENDPOINT"],
        sqs_queue_url=environment["SQS_QUEUE_URL"],
        sqs_dlq_url=environment["SQS_DLQ_URL"],
        sqs_envelope=environment["SQS_ENVELOPE"],
        app_env="development",  # whose access key is the emulator's
    )
    return DeadLetterService.of(create_celery(settings))


def test_what_can_only_mean_one_thing_is_stored_and_what_is_dead_is_as_it_came(start_worker, environment, queues):
    environment |= {"SQS_ENVELOPE": "sns,eventbridge", "WORKER_HEALTH_PORT": str(port := free_port())}
    worker = start_worker("-c", "1")
    bodies = [
        order(10),
        "\ufeff" + order(11),
        order(12, ', "currency": "EUR"'),
        sns(order(13)),
        sns("\ufeff" + order(14, ', "currency": "EUR"')),
        event(order(15)),
        sns(event(order(16))),
    ]
    without_a_zone = sns(order(20).replace("+01:00", ""))
    for body in [*bodies, without_a_zone]:
        queues.send(body)

    query = "SELECT order_id, quantity, total_price FROM orders ORDER BY order_id"
    stored = poll(
        lambda: len(found := rows(environment["DATABASE_URL"], query)) == len(bodies) and found, 30, "they are stored"
    )
    assert {(quantity, str(price)) for _, quantity, price in stored} == {(2, "0.30")}
    poll(lambda: not queues.waiting(), 30, "the other one is in the DLQ")
    assert [message["Body"] for message in queues.peek(queues.dlq_url)] == [without_a_zone]
    assert worker.output.count("order messages have a field that is not known here") == 1

    metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    assert "order_messages_unknown_fields_total 2.0" in metrics
    assert "order_messages_unknown_schemas_total 0.0" in metrics

    service = service_of(environment)
    service.scan()
    [dead] = service.messages.page(None, None, 10)
    assert (dead.subject, dead.body) == (json.loads(order(20))["orderId"], without_a_zone)
    [answer] = service.dry_run([dead])
    assert "a time without a zone may be any" in answer.why
    assert service.dry_run_edit(dead, sns(order(20))).accepted
