"""Any message is decoded into one that Celery can run, or refused with a reason. No other error is raised."""

import base64
import json

import pytest
import simplejson
from celery.app.task import Context
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.errors import Undecodable, Unsendable
from celery_sqs.message import exact_json, wire
from celery_sqs.message.nesting import MAX_NESTING
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
)
from tests.unit.samples import json_values

#: Celery's headers, kombu's, fields of `Task.request`, and anybody's.
header_names = st.sampled_from(
    [*dir(Context), "task", "lang", "argsrepr", "kwargsrepr", "compression", "traceparent", ""]
)

#: Text that some parser on the way takes for something.
times = ["2026-01-24T12:00:00Z", "2026-01-24", "0001-01-01", "9999-12-31T23:59:59-23:59", "24:00"]
names = ["base64", "utf-8", "gzip", "application/json", "application/x-python-serialize", "a_task"]
bodies = ["", "{}", "[[],{},{}]", "W1tdLCB7fSwge31d", "\ud800"]
telling = st.sampled_from([*times, *names, *bodies])

hostile = json_values | telling | st.lists(telling | st.integers() | st.none(), max_size=3)

hostile_headers = st.dictionaries(header_names, hostile, max_size=5)

CELERYS = {"content-type": "application/json"}
SENT = an_envelope({"a": 1}, task_id="an-id", origin="here")
ENVELOPE = json.loads(plain_celery({"a": 1}, kwargs={"b": 2}, base64=False))
CALL = '[[{"a": 1}], {"b": 2}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


def spelled(value):
    """JSON text in ASCII."""
    return simplejson.dumps(value, use_decimal=True)


def assert_total(message):
    for is_exact in (exact, as_celery):
        assert_total_for(message, is_exact)


def assert_total_for(message, is_exact):
    try:
        payload = decode(message, is_exact=is_exact)
    except Undecodable as undecodable:
        reason = str(undecodable)
    else:
        reason = "none"
        request_of(payload)
    assert reason.encode()  # a log and a database take it


@st.composite
def mutated(draw, value):
    """The JSON value, with something else somewhere in it."""
    keys = list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    if not keys or draw(st.integers(0, 4)) == 0:
        return draw(hostile)
    changed, key = value.copy(), draw(st.sampled_from(keys))
    if draw(st.integers(0, 9)) == 0:
        del changed[key]
    else:
        changed[key] = draw(mutated(value[key]))
    return changed


def test_the_envelope_that_the_mutants_descend_from_is_understood():
    assert request_of(decode(received(spelled(ENVELOPE)))).kwargs == {"b": 2}
    assert json.loads(base64.b64decode(ENVELOPE["body"])) == json.loads(CALL)


@given(mutated(ENVELOPE), st.booleans())
def test_any_mutant_of_an_envelope(envelope, in_base64):
    body = spelled(envelope)
    assert_total(received(base64.b64encode(body.encode()).decode() if in_base64 else body))


@given(mutated(json.loads(CALL)).map(spelled), st.sampled_from(["base64", "utf-8", None]))
def test_an_envelope_with_any_mutant_of_a_call(call, encoding):
    body = base64.b64encode(call.encode()).decode() if encoding == "base64" else call
    assert_total(received(spelled(ENVELOPE | {"body": body, "properties": {"body_encoding": encoding}})))


@given(hostile_headers)
def test_an_envelope_with_any_headers(headers):
    assert_total(received(spelled(ENVELOPE | {"headers": {"task": "t", "id": "i"} | headers})))


@given(hostile_headers)
def test_a_plain_object_with_any_headers_of_ours(headers):
    assert_total(received("{}", {wire.HEADERS: text_attribute(spelled(headers))}))


@given(mutated(json.loads(CALL)).map(spelled) | st.text("[]{},:\"\\ u0d8nultrefas'eE+-.1"))
def test_any_mutant_of_a_call(body):
    assert_total(received(body, {wire.TASK: text_attribute("a_task")}))


@given(st.binary() | json_values.map(lambda value: spelled(value).encode()))
def test_base64_of_anything(content):
    assert_total(received(base64.b64encode(content).decode()))


attributes = st.dictionaries(
    st.sampled_from([wire.TASK, wire.TASK_ID, wire.HEADERS, "other"]),
    st.builds(text_attribute, st.text() | json_values.map(exact_json.dumps))
    | st.binary().map(lambda value: {"DataType": "Binary", "BinaryValue": value})
    | st.fixed_dictionaries({}, optional={"StringValue": hostile, "DataType": hostile})
    | hostile,
)


@given(st.text() | json_values.map(exact_json.dumps), attributes)
def test_any_body_with_any_attributes(body, given_attributes):
    assert_total(received(body, given_attributes))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Body": hostile | st.binary(),
            "MessageId": hostile,
            "ReceiptHandle": st.text(),
            "Attributes": hostile | st.dictionaries(st.just("ApproximateReceiveCount"), hostile),
            "MessageAttributes": hostile | attributes,
        },
    )
    | hostile
)
def test_an_answer_of_sqs_that_is_no_message(message):
    assert_total(message)


