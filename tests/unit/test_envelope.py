"""What plain Celery has put on SQS, on its way to our worker: an upgrade loses nothing, and unpickles nothing."""

import base64
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from kombu.utils import json as kombu_json

from celery_sqs.errors import Undecodable
from celery_sqs.message import wire
from tests.unit.envelopes import DEFAULT_TASK, decode, plain_celery, received, request_of, text_attribute
from tests.unit.samples import MESSAGE

TYPED = {
    "price": Decimal("99.90"),
    "id": UUID("1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
    "at": datetime(2026, 1, 24, 12, tzinfo=UTC),
    "day": date(2026, 1, 24),
    "raw": b"\x00\xff",
}


def envelope(**changes):
    """The envelope of a call, as plain Celery sends it with `sqs_base64_encoding=False`."""
    return json.loads(plain_celery({"a": 1}, base64=False)) | changes


def decoded(value):
    return decode(received(json.dumps(value)))


@pytest.mark.parametrize("body_encoding", ["base64", "utf-8", None])
@pytest.mark.parametrize("whole_in_base64", [True, False])
def test_a_call_by_plain_celery_is_that_call(whole_in_base64, body_encoding):
    body = plain_celery(
        {"a": 1}, 2, kwargs={"b": [3]}, base64=whole_in_base64, body_encoding=body_encoding, task_id="an-id"
    )
    request = request_of(decode(received(body)))
    assert (request.task_name, request.id, request.root_id) == ("a_task", "an-id", "an-id")
    assert (request.args, request.kwargs) == ([{"a": 1}, 2], {"b": [3]})


def test_arguments_have_the_types_that_the_caller_gave_them():
    request = request_of(decode(received(plain_celery(TYPED))))
    assert request.args == [TYPED]


def test_a_price_keeps_its_digits():
    [order] = request_of(decode(received(plain_celery(MESSAGE)))).args
    assert str(order["totalPrice"]) == "99.90"


def test_a_float_is_read_by_its_digits():
    assert request_of(decode(received(plain_celery({"price": 0.1})))).args == [{"price": Decimal("0.1")}]


def test_custom_headers_are_what_kombu_would_read():
    headers = {"sent_at": 1769256000.25, "id_of": TYPED["id"], "request_id": "r-1"}
    assert headers.items() <= decode(received(plain_celery(headers=headers)))["headers"].items()


def test_what_celery_says_in_headers_arrives():
    body = plain_celery(time_limit=9, soft_time_limit=4.5, eta=TYPED["at"], group_id="g", root_id="r", parent_id="p")
    request = request_of(decode(received(body)))
    assert request.time_limits == [9, 4.5]
    assert request.eta == TYPED["at"]
    assert (request.group, request.root_id, request.parent_id) == ("g", "r", "p")


def test_callbacks_arrive():
    following = {"task": "next", "args": [], "kwargs": {}, "options": {}}
    _, _, embed = decode(received(plain_celery(chain=[following])))[wire.CALL]
    assert embed["chain"] == [following]


def test_retries_are_those_of_plain_celery_and_what_sqs_has_counted():
    headers = decode(received(plain_celery(retries=7), receive_count="2"))["headers"]
    assert headers["retries"] == 8


def test_a_message_expires():
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    request = request_of(decode(received(plain_celery(expires=at))))
    assert request.expires == at


@pytest.mark.parametrize(
    "order",
    [
        {"headers": {}, "body": "x", "properties": {}},
        {"headers": {"task": "t", "id": "i"}, "body": {}, "properties": {}},
        {"headers": {"task": "t", "id": "i"}, "body": "[[],{},{}]", "properties": None},
        {"headers": {"task": "t", "id": "i"}, "body": "[[],{},{}]"},
        {"headers": {"task": "t", "id": 1}, "body": "[[],{},{}]", "properties": {}},
        {"headers": {"task": None, "id": "i"}, "body": "[[],{},{}]", "properties": {}},
        {"headers": ["task", "id"], "body": "[[],{},{}]", "properties": {}},
        {"properties": {"colour": "red"}},
        {"body": "steel"},
        {"task": "t", "id": "i", "args": [], "kwargs": {}},
    ],
)
def test_an_object_with_keys_like_an_envelopes_is_an_object(order):
    request = request_of(decoded(order))
    assert (request.task_name, request.args) == (DEFAULT_TASK, [order])


def test_with_our_attributes_an_envelope_is_somebodys_argument():
    value = envelope()
    request = request_of(decode(received(json.dumps(value), {"celery_task": text_attribute("inspect_message")})))
    assert (request.task_name, request.args) == ("inspect_message", [value])


@pytest.mark.parametrize(
    "changes",
    [
        {"content-type": "application/x-python-serialize", "content-encoding": "binary"},
        {"content-type": "application/x-yaml"},
        {"content-type": "text/plain"},
        {"content-type": None},
        {"content-type": ["application/json"]},
        {"content-encoding": "utf-16"},
        {"content-encoding": 8},
        {"properties": {"body_encoding": "rot13"}},
        {"properties": {"body_encoding": ["base64"]}},
        {"properties": {"body_encoding": "base64"}, "body": "[[],{},{}]"},
        {"properties": {"body_encoding": "base64"}, "body": base64.b64encode(b"\xff\xfe").decode()},
        {"properties": {}, "body": ""},
        {"properties": {}, "body": "null"},
        {"properties": {}, "body": "{}"},
        {"properties": {}, "body": '{"args": [], "kwargs": {}}'},
        {"properties": {}, "body": "[[], {}]"},
        {"properties": {}, "body": "[{}, {}, {}]"},
        {"properties": {}, "body": '[["\ud800"], {}, {}]'},
        {"properties": {}, "body": "[" * 100_000},
        {"properties": {}, "body": '[[{"__type__": "uuid", "__value__": {"hex": "?"}}], {}, {}]'},
        {"properties": {}, "body": '[[{"__type__": "decimal", "__value__": {}}], {}, {}]'},
        {"properties": {}, "body": '[[{"__type__": "no such type", "__value__": 1}], {}, {}]'},
        {"properties": {}, "body": '[[{"__type__": [], "__value__": 1}], {}, {}]'},
        {"headers": {"task": "t", "id": "i", "compression": "application/x-gzip"}},
        {"headers": {"task": "", "id": "i"}},
        {"headers": {"task": "t", "id": ""}},
        {"headers": {"task": "t\ud800", "id": "i"}},
        {"headers": {"task": "t", "id": "i", "eta": {"__type__": "time", "__value__": "noon"}}},
    ],
    ids=str,
)
def test_an_envelope_that_cannot_be_read_is_undecodable(changes):
    with pytest.raises(Undecodable):
        decoded(envelope(**changes))


def test_a_type_of_the_applications_own_may_fail_as_it_likes(monkeypatch):
    monkeypatch.setitem(kombu_json._decoders, "odd", lambda value: next(iter(())))
    with pytest.raises(Undecodable, match="StopIteration"):
        decoded(envelope(properties={}, body='[[{"__type__": "odd", "__value__": 1}], {}, {}]'))


def test_a_pickle_is_never_opened():
    body = plain_celery({"a": 1}, serializer="pickle")
    with pytest.raises(Undecodable, match="x-python-serialize"):
        decode(received(body))


def test_base64_of_anything_but_an_envelope_is_undecodable():
    with pytest.raises(Undecodable, match="base64"):
        decode(received(base64.b64encode(kombu_json.dumps(MESSAGE).encode()).decode()))
