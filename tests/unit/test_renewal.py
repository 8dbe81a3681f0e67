"""A renewed message keeps what it is and what has happened to it, however often it is renewed."""

import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.errors import Undecodable, Unsendable
from celery_sqs.message import wire
from celery_sqs.message.outgoing import MAX_MESSAGE_BYTES
from celery_sqs.message.renewal import MAX_ATTRIBUTES, RENEWAL, Renewal, opened, renewed
from tests.unit.envelopes import exact

FIRST_ID = "the-first-id"
SENT_AT = 1_700_000_000_000  # milliseconds since the epoch
NUMBERS = itertools.count()

TEXT = {"DataType": "String", "StringValue": "text"}
NUMBER = {"DataType": "Number.int", "StringValue": "7"}
BINARY = {"DataType": "Binary", "BinaryValue": "AAEC/w=="}  # as SQS's JSON has it

HISTORY = Renewal(message_id=FIRST_ID, sent_at=SENT_AT, receives=2, attempts=1)


def a_message(body="{}", attributes=None, receives=2, **of_sqs):
    return {
        "MessageId": FIRST_ID,
        "ReceiptHandle": "a-handle",
        "Body": body,
        "MessageAttributes": dict(attributes or {}),
        "Attributes": {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(SENT_AT)} | of_sqs,
    }


def received(entry, receives=1):
    """What ReceiveMessage gives of a copy that was sent by an entry of SendMessageBatch."""
    of_sqs = {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(SENT_AT + 60_000)}
    of_sqs |= {name: each["StringValue"] for name, each in entry.get("MessageSystemAttributes", {}).items()}
    if "MessageGroupId" in entry:
        of_sqs["MessageGroupId"] = entry["MessageGroupId"]
    return {
        "MessageId": f"copy-{next(NUMBERS)}",
        "ReceiptHandle": f"handle-{next(NUMBERS)}",
        "Body": entry["MessageBody"],
        "MessageAttributes": entry["MessageAttributes"],
        "Attributes": of_sqs,
    }


def after_renewals(message, times):
    """A message as its worker sees it after so many renewals, each at a copy's first receive."""
    renewal = replace(HISTORY, receives=int(message["Attributes"]["ApproximateReceiveCount"]))
    for _ in range(times):
        message, renewal = opened(received(renewed(message, renewal)))
        renewal = replace(renewal, receives=renewal.receives + 1)
    return message


def test_a_message_that_never_was_renewed_is_as_it_came():
    message = a_message("[1]", {"x": TEXT})
    assert opened(message) == (message, None)
    without_attributes = {name: value for name, value in message.items() if name != "MessageAttributes"}
    assert opened(without_attributes) == (without_attributes, None)


def test_a_copy_says_what_its_renewal_said():
    everything = Renewal(
        message_id=FIRST_ID,
        sent_at=SENT_AT,
        receives=5,
        attempts=2,
        is_suspect=True,
        begun=4,
        is_rescued=True,
        counts_receives=True,
    )
    for renewal in (HISTORY, everything, replace(HISTORY, attempts=None)):
        _, carried = opened(received(renewed(a_message(), renewal)))
        assert carried == renewal


def test_a_copy_has_the_id_the_sent_time_and_the_receives_of_its_message():
    message, _ = opened(received(renewed(a_message(), replace(HISTORY, receives=5)), receives=3))
    assert message["MessageId"] == FIRST_ID
    assert message["Attributes"] == {"ApproximateReceiveCount": "8", "SentTimestamp": str(SENT_AT)}


def test_a_copy_keeps_its_own_receipt_handle():
    copy = received(renewed(a_message(), HISTORY))
    assert opened(copy)[0]["ReceiptHandle"] == copy["ReceiptHandle"] != "a-handle"


def test_where_the_first_sent_time_is_not_known_it_is_the_copys():
    message, _ = opened(received(renewed(a_message(), replace(HISTORY, sent_at=0))))
    assert message["Attributes"]["SentTimestamp"] == str(SENT_AT + 60_000)


