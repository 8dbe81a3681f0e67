"""Task protocol 1: what Celery makes of such a message, ours makes of it, whoever has sent it."""

import base64
import json
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import UUID

import pytest
from celery.worker.strategy import proto1_to_proto2
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.errors import Undecodable
from celery_sqs.message import eta, wire
from celery_sqs.message.outgoing import resent
from celery_sqs.message.protocol1 import converted
from celery_sqs.message.renewal import Renewal, opened, renewed
from tests.unit.envelopes import DEFAULT_TASK, as_celery, decode, exact, plain_celery, received, request_of
from tests.unit.samples import MESSAGE
from tests.unit.test_wire_total import assert_total, mutated, spelled

CALLBACK = {"task": "next", "args": [1], "kwargs": {}, "options": {"task_id": "n"}, "subtask_type": None}
CHORD = {"task": "add_up", "args": [], "kwargs": {}, "options": {"task_id": "c"}, "chord_size": 2}
LATER = datetime(2099, 1, 1, 12, tzinfo=UTC)


def sent(*args, **options):
    """The SQS body of a call as plain Celery sends it in protocol 1."""
    return plain_celery(*args, **{"protocol": 1, "task_id": "an-id"} | options)


def an_envelope(**changes):
    return json.loads(sent({"a": 1}, kwargs={"b": 2}, base64=False)) | changes


def with_body(body):
    """An envelope with another call in it."""
    text = body if isinstance(body, str) else spelled(body)
    known = an_envelope()
    return known | {"body": text, "properties": known["properties"] | {"body_encoding": None}}


def the_call(**changes):
    """What an envelope holds, with changes."""
    return json.loads(base64.b64decode(an_envelope()["body"])) | changes


@pytest.mark.parametrize("body_encoding", ["base64", "utf-8", None])
@pytest.mark.parametrize("whole_in_base64", [True, False])
def test_a_call_by_plain_celery_is_that_call(whole_in_base64, body_encoding):
    body = sent({"a": 1}, 2, kwargs={"b": [3]}, base64=whole_in_base64, body_encoding=body_encoding)
    request = request_of(decode(received(body)))
    assert (request.task_name, request.id, request.root_id) == ("a_task", "an-id", "an-id")
    assert (request.args, request.kwargs) == ([{"a": 1}, 2], {"b": [3]})
    assert request.correlation_id == "an-id"


def test_each_field_is_what_celerys_own_conversion_makes_of_it():
    options = {
        "link": [CALLBACK],
        "link_error": [CALLBACK],
        "chord": CHORD,
        "group_id": "g",
        "group_index": 3,
        "retries": 2,
        "eta": LATER,
        "expires": LATER + timedelta(days=1),
        "time_limit": 9,
        "soft_time_limit": 4.5,
        "headers": {"sentry-trace": "x"},
    }
    body = sent(1, kwargs={"b": 2}, base64=False, **options)
    content = json.loads(base64.b64decode(json.loads(body)["body"]))
    (args, kwargs, embed), headers, _, _ = proto1_to_proto2(SimpleNamespace(headers=options["headers"]), content)
    payload = decode(received(body))
    assert payload[wire.CALL] == [args, kwargs, embed]
    names = ("group", "group_index", "retries", "eta", "expires", "timelimit", "headers", "argsrepr", "kwargsrepr")
    assert {name: payload["headers"][name] for name in names} == {name: headers[name] for name in names}
    assert all((embed["callbacks"], embed["errbacks"], embed["chord"], headers["group"], headers["eta"]))
    request_of(payload)


@pytest.mark.parametrize(("fields", "group"), [({"group": "g"}, "g"), ({"group": "g", "taskset": "t"}, "t")])
def test_a_taskset_is_the_group(fields, group):
    _, headers = converted(json.dumps({"task": "t", "id": "i", **fields}), {})
    assert headers["group"] == group


def test_what_a_message_leaves_out_is_empty():
    request = request_of(decode(received(spelled(with_body({"task": "t", "id": "i"})))))
    assert (request.args, request.kwargs) == ([], {})


def test_a_callers_headers_are_the_requests_whatever_their_names():
    headers = {"id": "not the call's", "eta": "soon", "retries": "many"}
    request = request_of(decode(received(sent(headers=headers))))
    assert (request.id, request.eta, request.request_dict["headers"]) == ("an-id", None, headers)


def test_a_chain_is_no_field_of_it():
    _, _, embed = decode(received(spelled(with_body(the_call(chain=[CALLBACK])))))[wire.CALL]
    assert embed["chain"] is None


