"""A received SQS message on its way to Celery: a task call, or a recorded reason why it is none."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.database import columns
from celery_sqs.errors import Undecodable
from celery_sqs.message import exact_json, wire
from celery_sqs.message.names import MAX_NAME
from tests.unit.envelopes import (
    DEFAULT_TASK,
    QUEUE,
    QUEUE_URL,
    an_envelope,
    decode,
    received,
    request_of,
    text_attribute,
    there_and_back,
)
from tests.unit.samples import MESSAGE, json_of

#: With U+FFFE and U+FFFF, which SQS refuses, and half surrogate pairs. Two halves side by side arrive as the
#: character that they spell, as they do from any writer of JSON.
sendable = json_of(st.text() | st.builds("{}\ud800{}".format, st.text(), st.text()))

ENVELOPE = {"body": "[[], {}, {}]", "content-type": "application/json", "properties": {}}


def call(envelope):
    return exact_json.loads(envelope["body"])


def test_a_plain_object_is_a_call_of_the_default_task():
    envelope = decode(received(exact_json.dumps(MESSAGE)))
    args, kwargs, embed = call(envelope)
    assert (args, kwargs) == ([MESSAGE], {})
    assert not any(embed.values())
    assert envelope["headers"]["task"] == DEFAULT_TASK


def test_a_message_without_our_attributes_has_its_message_id_as_task_id():
    headers = decode(received("{}"))["headers"]
    assert (headers["id"], headers["root_id"]) == ("the-message-id", "the-message-id")


def test_a_price_keeps_its_digits_from_any_producer():
    arrived = decode(received('{"totalPrice": 99.90}'))
    assert '"totalPrice": 99.90' in arrived["body"]
    assert str(arrived[wire.CALL][0][0]["totalPrice"]) == "99.90"


@pytest.mark.parametrize(
    "attribute",
    [
        {"DataType": "String", "StringValue": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
        {"DataType": "Number", "StringValue": "7"},
        {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
        {"DataType": "String.custom", "StringValue": "x"},
    ],
)
def test_another_producers_own_attributes_do_no_harm(attribute):
    envelope = decode(received("{}", {"traceparent": attribute}))
    assert envelope["headers"]["task"] == DEFAULT_TASK


@pytest.mark.parametrize(("receive_count", "retries"), [("1", 0), ("2", 1), ("3", 2)])
def test_retries_are_what_sqs_has_counted(receive_count, retries):
    assert decode(received("{}", receive_count=receive_count))["headers"]["retries"] == retries


def test_retries_go_on_in_a_message_that_was_sent_in_place_of_another_and_its_own_attempts_begin_anew():
    headers = text_attribute(json.dumps({"retries": 7, wire.ATTEMPTS: 5}))
    arrived = decode(received("{}", {"celery_headers": headers}, receive_count="2"))["headers"]
    assert (arrived["retries"], arrived[wire.ATTEMPTS]) == (8, 1)


def test_a_message_is_settled_by_its_receipt_handle():
    properties = decode(received("{}"))["properties"]
    assert properties["delivery_tag"] == "the-receipt-handle"
    where = {"exchange": "", "routing_key": QUEUE, "queue_url": QUEUE_URL}
    assert properties["delivery_info"] == where | {"redelivered": False}


def test_a_message_that_was_received_before_is_redelivered():
    assert decode(received("{}", receive_count="2"))["properties"]["delivery_info"]["redelivered"] is True


@given(
    st.lists(sendable, max_size=3),
    st.dictionaries(st.text("abc", min_size=1), sendable, max_size=2),
    st.dictionaries(st.text("xyz", min_size=1), st.text() | st.integers() | st.none() | st.booleans(), max_size=2),
)
def test_any_call_arrives_as_it_was_made(args, kwargs, headers):
    sent = an_envelope(*args, kwargs=kwargs, task="a_task", task_id="an-id", headers=headers)
    arrived = there_and_back(sent)
    assert call(arrived)[:2] == [args, kwargs]
    assert headers.items() <= arrived["headers"].items()
    assert (arrived["headers"]["task"], arrived["headers"]["id"]) == ("a_task", "an-id")


@given(st.dictionaries(st.text("abc"), sendable))
def test_any_object_arrives_as_it_was_sent(value):
    assert call(there_and_back(an_envelope(value)))[:2] == [[value], {}]


def test_callbacks_arrive():
    callback = {"task": "next", "args": [Decimal("1.50")]}
    _, _, embed = call(there_and_back(an_envelope({}, callbacks=[callback])))
    assert embed["callbacks"] == [callback]


@pytest.mark.parametrize(
    ("option", "header"),
    [
        ({"group_id": "a-group"}, {"group": "a-group"}),
        ({"eta": "2026-01-24T12:00:00"}, {"eta": "2026-01-24T12:00:00"}),
        ({"time_limit": 9}, {"timelimit": [9, None]}),
        ({"root_id": "another-id"}, {"root_id": "another-id"}),
        ({"expires": "2026-01-24T12:00:00+00:00"}, {"expires": "2026-01-24T12:00:00+00:00"}),
        ({"ignore_result": True}, {"ignore_result": True}),
        ({"ignore_result": False}, {"ignore_result": False}),
        ({"retries": 3}, {"retries": 3}),
        ({"argsrepr": "(hidden)"}, {"argsrepr": "(hidden)", "kwargsrepr": "{}"}),
        ({"kwargsrepr": "{hidden}"}, {"argsrepr": "[{}]", "kwargsrepr": "{hidden}"}),
    ],
)
def test_what_celery_says_in_headers_arrives(option, header):
    assert header.items() <= there_and_back(an_envelope({}, **option))["headers"].items()


def test_properties_of_a_message_arrive_that_are_none_of_the_transport():
    sent = an_envelope({})
    sent["properties"] |= {"app_id": "shop", "delivery_mode": 2, "delivery_tag": "theirs"}
    properties = there_and_back(sent)["properties"]
    assert (properties["app_id"], properties["delivery_tag"]) == ("shop", "the-receipt-handle")
    assert "delivery_mode" not in properties


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json",
        "null",
        "1",
        "true",
        '"{}"',
        '"abc"',
        "[]",
        "[1, 2]",
        "[1, 2, 3]",
        "[[], {}]",
        "[[], {}, {}, {}]",
        "[{}, {}, {}]",
        "[[], [], {}]",
        "[[], {}, null]",
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        "eyJib2R5IjogIlcxdGRMQ0I3ZlN3Z2UzMWQifQ==",  # base64, as plain Celery would send
    ],
)
def test_a_body_that_is_no_task_call_is_undecodable(body):
    with pytest.raises(Undecodable):
        decode(received(body))


@pytest.mark.parametrize(
    "attributes",
    [
        {"celery_headers": text_attribute("not json")},
        {"celery_headers": text_attribute("[]")},
        {"celery_headers": text_attribute("null")},
        {"celery_headers": text_attribute("9" * 5000)},
        {"celery_headers": {"DataType": "Binary", "BinaryValue": b"{}"}},
        {"celery_task": {"DataType": "Binary", "BinaryValue": b"a_task"}},
    ],
)
def test_attributes_of_ours_that_are_broken_are_undecodable(attributes):
    with pytest.raises(Undecodable):
        decode(received("{}", attributes))


def test_a_queue_without_a_default_task_takes_only_calls_that_name_theirs():
    with pytest.raises(Undecodable, match="names no task"):
        decode(received("{}"), default_task=None)
    named = decode(received("{}", {"celery_task": text_attribute("a_task")}), default_task=None)
    assert named["headers"]["task"] == "a_task"


@pytest.mark.parametrize("part", ["task", "id"])
@pytest.mark.parametrize("is_enveloped", [False, True], ids=["attributes", "kombu's envelope"])
def test_a_name_or_an_id_that_is_too_long_is_refused_and_not_quoted(part, is_enveloped):
    def message(length):
        names = {"task": "a_task", "id": "an-id"} | {part: "x" * length}
        if is_enveloped:
            return received(json.dumps(ENVELOPE | {"headers": names}))
        return received("{}", {f"celery_{name}": text_attribute(value) for name, value in names.items()})

    assert decode(message(MAX_NAME))["headers"][part] == "x" * MAX_NAME
    for length in (MAX_NAME + 1, 900_000):
        with pytest.raises(Undecodable, match=f"has {length} characters, and a worker takes 255$") as refused:
            decode(message(length))
        assert len(str(refused.value)) < 100


def test_the_name_that_logs_have_instead_is_cut():
    headers = text_attribute(json.dumps({"shadow": "x" * 100_000}))
    assert request_of(decode(received("{}", {"celery_headers": headers}))).name == "x" * MAX_NAME


def test_our_tables_take_any_name_that_a_worker_takes():
    assert columns.MAX_NAME >= MAX_NAME
