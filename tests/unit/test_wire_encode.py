"""A task call on its way into SQS."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu.utils import json as kombu_json

from celery_sqs.errors import Unsendable
from celery_sqs.message import exact_json
from tests.unit.envelopes import an_envelope, encode
from tests.unit.samples import MESSAGE, json_values

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
LEGAL_TEXT = re.compile("[\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")
LEGAL_NAME = re.compile(r"(?!\.)(?!.*\.\.)(?!aws|amazon)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.IGNORECASE)
MEBIBYTE = 1024 * 1024


def size(message):
    """Bytes as SQS counts them: the body, and of each attribute the name, the type and the value."""
    counted = [message.body]
    for name, attribute in message.attributes.items():
        counted += [name, attribute["DataType"], attribute["StringValue"]]
    return sum(len(text.encode()) for text in counted)


def test_a_call_with_one_object_travels_as_that_object_and_nothing_else():
    body = encode(an_envelope(MESSAGE)).body
    assert body == exact_json.dumps(MESSAGE)
    assert '"totalPrice":99.90,' in body


def test_task_and_id_are_attributes():
    attributes = encode(an_envelope(MESSAGE, task="persist_order", task_id="an-id")).attributes
    assert attributes["celery_task"] == {"DataType": "String", "StringValue": "persist_order"}
    assert attributes["celery_id"] == {"DataType": "String", "StringValue": "an-id"}


def test_headers_that_somebody_set_share_one_attribute():
    attributes = encode(an_envelope(MESSAGE, headers={"request_id": "r-1", "note": "☕"})).attributes
    assert len(attributes) <= 3
    headers = json.loads(attributes["celery_headers"]["StringValue"])
    assert (headers["request_id"], headers["note"]) == ("r-1", "☕")


def test_headers_that_say_nothing_do_not_travel():
    headers = json.loads(encode(an_envelope(MESSAGE)).attributes["celery_headers"]["StringValue"])
    assert set(headers) == {"origin"}


@pytest.mark.parametrize(
    "envelope",
    [
        an_envelope(),
        an_envelope(1),
        an_envelope([{}]),
        an_envelope({}, {}),
        an_envelope({"a": 1}, kwargs={"b": 2}),
        an_envelope(kwargs={"b": Decimal("1.50")}),
        an_envelope({"a": 1}, callbacks=[{"task": "next", "args": []}]),
        an_envelope({"a": 1}, chord={"task": "last", "args": []}),
    ],
)
def test_every_other_call_keeps_celerys_body(envelope):
    assert encode(envelope).body == envelope["body"]


@given(st.lists(json_values, max_size=2), st.dictionaries(st.text(), json_values, max_size=2), st.text())
def test_any_call_is_sent_in_a_form_that_sqs_takes_or_not_at_all(args, kwargs, note):
    try:
        message = encode(an_envelope(*args, kwargs=kwargs, headers={"note": note}))
    except Unsendable:
        return  # any other exception fails the test
    assert LEGAL_TEXT.fullmatch(message.body)
    assert size(message) <= MEBIBYTE
    assert len(message.attributes) <= 3
    for name, attribute in message.attributes.items():
        assert LEGAL_NAME.fullmatch(name)
        assert attribute.keys() == {"DataType", "StringValue"}
        assert attribute["DataType"] == "String"
        assert attribute["StringValue"]
        assert LEGAL_TEXT.fullmatch(attribute["StringValue"])


@pytest.mark.parametrize("character", [*"\x00\x1f\x7f\ufffd\U0010ffff☕", "\ufffe", "\uffff", "\ud800", "\\\ufffe"])
def test_every_character_is_sent_for_json_can_spell_it(character):
    text = f"a{character}b"
    sent = encode(an_envelope({"name": text}, headers={"note": text}))
    assert LEGAL_TEXT.fullmatch(sent.body)
    assert exact_json.loads(sent.body) == {"name": text}
    assert exact_json.loads(sent.attributes["celery_headers"]["StringValue"])["note"] == text


@pytest.mark.parametrize("character", ["\x00", "\ufffe"])
@pytest.mark.parametrize("name", ["task", "task_id"])
def test_a_character_that_sqs_refuses_is_not_sent_where_no_json_is(name, character):
    with pytest.raises(Unsendable, match=f"U\\+{ord(character):04X}"):
        encode(an_envelope({}, **{name: f"a{character}b"}))


@pytest.mark.parametrize("value", [None, 0, False, "", [], {}, 0.25, Decimal("1.50")])
def test_a_custom_header_travels_whatever_it_is(value):
    attributes = encode(an_envelope({}, headers={"custom": value})).attributes
    assert exact_json.loads(attributes["celery_headers"]["StringValue"])["custom"] == value


def test_a_call_in_kombus_json_of_an_exact_task_travels_in_ours():
    body = kombu_json.dumps([[{"price": Decimal("99.90")}], {}, {}])
    sent = encode(an_envelope() | {"body": body, "content-type": "application/json"})
    assert sent.body == '{"price":99.90}'


def test_several_objects_are_not_mistaken_for_one():
    envelope = an_envelope({"a": 1}, {"b": 2})
    assert encode(envelope).body == envelope["body"]


NESTED = exact_json.loads("[" * 201 + "]" * 201)
KOMBU_JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (KOMBU_JSON | {"body": kombu_json.dumps([[uuid4()], {}, {}])}, "UUID"),
        (KOMBU_JSON | {"body": "[[NaN], {}, {}]"}, "JSON"),
        (KOMBU_JSON | {"body": "{}"}, r"\[args, kwargs, embed\]"),
        ({"body": '[[{"a":1,"a":2}],{},{}]'}, "twice"),
        ({"body": "[[],{}]"}, r"\[args, kwargs, embed\]"),
        ({"body": b"[[],{},{}]"}, "bytes"),
        ({"body": exact_json.dumps([[{}], {}, {"callbacks": [5]}])}, "link: .5. is neither a signature"),
        ({"body": exact_json.dumps([[{"a": NESTED}], {}, {}])}, "nested"),
        ({"content-type": "application/x-python-serialize"}, "application/x-python-serialize"),
        ({"headers": {"task": "t", "id": "i", "compression": "application/x-gzip"}}, "compressed"),
        ({"headers": {"task": "t", "id": "i", "at": datetime.now(UTC)}}, "datetime"),
        ({"headers": {"task": "t", "id": "i", "number": float("nan")}}, "JSON"),
        ({"headers": {"task": "t", "id": 5}}, "task_id: 5 is not text"),
        ({"headers": {"task": "t", "id": ""}}, "task_id: '' is not text"),
        ({"headers": {"task": None, "id": "i"}}, "the task's name: None is not text"),
        ({"headers": {"task": "t", "id": "i", "eta": "tomorrow"}}, "eta: 'tomorrow' is not a time"),
        ({"headers": {"task": "t", "id": "i", "timelimit": ["9", None]}}, "time_limit, soft_time_limit: "),
        ({"headers": {"task": "t", "id": "i", "note": NESTED}}, "nested"),
        ({"headers": {}}, "task"),
        ({"headers": None}, "NoneType"),
    ],
)
def test_what_cannot_be_sent_says_why(changes, reason):
    with pytest.raises(Unsendable, match=reason):
        encode(an_envelope() | changes)


@pytest.mark.parametrize("filling", ["x", "☕"])
def test_a_mebibyte_is_sent_and_no_byte_more(filling):
    def message(characters):
        return encode(an_envelope({"name": filling + "x" * characters}, task_id="an-id", origin="here"))

    room = MEBIBYTE - size(message(0))
    assert size(message(room)) == MEBIBYTE
    with pytest.raises(Unsendable, match="bytes"):
        message(room + 1)
