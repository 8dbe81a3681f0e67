"""POST /api/v1/orders: an order is accepted once the queue has it, and not before."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from app import create_app
from config.problem import HEADERS as EVERYWHERE
from orders.fields import parse_order_id
from tests.conftest import make_settings
from tests.unit.fakes import ForbiddenStore

URL = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}


@pytest.fixture
def api(queue):
    """The application without a database: accepting an order must not need one."""
    return create_app(make_settings(), store=ForbiddenStore(), queue=queue).test_client()


@pytest.fixture
def post(api, token):
    """A function that posts as user 7."""

    def send(body=None, headers=None, **changes):
        data = json.dumps(ORDER | changes) if body is None else body
        return api.post(URL, data=data, content_type="application/json", headers=token(7) | (headers or {}))

    return send


def faults(response):
    """The fields that a 422 names."""
    assert response.status_code == 422, response.text
    return {error["field"] for error in response.json["errors"]}


def test_an_accepted_order_is_told_its_id_state_and_time(post, queue):
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    answer = post()
    assert answer.status_code == 202
    assert answer.content_type == "application/json"
    assert answer.json.keys() == {"orderId", "status", "state", "timestamp"}
    assert (answer.json["status"], answer.json["state"]) == ("pending", "queued")
    assert before <= datetime.fromisoformat(answer.json["timestamp"]) <= datetime.now(UTC)
    assert parse_order_id(answer.json["orderId"])


def test_its_answer_has_the_headers_of_every_answer_once(post):
    headers = post(headers={"X-Request-ID": "a-request"}).headers
    expected = EVERYWHERE | {"X-Request-ID": "a-request", "Content-Type": "application/json"}
    assert {name: headers.getlist(name) for name in expected} == {name: [value] for name, value in expected.items()}


def test_an_accepted_order_has_an_address(post):
    answer = post()
    assert answer.headers["Location"] == f"{URL}/{answer.json['orderId']}"


def test_its_address_is_where_the_application_is_mounted(api, token):
    answer = api.post(URL, json=ORDER, headers=token(7), environ_overrides={"SCRIPT_NAME": "/shop"})
    assert answer.headers["Location"] == f"/shop{URL}/{answer.json['orderId']}"


def test_its_address_is_ascii_wherever_the_application_is_mounted(api, token):
    mounted = "/läden".encode().decode("latin-1")  # as WSGI has it
    answer = api.post(URL, json=ORDER, headers=token(7), environ_overrides={"SCRIPT_NAME": mounted})
    assert answer.headers["Location"] == f"/l%C3%A4den{URL}/{answer.json['orderId']}"


def test_a_body_is_read_up_to_its_length_and_no_further(api, token, queue):
    body = json.dumps(ORDER).encode()
    stream = io.BytesIO(body + b"the next request")
    environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input_terminated": True}
    answer = api.post(
        URL, input_stream=stream, headers=token(7), content_type="application/json", environ_overrides=environ
    )
    assert answer.status_code == 202
    assert stream.read() == b"the next request"


def test_the_queue_gets_what_was_accepted(post, queue):
    answer = post(productName="  Ünïcode ☕ ", totalPrice=0.1)
    [(order, request_id)] = queue.sent
    assert order.order_id == UUID(answer.json["orderId"])
    assert (order.user_id, order.product_name, order.quantity) == (7, "Ünïcode ☕", 2)
    assert (str(order.total_price), order.status) == ("0.10", "pending")
    assert request_id == answer.headers["X-Request-ID"]


@pytest.mark.parametrize("price", ["99.90", '"99.90"', "99.9", "9.99E+1"])
def test_a_price_is_exact_however_it_is_spelt(post, queue, price):
    assert post(f'{{"productName": "Widget", "quantity": 2, "totalPrice": {price}}}').status_code == 202
    assert queue.sent[0][0].total_price == Decimal("99.90")


@pytest.mark.parametrize("given", ["an-id", "0123456789abcdef", "a/b:c=d+e._-"])
def test_a_clients_request_id_is_kept(post, given):
    assert post(headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["", "two words", "ü", "x" * 129, '{"a": 1}'])
def test_a_request_id_that_has_no_place_in_a_log_is_replaced(post, given):
    assert len(post(headers={"X-Request-ID": given}).headers["X-Request-ID"]) == 32


def test_without_an_idempotency_key_each_order_is_a_new_one(post):
    assert post().json["orderId"] != post().json["orderId"]


@pytest.mark.parametrize("key", ["", "two words", "ü", "x" * 256, "a\tb"])
def test_an_idempotency_key_that_is_no_visible_ascii_is_named(post, queue, key):
    assert faults(post(headers={"Idempotency-Key": key})) == {"Idempotency-Key"}
    assert not queue.sent


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("productName", ""),
        ("productName", "  "),
        ("productName", "x" * 201),
        ("productName", "a\x00b"),
        ("productName", "a\ud800b"),
        ("productName", None),
        ("productName", 1),
        ("quantity", 0),
        ("quantity", 100_001),
        ("quantity", True),
        ("quantity", "2"),
        ("quantity", 2.0),
        ("quantity", None),
        ("totalPrice", -0.01),
        ("totalPrice", 0.001),
        ("totalPrice", 10_000_000_000),
        ("totalPrice", 1e300),
        ("totalPrice", True),
        ("totalPrice", "1,50"),
        ("totalPrice", None),
        ("userId", 8),
        ("orderId", "1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
        ("status", "done"),
        ("", 1),
    ],
)
def test_a_bad_or_unknown_field_is_named_and_nothing_is_queued(post, queue, field, value):
    assert faults(post(**{field: value})) == {field or "_schema"}
    assert not queue.sent


@pytest.mark.parametrize("field", ORDER)
def test_a_missing_field_is_named(post, field):
    assert faults(post(json.dumps({name: value for name, value in ORDER.items() if name != field}))) == {field}


def test_all_bad_fields_are_named_at_once(post):
    assert faults(post(quantity=0, totalPrice=-1, colour="red")) == {"quantity", "totalPrice", "colour"}


@pytest.mark.parametrize("body", ["[]", "null", "1", '"order"', "true", "[{}]"])
def test_a_body_that_is_no_object_is_not_valid(post, queue, body):
    [error] = post(body).json["errors"]
    assert error == {"field": "_schema", "detail": "Must be a JSON object."}  # a worker's words, too
    assert not queue.sent


@pytest.mark.parametrize(
    "body",
    [
        "",
        "{",
        "{'productName': 1}",
        '{"totalPrice": NaN}',
        '{"totalPrice": Infinity}',
        '{"quantity": 1, "quantity": 2}',
        '{"totalPrice": 1e9999999999999999999}',
        b'{"productName": "\xff"}',
        '{"productName": "Widget"}'.encode("utf-16"),
        pytest.param('{"productName": ' + "[" * 10_000 + "]" * 10_000 + "}", id="deep"),
        pytest.param('{"quantity": ' + "9" * 10_000 + "}", id="long number"),
    ],
)
def test_a_body_that_is_no_strict_json_is_a_bad_request(post, queue, body):
    assert post(body).status_code == 400
    assert not queue.sent


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ('{"quantity": 1, "quantity": 2}', 'The body is not JSON: an object names the key "quantity" twice.'),
        (f'{{"quantity": {"9" * 5000}}}', '"quantity" is a whole number of more than 4300 digits.'),
        ('{"totalPrice": 1e99999999999999999999}', '"totalPrice" is a number with an exponent that is too large.'),
        ('{"productName": ' + "[" * 50_000, "it is nested too deeply."),
    ],
    ids=["twice", "digits", "exponent", "deep"],
)
def test_a_bad_request_says_what_is_wrong_and_where(post, body, detail):
    answer = post(body)
    assert answer.status_code == 400
    assert answer.json["detail"].endswith(detail)


def test_a_byte_order_mark_is_dropped_as_a_worker_does(post, queue):
    assert post(b"\xef\xbb\xbf" + json.dumps(ORDER).encode()).status_code == 202
    assert len(queue.sent) == 1
    assert post(b"\xef\xbb\xbf" * 2 + json.dumps(ORDER).encode()).status_code == 400


@pytest.mark.parametrize(("coding", "status"), [("gzip", 415), ("identity, gzip", 415), ("identity", 202)])
def test_a_body_in_another_content_coding_than_none_is_refused(post, queue, coding, status):
    answer = post(headers={"Content-Encoding": coding})
    assert answer.status_code == status
    assert len(queue.sent) == (status == 202)
    if status == 415:
        assert "Content-Encoding" in answer.json["detail"]
        assert answer.headers["Accept-Encoding"] == "identity"


def test_two_idempotency_keys_are_refused_by_name(api, token, queue):
    sent = [*token(7).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert faults(api.post(URL, json=ORDER, headers=sent)) == {"Idempotency-Key"}
    assert not queue.sent


def test_a_parameter_of_the_query_is_refused_by_name(api, token, queue):
    answer = api.post(f"{URL}?dry-run=1&user=2", json=ORDER, headers=token(7))
    assert faults(answer) == {"dry-run", "user"}
    assert not queue.sent


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/xml", None])
def test_a_body_of_another_media_type_is_refused(api, token, media_type):
    assert api.post(URL, data=json.dumps(ORDER), content_type=media_type, headers=token()).status_code == 415


def test_a_charset_does_no_harm(api, token):
    answer = api.post(URL, data=json.dumps(ORDER), content_type="application/json; charset=utf-8", headers=token())
    assert answer.status_code == 202


def padded(size):
    """A valid order of so many bytes."""
    text = json.dumps(ORDER)
    return text + " " * (size - len(text))


def test_64_kib_are_taken_and_no_byte_more(post):
    assert post(padded(65536)).status_code == 202
    assert post(padded(65537)).status_code == 413


def test_a_chunked_body_has_the_same_limit(api, token):
    def send(size):
        stream = io.BytesIO(padded(size).encode())
        # What gunicorn says of a chunked body: no length, and a stream that ends by itself.
        environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        return api.post(
            URL, input_stream=stream, environ_overrides=environ, content_type="application/json", headers=token()
        )

    assert send(65536).status_code == 202
    assert send(65537).status_code == 413


def test_an_order_that_the_queue_does_not_confirm_is_not_accepted(post, queue):
    queue.refuse()
    answer = post()
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Idempotency-Key" in answer.json["detail"]


def test_a_queue_that_nobody_runs_confirms_nothing(token):
    settings = make_settings(sqs_endpoint="http://127.0.0.1:1")
    answer = create_app(settings, store=ForbiddenStore()).test_client().post(URL, json=ORDER, headers=token())
    assert answer.status_code == 503