TYPED = {
    "id": UUID("1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
    "at": LATER,
    "day": date(2026, 1, 24),
    "price": Decimal("99.90"),
}


def test_arguments_have_the_types_that_the_caller_gave_them():
    for is_exact in (exact, as_celery):
        assert request_of(decode(received(sent(TYPED)), is_exact=is_exact)).args == [TYPED]


def test_a_price_keeps_its_digits_where_the_task_wants_them_and_is_a_float_elsewhere():
    body = spelled(with_body('{"task": "t", "id": "i", "args": [99.90, 1e400, 12345678901234567890]}'))
    assert [str(each) for each in decode(received(body))[wire.CALL][0]] == ["99.90", "1E+400", "12345678901234567890"]
    floats = decode(received(body), is_exact=as_celery)[wire.CALL][0]
    assert floats == [99.9, math.inf, 12345678901234567890]


@given(st.lists(st.floats() | st.integers() | st.text(), max_size=4))
def test_any_number_and_any_text_arrive_as_json_has_them(args):
    text, _ = converted(json.dumps({"task": "t", "id": "i", "args": args}), {})
    assert json.dumps(json.loads(text)[0]) == json.dumps(args)


def test_when_it_is_due_is_seen_before_it_is_decoded():
    for whole_in_base64 in (True, False):
        assert eta.due_at(received(sent(eta=LATER, base64=whole_in_base64))) == LATER.timestamp()
    assert eta.due_at(received(sent())) == 0


def test_a_copy_stays_what_it_was():
    body = sent({"a": 1})
    entry = renewed(received(body), Renewal(message_id="the-message-id", sent_at=0, receives=2, attempts=1))
    assert entry["MessageBody"] == body
    copy, renewal = opened(received(body, entry["MessageAttributes"]))
    assert renewal.attempts == 1
    assert request_of(decode(copy)).args == [{"a": 1}]


def test_a_redrive_sends_the_same_call():
    message = received(sent({"a": 1}))
    assert decode(received(resent(message, message["Body"])["MessageBody"])) == decode(message)


@pytest.mark.parametrize(
    "left_out", ["body", "content-encoding", "content-type", "headers", "properties", "body_encoding", "delivery_tag"]
)
def test_an_object_that_lacks_what_kombu_writes_is_somebodys_argument(left_out):
    order = an_envelope()
    for each in (order, order["properties"]):
        each.pop(left_out, None)
    request = request_of(decode(received(spelled(order))))
    assert (request.task_name, request.args) == (DEFAULT_TASK, [order])


@pytest.mark.parametrize("value", [an_envelope(orderId="1"), an_envelope(body={"task": "t", "id": "i"}), the_call()])
def test_an_object_that_has_more_or_other_things_is_somebodys_argument(value):
    request = request_of(decode(received(spelled(value))))
    assert (request.task_name, request.args) == (DEFAULT_TASK, [value])


@pytest.mark.parametrize(
    "value",
    [
        with_body(""),
        with_body("null"),
        with_body("[]"),
        with_body("[[], {}, {}]"),
        with_body("{"),
        with_body('{"a": 1}'),
        with_body({"task": "t"}),
        with_body({"id": "i"}),
        with_body({"task": 5, "id": "i"}),
        with_body({"task": "", "id": "i"}),
        with_body({"task": "t", "id": None}),
        with_body({"task": "t\ud800", "id": "i"}),
        with_body(the_call(args=None)),
        with_body(the_call(args={})),
        with_body(the_call(kwargs=[])),
        with_body(the_call(eta="tomorrow")),
        with_body(the_call(expires=5)),
        with_body(the_call(retries="many")),
        with_body(the_call(timelimit=5)),
        with_body(the_call(taskset=5)),
        with_body(the_call(callbacks=["a-task-id"])),
        with_body(the_call(chord=5)),
        with_body("[" * 100_000),
        with_body('{"task": "t", "id": "i", "args": ' + "[" * 250 + "]" * 250 + "}"),
        an_envelope(headers={"task": "t"}),
        an_envelope(headers={"compression": "application/x-gzip"}),
        an_envelope(**{"content-type": "application/x-python-serialize", "content-encoding": "binary"}),
        an_envelope(body="?"),
    ],
    ids=lambda value: f"{value['body'][:40]}",
)
def test_a_bad_one_is_undecodable_with_a_reason_and_is_no_call_of_the_default_task(value):
    with pytest.raises(Undecodable) as undecodable:
        decode(received(spelled(value)))
    assert str(undecodable.value)
    assert "KeyError" not in str(undecodable.value)


@given(mutated(an_envelope()), st.booleans())
def test_any_mutant_of_an_envelope(envelope, in_base64):
    body = spelled(envelope)
    assert_total(received(base64.b64encode(body.encode()).decode() if in_base64 else body))


@given(mutated(the_call(callbacks=[CALLBACK], chord=CHORD, taskset="g", eta=LATER.isoformat())))
def test_an_envelope_with_any_mutant_of_a_call(call):
    assert_total(received(spelled(with_body(call))))
    assert eta.due_at(received(spelled(with_body(call)))) >= 0


def test_an_order_is_never_taken_for_one():
    order = MESSAGE | {"task": "t", "id": "i", "headers": {}}
    assert request_of(decode(received(spelled(order)))).task_name == DEFAULT_TASK