@given(
    mutated(SENT)
    | mutated(json.loads(CALL)).map(lambda call: SENT | {"body": spelled(call)})
    | mutated(json.loads(CALL)).map(lambda call: SENT | CELERYS | {"body": json.dumps(call, default=str)}),
    st.sampled_from([exact, as_celery]),
)
def test_what_can_be_sent_can_be_run(message, is_exact):
    try:
        sent = encode(message, is_exact)
    except Unsendable:
        return  # any other exception fails the test
    request_of(decode(received(sent.body, sent.attributes), is_exact=is_exact))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eta", ""),
        ("eta", "tomorrow"),
        ("eta", 5),
        ("eta", "0001-01-01T00:00:00+14:00"),
        ("eta", "9999-12-31T23:59:59-14:00"),
        ("timelimit", 5),
        ("timelimit", [1]),
        ("timelimit", [1, 2, 3]),
        ("timelimit", ["1", None]),
        ("timelimit", [-1, None]),
        ("timelimit", [10**400, None]),
        ("timelimit", [True, None]),
        ("timelimit", {"hard": 1, "soft": 2}),
        ("root_id", []),
        ("parent_id", 1),
        ("group", {}),
        ("group", "\ud800"),
        ("group_index", "1"),
        ("shadow", ["a"]),
        ("stamped_headers", 5),
        ("stamped_headers", [[]]),
        ("stamps", ["a"]),
        ("replaced_task_nesting", "deep"),
        ("expires", "soon"),
        ("expires", 5),
        ("ignore_result", "yes"),
        ("retries", -1),
        ("retries", True),
        ("retries", 10**9),
    ],
)
def test_a_header_that_celery_could_not_work_with_is_a_reason(name, value):
    headers = {"task": "t", "id": "i", name: value}
    with pytest.raises(Undecodable, match=f"the header {name}"):
        decode(received("{}", {wire.HEADERS: text_attribute(spelled(headers))}))
    with pytest.raises(Undecodable, match=f"the header {name}"):
        decode(received(spelled(ENVELOPE | {"headers": headers})))


@pytest.mark.parametrize(("value", "arrives"), [({"sentry-trace": "x"}, True), ({}, True), ("x", False), ([], False)])
def test_headers_inside_the_headers_are_those_of_the_tasks_request(value, arrives):
    payload = decode(received("{}", {wire.HEADERS: text_attribute(spelled({"headers": value}))}))
    assert payload["headers"].get("headers") == (value if arrives else None)
    request_of(payload)


@pytest.mark.parametrize("name", ["compression", "delivery_info", "get", "chord", "hostname"])
def test_a_header_that_would_overwrite_what_is_celerys_own_is_left_out(name):
    for value in ("2026-01-24T12:00:00Z", "x", 5, {}):
        payload = decode(received("{}", {wire.HEADERS: text_attribute(spelled({name: value}))}))
        assert name not in payload["headers"]
        request_of(payload)


@pytest.mark.parametrize(
    "embed",
    [
        {"id": None},
        {"delivery_info": {"task": "t"}},
        {"callbacks": 5},
        {"errbacks": ["a-task-id"]},
        {"chain": [{"args": []}]},
        {"chord": {"task": 5}},
        {"chord": {"task": "t", "kwargs": 5}},
        {"chord": {"task": "t", "options": []}},
    ],
)
def test_what_celery_could_not_call_afterwards_is_a_reason(embed):
    with pytest.raises(Undecodable):
        decode(received(spelled([[], {}, embed])))


def test_half_a_surrogate_pair_reaches_the_task():
    # kombu cannot encode it, and Celery would delete the message.
    body = '{"name": "\\ud800"}'
    request = request_of(decode(received(body)))
    assert request.args == [{"name": "\ud800"}]
    request = request_of(decode(received(f"[[{body}],{{}},{{}}]")))
    assert request.args == [{"name": "\ud800"}]
    assert request.argsrepr.encode()


def nested(depth, kind):
    return '{"a":' * depth + "1" + "}" * depth if kind == "objects" else "[" * depth + "]" * depth


def test_a_nesting_of_any_depth():
    # Around Python's recursion limit, what can just be read here could fail in Celery, further up the stack.
    for depth in [*range(190, 210), *range(900, 1000), 100_000]:
        for text in (nested(depth, "objects"), nested(depth, "lists")):
            assert_total(received(text))
            assert_total(received(f"[[{text}],{{}},{{}}]"))
            assert_total(received("{}", {wire.HEADERS: text_attribute(f'{{"note":{text}}}')}))
            assert_total(received(spelled(ENVELOPE | {"body": f"[[{text}],{{}},{{}}]", "properties": {}})))


def test_as_many_brackets_as_you_like_side_by_side():
    order = {"items": [{"a": [1]}] * 1000}
    assert request_of(decode(received(spelled(order)))).args == [order]


def test_nesting_has_a_limit():
    assert decode(received(nested(MAX_NESTING, "objects")))
    with pytest.raises(Undecodable, match="nested"):
        decode(received(nested(MAX_NESTING + 1, "objects")))


def test_a_reason_is_short():
    with pytest.raises(Undecodable) as undecodable:
        decode(received(spelled(ENVELOPE | {"content-type": "x" * 100_000})))
    assert len(str(undecodable.value)) <= wire.MAX_REASON


def test_a_message_without_its_receive_count_is_no_guess():
    message = received("{}")
    del message["Attributes"]
    with pytest.raises(Undecodable):
        decode(message)


@pytest.mark.parametrize("count", ["0", "-1", "", "many"])
def test_a_receive_count_that_is_none_is_a_reason(count):
    with pytest.raises(Undecodable):
        decode(received("{}", receive_count=count))
