"""A priority is carried with the message, and said to have no effect on SQS."""

import json

import pytest

from celery_sqs.errors import Unsendable
from tests.unit.envelopes import an_envelope, decode, encode, plain_celery, received, request_of, there_and_back
from tests.unit.test_fast_path import Caller


def given(priority):
    envelope = an_envelope({})
    return envelope | {"properties": envelope["properties"] | {"priority": priority}}


@pytest.mark.parametrize("priority", [0, 3, 9])
def test_a_task_finds_the_priority_of_its_call(priority):
    request = request_of(there_and_back(given(priority)))
    assert request.delivery_info["priority"] == priority
    assert "sqs_priority" not in request.request_dict


def test_a_call_without_one_carries_none_and_has_kombus_default():
    assert "sqs_priority" not in encode(given(0)).attributes["celery_headers"]["StringValue"]
    assert request_of(decode(received("{}"))).delivery_info["priority"] == 0


def test_the_priority_of_a_call_by_plain_celery_is_carried():
    assert request_of(decode(received(plain_celery(1, priority=7)))).delivery_info["priority"] == 7


@pytest.mark.parametrize("priority", [1.5, "high", True])
def test_what_is_no_number_is_refused_at_the_call(priority):
    with pytest.raises(Unsendable, match=r"priority: .* is not a whole number"):
        encode(given(priority))


def test_it_is_said_once_of_each_task(caplog):
    caller = Caller()

    # It is once in a process, so no other test has these names.
    @caller.app.task(name="pressing", shared=False)
    def pressing(value):
        return value

    @caller.app.task(name="urgent", shared=False)
    def urgent(value):
        return value

    pressing.delay({})
    for _ in range(2):
        pressing.apply_async(({},), priority=5)
        urgent.apply_async(({},), priority=9)
    text = "is called with a priority, which its message carries, but SQS has no priorities"
    said = [record.getMessage() for record in caplog.records if record.name == "celery_sqs.publish.priority"]
    assert said == [f"pressing {text}", f"urgent {text}"]
    first, *others = [message.attributes["celery_headers"]["StringValue"] for _, message, _ in caller.channel.sent]
    assert "sqs_priority" not in first
    assert [json.loads(headers)["sqs_priority"] for headers in others] == [5, 9, 5, 9]


def test_a_call_from_inside_a_task_inherits_it():
    caller = Caller(task_inherit_parent_priority=True)

    @caller.app.task(name="outer", shared=False)
    def outer():
        caller.store.delay({})

    outer.apply(priority=4)
    [(_, message, _)] = caller.channel.sent
    assert json.loads(message.attributes["celery_headers"]["StringValue"])["sqs_priority"] == 4
