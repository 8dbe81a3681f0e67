"""Messages are like those of each contender's own producer, and each has an id of its own."""

import base64
import json

from bench.messages import dramatiq_messages, kombu_messages, orders, our_messages, plain_json, taskiq_messages

ORDER = {"orderId": "an-order"}
QUEUE = "a-queue"


def encoded(value):
    return base64.b64encode(json.dumps(value).encode()).decode()


def decoded(text):
    return json.loads(base64.b64decode(text))


def test_orders_differ():
    made = list(orders(3))
    assert len({order["orderId"] for order in made}) == 3
    assert made[0].keys() == made[1].keys()


def test_plain_json_is_the_order():
    assert json.loads(plain_json(ORDER, QUEUE)["MessageBody"]) == ORDER


def test_ours_gets_a_new_id_wherever_the_old_one_stands():
    attributes = {
        "celery_id": {"DataType": "String", "StringValue": "old"},
        "celery_headers": {"DataType": "String", "StringValue": '{"root_id": "old"}'},
    }
    made = our_messages({"MessageAttributes": attributes})(ORDER, QUEUE)
    fresh = made["MessageAttributes"]["celery_id"]["StringValue"]
    assert fresh != "old"
    assert json.loads(made["MessageAttributes"]["celery_headers"]["StringValue"]) == {"root_id": fresh}
    assert json.loads(made["MessageBody"]) == ORDER


def test_kombu_names_the_queue_that_the_message_is_deleted_from():
    envelope = {"body": encoded([["sample"], {}, {"chord": None}]), "headers": {"task": "t"}, "properties": {}}
    make = kombu_messages({"Body": encoded(envelope)})
    made = decoded(make(ORDER, QUEUE)["MessageBody"])
    assert decoded(made["body"]) == [[ORDER], {}, {"chord": None}]
    assert made["properties"]["delivery_info"]["routing_key"] == QUEUE
    assert made["headers"]["task"] == "t"
    assert made["headers"]["id"] != decoded(make(ORDER, QUEUE)["MessageBody"])["headers"]["id"]


def test_dramatiq_keeps_actor_and_options():
    sample = {"queue_name": "old", "actor_name": "a", "args": [1], "options": {"o": 1}, "message_id": "old"}
    made = decoded(dramatiq_messages({"Body": encoded(sample)})(ORDER, QUEUE)["MessageBody"])
    assert made.pop("message_id") != "old"
    assert made == {"queue_name": QUEUE, "actor_name": "a", "args": [ORDER], "options": {"o": 1}}


def test_taskiq_keeps_its_labels():
    sample = {"task_id": "old", "task_name": "t", "labels": {"l": 1}, "args": [1], "kwargs": {}}
    made = taskiq_messages({"Body": json.dumps(sample)})(ORDER, QUEUE)
    body = json.loads(made["MessageBody"])
    assert body.pop("task_id") != "old"
    assert body == {"task_name": "t", "labels": {"l": 1}, "args": [ORDER], "kwargs": {}}
