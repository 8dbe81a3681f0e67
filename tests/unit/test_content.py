"""What a call's arguments are when they arrive: as Celery sends them, or exact where the task asks for it."""

import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils import json as kombu_json

from celery_sqs.errors import Undecodable, Unsendable
from celery_sqs.message import wire
from tests.unit.envelopes import (
    an_envelope,
    as_celery,
    decode,
    encode,
    exact,
    plain_celery,
    received,
    request_of,
    text_attribute,
    there_and_back,
)
from tests.unit.samples import json_of

TYPED = {
    "float": 0.1,
    "whole": 2.0,
    "price": Decimal("99.90"),
    "id": UUID("1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
    "at": datetime(2026, 1, 24, 12, tzinfo=UTC),
    "day": date(2026, 1, 24),
    "time": time(12, 30),
    "raw": b"\x00\xff",
}

JSON = {"content-type": "application/json"}


def by_celery(*args, kwargs=None, **options):
    """The kombu message of a call of a task with Celery's serializer."""
    message = an_envelope(**options)
    embed = json.loads(message["body"])[2]
    return message | JSON | {"body": kombu_json.dumps((args, kwargs or {}, embed))}


@given(st.lists(json_of(st.text()) | st.floats(allow_nan=False), max_size=3))
def test_any_arguments_arrive_as_celery_would_hand_them_over(args):
    sent = by_celery(*args)
    try:
        arrived = there_and_back(sent, as_celery)
    except Unsendable:
        return  # a character that SQS does not take
    expected = kombu_json.loads(sent["body"])[0]
    assert repr(arrived[wire.CALL][0]) == repr(expected)
    assert repr(request_of(arrived).args) == repr(expected)


@pytest.mark.parametrize("args", [[TYPED], [1.5], [TYPED["at"], TYPED["id"], TYPED["price"]], [[TYPED]]], ids=repr)
def test_typed_values_arrive_as_what_they_were(args):
    arrived = there_and_back(by_celery(*args, kwargs={"more": TYPED}), as_celery)
    assert arrived[wire.CALL][:2] == [args, {"more": TYPED}]
    # A worker's pool reads the text again, by its content type.
    assert arrived["content-type"] == "application/json"
    assert kombu_json.loads(arrived["body"])[:2] == [args, {"more": TYPED}]
    assert type(request_of(there_and_back(by_celery(1.5), as_celery)).args[0]) is float


def test_one_object_travels_as_that_object_in_both():
    assert encode(by_celery({"a": 1.5, "b": [2]}), as_celery).body == '{"a": 1.5, "b": [2]}'
    assert encode(an_envelope({"a": Decimal("1.50")}), exact).body == '{"a":1.50}'


def test_one_object_that_spells_a_typed_value_arrives_as_that():
    arrived = there_and_back(by_celery(TYPED["id"]), as_celery)
    assert arrived[wire.CALL][0] == [TYPED["id"]]
    arrived = there_and_back(by_celery({"__type__": "decimal", "__value__": "1.50"}), as_celery)
    assert arrived[wire.CALL][0] == [Decimal("1.50")], "as in Celery"


@pytest.mark.parametrize(("is_exact", "number"), [(exact, Decimal("99.90")), (as_celery, 99.9)])
@pytest.mark.parametrize("attributes", [None, {wire.TASK: text_attribute("a_task")}])
@pytest.mark.parametrize("body", ['{"price": 99.90}', '[[{"price": 99.90}], {}, {}]'])
def test_what_another_producer_sends_goes_by_the_choice_of_the_task(is_exact, number, attributes, body):
    [order] = decode(received(body, attributes), is_exact=is_exact)[wire.CALL][0]
    assert order == {"price": number}
    assert type(order["price"]) is type(number)


@pytest.mark.parametrize(("is_exact", "number"), [(exact, Decimal("0.1")), (as_celery, 0.1)])
def test_what_plain_celery_sends_goes_by_the_choice_of_the_task(is_exact, number):
    request = request_of(decode(received(plain_celery({**TYPED, "float": 0.1})), is_exact=is_exact))
    assert request.args == [{**TYPED, "float": number}]


def test_the_choice_is_that_of_the_task_that_the_message_names():
    choices = []

    def is_exact(task):
        choices.append(task)
        return False

    decode(received("{}", {wire.TASK: text_attribute("a_task")}), is_exact=is_exact)
    decode(received("{}"), is_exact=is_exact)
    decode(received(plain_celery(1, task="another")), is_exact=is_exact)
    encode(by_celery(1, task="a_task"), is_exact)
    assert choices == ["a_task", "persist_order", "another", "a_task"]


@pytest.mark.parametrize("body", ['{"__type__": "none", "__value__": 1}', '{"__type__": "uuid", "__value__": "x"}'])
def test_a_type_tag_that_nobody_can_read_is_refused_on_both_sides(body):
    with pytest.raises(Unsendable, match="type tag"):
        encode(by_celery() | {"body": f"[[{body}], {{}}, {{}}]"}, as_celery)
    with pytest.raises(Undecodable, match="type tag"):
        decode(received(body), is_exact=as_celery)
