"""What a caller says of a call: how its arguments are shown in logs and events, and what it correlates to."""

import json

import pytest

from celery_sqs.errors import Unsendable
from tests.unit.envelopes import an_envelope, decode, encode, plain_celery, received, request_of, there_and_back
from tests.unit.test_fast_path import Caller

HIDDEN = "(<secret-x>, <secret-y>)"


def test_arguments_are_shown_as_the_caller_says():
    request = request_of(there_and_back(an_envelope({}, argsrepr=HIDDEN, kwargsrepr="{'card': '****'}")))
    assert (request.argsrepr, request.kwargsrepr) == (HIDDEN, "{'card': '****'}")


def test_arguments_are_shown_as_they_are_unless_the_caller_says_otherwise():
    request = request_of(there_and_back(an_envelope({"a": 1}, kwargs={"b": 2})))
    assert (request.argsrepr, request.kwargsrepr) == ("[{'a': 1}]", "{'b': 2}")


def test_a_message_says_nothing_of_it_unless_the_caller_does():
    caller = Caller()
    caller.store.apply_async((1,))
    caller.store.apply_async((1,), argsrepr=HIDDEN)
    headers = [json.loads(message.attributes["celery_headers"]["StringValue"]) for _, message, _ in caller.channel.sent]
    assert [each.get("argsrepr") for each in headers] == [None, HIDDEN]
    assert not any("sqs_properties" in each for each in headers)
    by_name = caller.app.amqp.as_task_v2("an-id", "store", (1, 2))
    assert (by_name.headers["argsrepr"], by_name.headers["kwargsrepr"]) == ("", "")


def test_a_call_correlates_to_itself_unless_the_caller_says_otherwise():
    envelope = an_envelope({}, task_id="an-id")
    assert request_of(there_and_back(envelope)).correlation_id == "an-id"
    request = request_of(there_and_back(correlated(envelope, "mine")))
    assert (request.correlation_id, request.id) == ("mine", "an-id")
    assert "sqs_properties" not in request.request_dict


def test_what_a_call_of_plain_celery_correlates_to_is_kept():
    assert request_of(decode(received(plain_celery(1, correlation_id="mine")))).correlation_id == "mine"


@pytest.mark.parametrize("given", [5, ["x"], {}], ids=repr)
def test_a_text_for_logs_that_is_none_is_refused_at_the_call(given):
    with pytest.raises(Unsendable, match=r"argsrepr: .* is not text"):
        encode(an_envelope({}, argsrepr=given or [given]))


def correlated(envelope, correlation_id):
    return envelope | {"properties": envelope["properties"] | {"correlation_id": correlation_id}}