@pytest.mark.parametrize("times", [1, 2, 30])
def test_body_attributes_trace_and_group_survive_any_number_of_renewals(times):
    attributes = {"celery_task": TEXT, "celery_id": TEXT, "ours": NUMBER, "image": BINARY}
    message = a_message('{"a": 1}', attributes, AWSTraceHeader="Root=1-2-3", MessageGroupId="7")
    after = after_renewals(message, times)
    assert (after["Body"], after["MessageAttributes"]) == (message["Body"], attributes)
    assert after["Attributes"]["AWSTraceHeader"] == "Root=1-2-3"
    assert after["Attributes"]["MessageGroupId"] == "7"
    assert after["Attributes"]["ApproximateReceiveCount"] == str(2 + times)


@pytest.mark.parametrize("given", [MAX_ATTRIBUTES - 1, MAX_ATTRIBUTES])
@pytest.mark.parametrize("kind", [TEXT, NUMBER, BINARY], ids=["text", "number", "binary"])
def test_a_copy_has_no_more_attributes_than_sqs_takes_and_they_all_come_back(given, kind):
    attributes = {f"name-{number}": kind for number in range(given)}
    entry = renewed(a_message(attributes=attributes), HISTORY)
    assert len(entry["MessageAttributes"]) == MAX_ATTRIBUTES
    assert after_renewals(a_message(attributes=attributes), 3)["MessageAttributes"] == attributes


def test_what_only_a_receive_says_of_an_attribute_is_not_sent():
    attributes = {"x": TEXT | {"StringListValues": [], "BinaryListValues": []}}
    assert renewed(a_message(attributes=attributes), HISTORY)["MessageAttributes"]["x"] == TEXT


def test_a_message_that_its_history_makes_too_large_is_not_sent():
    renewed(a_message("x" * (MAX_MESSAGE_BYTES - 1000)), HISTORY)
    with pytest.raises(Unsendable, match=str(MAX_MESSAGE_BYTES)):
        renewed(a_message("x" * (MAX_MESSAGE_BYTES - 10)), HISTORY)


MALFORMED = {
    "no JSON": "{",
    "no object": "[]",
    "empty": "",
    "no message id": '{"sent_at": 1, "receives": 1}',
    "an empty message id": '{"message_id": "", "sent_at": 1, "receives": 1}',
    "a message id that is no text": '{"message_id": 7, "sent_at": 1, "receives": 1}',
    "a message id that no database takes": '{"message_id": "\\ud800", "sent_at": 1, "receives": 1}',
    "a long message id": json.dumps({"message_id": "m" * 101, "sent_at": 1, "receives": 1}),
    "receives without end": json.dumps({"message_id": "m", "sent_at": 1, "receives": 2**63}),
    "sent in no year of ours": json.dumps({"message_id": "m", "sent_at": 10**18, "receives": 1}),
    "made in no year of ours": json.dumps({"message_id": "m", "sent_at": 1, "receives": 1, "made_at": 10**18}),
    "negative receives": '{"message_id": "m", "sent_at": 1, "receives": -1}',
    "receives that are no number": '{"message_id": "m", "sent_at": 1, "receives": "1"}',
    "receives that are a flag": '{"message_id": "m", "sent_at": 1, "receives": true}',
    "attempts that are no number": '{"message_id": "m", "sent_at": 1, "receives": 1, "attempts": 1.5}',
    "a flag that is none": '{"message_id": "m", "sent_at": 1, "receives": 1, "is_suspect": 1}',
    "another flag that is none": '{"message_id": "m", "sent_at": 1, "receives": 1, "counts_receives": null}',
    "packed that is no object": '{"message_id": "m", "sent_at": 1, "receives": 1, "packed": 7}',
    "packed that is no attribute": '{"message_id": "m", "sent_at": 1, "receives": 1, "packed": {"x": 7}}',
    "packed without a type": '{"message_id": "m", "sent_at": 1, "receives": 1, "packed": {"x": {"StringValue": "y"}}}',
    "a packed value that is no text": '{"message_id": "m", "sent_at": 1, "receives": 1, '
    '"packed": {"x": {"DataType": "String", "StringValue": 7}}}',
    "nested without end": "[" * 100_000,
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED)
def test_a_renewal_that_cannot_be_read_makes_its_message_undecodable_and_changes_nothing_of_it(text):
    message = a_message(attributes={RENEWAL: {"DataType": "String", "StringValue": text}})
    before = json.dumps(message)
    assert opened(message) == (message, None)
    assert json.dumps(message) == before
    with pytest.raises(Undecodable, match=RENEWAL):
        wire.decode(message, "q", "http://q", "a.task", exact)


