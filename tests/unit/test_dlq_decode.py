"""Decoding dead messages: whatever is in the DLQ is decoded as a worker would decode it, and nothing raises."""

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.history.order_history import order_in
from celery_sqs.dlq.decode import as_json, decode_message, sent_at
from celery_sqs.dlq.hooks import TaskHooks
from tasks.application import create_celery
from tasks.orders import PERSIST_ORDER
from tests.conftest import make_settings
from tests.unit.envelopes import exact, plain_celery
from tests.unit.samples import MESSAGE, json_of

BODY = json.dumps(MESSAGE, default=str)
ATTRIBUTES = {
    "celery_task": {"DataType": "String", "StringValue": "send_mail"},
    "celery_id": {"DataType": "String", "StringValue": "a-task-id"},
}

HOSTILE = {
    "nothing": "",
    "text": "no order",
    "half-a-brace": "{",
    "array": "[1, 2]",
    "number": "17",
    "null": "null",
    "deep": "[" * 100_000,
    "nan": '{"orderId": NaN}',
    "garbage-in-base64": base64.b64encode(bytes(range(256))).decode(),
    "half-a-surrogate-pair": '{"orderId": "\ud800"}',
    "id-of-a-wrong-type": '{"orderId": {"a": 1}}',
    "many-digits": '{"orderId": ' + "9" * 10_000 + "}",
    "a-mebibyte": "x" * 1024 * 1024,
}


def decode(message_id, body, attributes):
    return decode_message(message_id, body, attributes, PERSIST_ORDER, exact)


@pytest.fixture(scope="module")
def hooks():
    return TaskHooks(create_celery(make_settings()))


@pytest.fixture(scope="module")
def subject(hooks):
    """A function that says what a message without attributes is about."""
    return lambda body: hooks.subject(hooks.decode("m1", body, {}))


def test_an_order_message_names_its_order_and_goes_by_sqss_own_id(subject):
    message = decode("m1", BODY, {})
    assert (message.task, message.task_id, message.error) == ("persist_order", "m1", "")
    assert subject(BODY) == MESSAGE["orderId"]


def test_our_attributes_name_task_and_id():
    message = decode("m1", BODY, ATTRIBUTES)
    assert (message.task, message.task_id) == ("send_mail", "a-task-id")
    assert (message.call.id, message.call.message_id) == ("a-task-id", "m1")


def test_an_id_in_capitals_is_the_same_order(subject):
    assert subject(json.dumps({"orderId": MESSAGE["orderId"].upper()})) == MESSAGE["orderId"]


def test_what_cannot_be_decoded_says_why_and_what_its_attributes_name(hooks):
    message = decode("m1", "no order", ATTRIBUTES)
    assert (message.task, message.task_id, message.call, hooks.subject(message)) == (
        "send_mail",
        "a-task-id",
        None,
        None,
    )
    assert "JSON" in message.error


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bodies_are_decoded_and_name_no_order(subject, body):
    assert (decode("m1", body, {}).task_id, subject(body), order_in(body)) == ("m1", None, None)


@given(json_of(st.text(st.characters())), st.sampled_from(["", "[", "]]", "{"]))
def test_any_body_is_decoded(value, rest):
    decode("m1", json.dumps(value, default=str) + rest, {})


@pytest.mark.parametrize(
    "attributes",
    [
        {"celery_task": {"DataType": "Binary", "BinaryValue": b"\xff"}},
        {"celery_task": {"DataType": "String"}},
        {"celery_task": None},
        {"celery_headers": {"DataType": "String", "StringValue": "[]"}},
    ],
    ids=["binary", "no-value", "null", "headers-of-a-wrong-type"],
)
def test_attributes_of_a_wrong_type_make_it_no_task_call(attributes):
    message = decode("m1", BODY, attributes)
    assert message.call is None
    assert message.error
    assert (message.task, message.task_id) == ("", "m1")


def test_a_valid_body_spells_its_order_to_the_cent():
    order = order_in(BODY)
    assert (str(order.order_id), str(order.total_price)) == (MESSAGE["orderId"], "99.90")


def test_attributes_are_kept_as_json_with_binary_in_base64():
    kept = json.loads(as_json({"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}))
    assert kept == {"a": {"DataType": "Binary", "BinaryValue": "AP8="}}


def test_it_was_sent_when_sqs_says():
    message = {"Attributes": {"SentTimestamp": "1769256000123"}}
    assert sent_at(message) == datetime(2026, 1, 24, 12, 0, 0, 123_000, tzinfo=UTC)


@pytest.mark.parametrize("attributes", [{}, {"SentTimestamp": "soon"}, {"SentTimestamp": "9" * 30}])
def test_where_sqs_does_not_say_it_counts_from_now(attributes):
    before = datetime.now(UTC)
    assert before <= sent_at({"Attributes": attributes}) <= datetime.now(UTC)


@pytest.mark.parametrize("protocol", [1, 2])
def test_a_call_by_plain_celery_is_that_call_in_either_protocol(protocol):
    message = decode("m1", plain_celery(1, kwargs={"b": 2}, task_id="an-id", protocol=protocol), {})
    assert (message.task, message.task_id, message.error) == ("a_task", "an-id", "")
    assert (message.call.id, message.call.message_id) == ("an-id", "m1")
    assert (message.call.args, message.call.kwargs) == ([1], {"b": 2})
