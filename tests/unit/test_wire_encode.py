"""A task call on its way into SQS."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.sqs import exact_json, wire
from tasks.sqs.errors import Unsendable
from tests.unit.envelopes import an_envelope
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
    body = wire.encode(an_envelope(MESSAGE)).body
    assert body == exact_json.dumps(MESSAGE)
    assert '"totalPrice":99.90,' in body


def test_task_and_id_are_attributes():
    attributes = wire.encode(an_envelope(MESSAGE, task="persist_order", task_id="an-id")).attributes
    assert attributes["celery_task"] == {"DataType": "String", "StringValue": "persist_order"}
    assert attributes["celery_id"] == {"DataType": "String", "StringValue": "an-id"}


def test_headers_that_somebody_set_share_one_attribute():
    attributes = wire.encode(an_envelope(MESSAGE, headers={"request_id": "r-1", "note": "☕"})).attributes
    assert len(attributes) <= 3
    headers = json.loads(attributes["celery_headers"]["StringValue"])
    assert (headers["request_id"], headers["note"]) == ("r-1", "☕")


def test_headers_that_say_nothing_do_not_travel():
    headers = json.loads(wire.encode(an_envelope(MESSAGE)).attributes["celery_headers"]["StringValue"])
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
    assert wire.encode(envelope).body == envelope["body"]


@given(st.lists(json_values, max_size=2), st.dictionaries(st.text(), json_values, max_size=2), st.text())
def test_any_call_is_sent_in_a_form_that_sqs_takes_or_not_at_all(args, kwargs, note):
    try:
        message = wire.encode(an_envelope(*args, kwargs=kwargs, headers={"note": note}))
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


@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\ud800"])
def test_a_character_that_sqs_refuses_is_not_sent(character):
    with pytest.raises(Unsendable, match=f"U\\+{ord(character):04X}"):
        wire.encode(an_envelope({"name": f"a{character}b"}))


@pytest.mark.parametrize("character", ["\x00", "\x1f", "\x7f", "\ufffd", "\U0010ffff", "☕"])
def test_a_character_that_json_can_spell_is_sent(character):
    sent = wire.encode(an_envelope({"name": f"a{character}b"})).body
    assert exact_json.loads(sent) == {"name": f"a{character}b"}


def test_a_task_name_that_sqs_refuses_is_not_sent():
    with pytest.raises(Unsendable):
        wire.encode(an_envelope({}, task="a\x00task"))


@pytest.mark.parametrize("filling", ["x", "☕"])
def test_a_mebibyte_is_sent_and_no_byte_more(filling):
    def message(characters):
        return wire.encode(an_envelope({"name": filling + "x" * characters}, task_id="an-id", origin="here"))

    room = MEBIBYTE - size(message(0))
    assert size(message(room)) == MEBIBYTE
    with pytest.raises(Unsendable, match="bytes"):
        message(room + 1)