def test_what_a_later_version_adds_to_a_renewal_is_left_out():
    entry = renewed(a_message(), Renewal(message_id="first", sent_at=1, receives=1))
    text = entry["MessageAttributes"][RENEWAL]["StringValue"]
    entry["MessageAttributes"][RENEWAL]["StringValue"] = text.replace("{", '{"later":{"a":1},', 1)
    _, renewal = opened(received(entry))
    assert renewal == Renewal(message_id="first", sent_at=1, receives=1)


@pytest.mark.parametrize(
    "attribute", [BINARY, {"DataType": "String"}, {}, None], ids=["binary", "no value", "empty", "none"]
)
def test_a_renewal_that_is_no_text_makes_its_message_undecodable(attribute):
    message = a_message(attributes={RENEWAL: attribute})
    assert opened(message) == (message, None)
    with pytest.raises(Undecodable):
        wire.decode(message, "q", "http://q", "a.task", exact)


def test_a_copy_decodes_as_the_message_did():
    named = {"celery_task": TEXT, "celery_id": TEXT, "celery_headers": TEXT | {"StringValue": '{"root_id": "r"}'}}
    message = a_message('{"a": 1}', named)
    first = wire.decode(message, "q", "http://q", None, exact, attempts=1)
    again = wire.decode(after_renewals(message, 2), "q", "http://q", None, exact, attempts=1)
    assert again["headers"] | {wire.RECEIVE_COUNT: 2} == first["headers"]
    assert (again["body"], again["call"]) == (first["body"], first["call"])


NAMES = st.text("abcdefghijklmnopqrstuvwxyz_-.0123456789", min_size=1, max_size=20).filter(lambda name: name != RENEWAL)
VALUES = st.one_of(
    st.builds(lambda text: {"DataType": "String", "StringValue": text}, st.text(min_size=1)),
    st.builds(lambda number: {"DataType": "Number", "StringValue": str(number)}, st.integers()),
    st.builds(lambda text: {"DataType": "Binary", "BinaryValue": text}, st.text("ABCD", min_size=4, max_size=8)),
)


@given(
    body=st.text(min_size=1),
    attributes=st.dictionaries(NAMES, VALUES, max_size=MAX_ATTRIBUTES),
    renewal=st.builds(
        Renewal,
        message_id=st.text(st.characters(max_codepoint=127), min_size=1, max_size=100),
        sent_at=st.integers(1, 2**42),
        receives=st.integers(0, 10_000),
        attempts=st.none() | st.integers(0, 100),
        is_suspect=st.booleans(),
        begun=st.none() | st.integers(1, 100),
        is_rescued=st.booleans(),
        counts_receives=st.booleans(),
        made_at=st.integers(0, 2**42),
    ),
)
def test_opened_undoes_renewed(body, attributes, renewal):
    message, carried = opened(received(renewed(a_message(body, attributes), renewal)))
    assert carried == renewal
    assert carried.made_at == renewal.made_at
    assert (message["Body"], message["MessageAttributes"]) == (body, attributes)
    assert message["MessageId"] == renewal.message_id
