"""The order message, both ways: seven keys, exact values, and never a surprise."""

import json
import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.message import exact_json
from orders.order import Order
from orders.schema import InvalidOrder, from_message, to_message, unknown_fields
from tests.unit.samples import MESSAGE, an_order, json_values, orders


def parsed(message):
    """The order, or the reason why it is none; anything else that happens fails the test."""
    try:
        return from_message(message)
    except InvalidOrder as error:
        return error


def errors_of(message):
    with pytest.raises(InvalidOrder) as refused:
        from_message(message)
    return refused.value.errors


def test_the_message_is_the_agreed_one():
    order = from_message(MESSAGE)
    assert (order.user_id, order.product_name, order.quantity) == (123, "Widget", 2)
    assert order.timestamp == datetime(2026, 1, 24, 12, 0, tzinfo=UTC)
    assert to_message(order) == MESSAGE


def test_a_timestamp_without_milliseconds_is_understood():
    assert from_message(MESSAGE | {"timestamp": "2026-01-24T12:00:00Z"}) == from_message(MESSAGE)


@pytest.mark.parametrize("text", ["99.90", "99.99", "0.10", "0.00", "9999999999.99"])
def test_a_price_has_the_same_digits_in_the_message_text(text):
    message = exact_json.dumps(to_message(an_order(total_price=Decimal(text))))
    assert f'"totalPrice":{text},' in message
    assert str(from_message(exact_json.loads(message)).total_price) == text


@given(orders)
def test_any_order_comes_back_from_its_message_as_it_was(order):
    assert from_message(to_message(order)) == order


@given(orders)
def test_any_order_comes_back_from_the_message_text_as_it_was(order):
    back = from_message(exact_json.loads(exact_json.dumps(to_message(order))))
    assert back == order
    assert str(back.total_price) == str(order.total_price)


@given(orders)
def test_any_message_is_plain_json_with_exactly_the_seven_keys(order):
    text = exact_json.dumps(to_message(order))
    assert set(json.loads(text)) == set(MESSAGE)


@pytest.mark.parametrize("key", MESSAGE)
def test_a_missing_key_is_named(key):
    assert list(errors_of({name: value for name, value in MESSAGE.items() if name != key})) == [key]


@pytest.mark.parametrize("key", MESSAGE)
def test_null_is_no_value(key):
    assert list(errors_of(MESSAGE | {key: None})) == [key]


@pytest.mark.parametrize("key", ["price", "order_id", "OrderId", "", "__class__"])
def test_a_field_that_this_version_does_not_know_is_dropped_and_named(key):
    assert from_message(MESSAGE | {key: 1}) == from_message(MESSAGE)
    assert list(unknown_fields(MESSAGE | {key: 1})) == [key]
    assert list(unknown_fields(MESSAGE)) == []


def test_an_unknown_field_in_place_of_one_is_no_order():
    renamed = {name: value for name, value in MESSAGE.items() if name != "quantity"} | {"qty": 2}
    assert list(errors_of(renamed)) == ["quantity"]
    assert list(unknown_fields(renamed)) == ["qty"]


@pytest.mark.parametrize("message", [None, [], "{}", 1])
def test_what_is_no_object_has_no_fields(message):
    assert list(unknown_fields(message)) == []


def price(text):
    return from_message(MESSAGE | {"totalPrice": exact_json.loads(text)}).total_price


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("0.30000000000000004", "0.30"),  # 0.1 * 3
        ("3.3000000000000003", "3.30"),  # 1.1 * 3
        ("0.7999999999999999", "0.80"),  # 0.7 + 0.1
        ("0.29999999999999716", "0.30"),  # 100.1 - 99.8
        ("5.551115123125783e-17", "0.00"),  # 0.1 + 0.2 - 0.3
        ("-5.551115123125783e-17", "0.00"),  # 0.3 - 0.1 * 3
        ("-1.1368683772161603e-13", "0.00"),  # 1000.1 + 0.2 - 1000.3
        ("5e-324", "0.00"),
        ("8999999999.990002", "8999999999.99"),
        ("9999999999.990002", "9999999999.99"),
        ('"0.30000000000000004"', "0.30"),
        ('"5.551115123125783e-17"', "0.00"),
        ("2E+1", "20.00"),
    ],
)
def test_a_price_that_floats_have_missed_by_their_last_bits_is_stored_to_the_cent(text, cents):
    assert str(price(text)) == cents


@given(st.lists(st.decimals(0, 9999, places=2), min_size=1, max_size=100))
def test_any_sum_of_prices_as_floats_is_the_sum_of_the_prices(prices):
    assert price(repr(sum(map(float, prices)))) == sum(prices)


@given(st.decimals(0, 9_999_999_999, places=2))
def test_a_part_of_a_cent_is_never_noise(exact):
    for beside in ("0.001", "0.004", "0.005", "0.0001"):
        amount = exact + Decimal(beside)
        assert isinstance(parsed(MESSAGE | {"totalPrice": amount}), InvalidOrder)


@given(st.lists(st.decimals(0, 9999, places=2), min_size=1, max_size=100), st.randoms())
def test_any_sum_of_prices_that_are_all_taken_back_is_zero(prices, chosen):
    parts = [*map(float, prices), *(-float(each) for each in prices)]
    chosen.shuffle(parts)
    assert price(repr(sum(parts))) == 0


@pytest.mark.parametrize(
    "text",
    [
        "-0.0000000010000001",
        "-1e-9",
        "-0.009999999999999999",
        "9999999999.995002",
        "10000000000.000002",
        "-1E+9",
        "1E+400000000",
    ],
)
def test_an_amount_that_is_no_price_and_no_noise_of_one_is_out_of_range(text):
    [reason] = errors_of(MESSAGE | {"totalPrice": Decimal(text)})["totalPrice"]
    assert reason == "Must be from 0 to 9999999999.99."


@pytest.mark.parametrize("text", ["0.300000000000001", "0.3000000000001000", "0.30000000001", "99.999", "0.005"])
def test_a_price_beside_a_cent_that_a_float_would_have_kept_is_refused(text):
    assert list(errors_of(MESSAGE | {"totalPrice": Decimal(text)})) == ["totalPrice"]


@pytest.mark.parametrize("text", ["2.0", "2.00", "2E+0", "0.2E1"])
@pytest.mark.parametrize("field", ["quantity", "userId"])
def test_a_whole_number_with_a_fraction_of_zero_is_that_number(field, text):
    order = from_message(MESSAGE | {field: Decimal(text)})
    value = order.quantity if field == "quantity" else order.user_id
    assert (value, type(value)) == (2, int)


def test_a_time_without_a_zone_is_refused_with_the_reason():
    [reason] = errors_of(MESSAGE | {"timestamp": "2026-01-24T12:00:00"})["timestamp"]
    assert "a time without a zone may be any" in reason


def test_every_bad_field_is_named_at_once():
    errors = errors_of(MESSAGE | {"quantity": 0, "totalPrice": -1, "productName": " "})
    assert set(errors) == {"quantity", "totalPrice", "productName"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("orderId", "1b4e28ba-2fa1-11d2-883f-0016d3cca427"),
        ("orderId", 7),
        ("userId", 0),
        ("userId", -1),
        ("userId", True),
        ("userId", "123"),
        ("userId", Decimal("123.5")),
        ("userId", Decimal("1E+400000000")),
        ("userId", Decimal("9223372036854775808.0")),
        ("userId", 2**63),
        ("productName", ""),
        ("productName", "x" * 201),
        ("productName", "a\ud800"),
        ("quantity", 0),
        ("quantity", 100_001),
        ("quantity", True),
        ("quantity", "2"),
        ("quantity", 2.0),
        ("quantity", Decimal("2.5")),
        ("quantity", Decimal("0.0")),
        ("quantity", Decimal("NaN")),
        ("quantity", Decimal("-1E+400")),
        ("totalPrice", 99.9),
        ("totalPrice", Decimal("99.999")),
        ("totalPrice", Decimal("1E+400")),
        ("totalPrice", -1),
        ("status", "done"),
        ("status", "PENDING"),
        ("status", 1),
        ("timestamp", "2026-01-24T12:00:00"),
        ("timestamp", 1769256000),
    ],
)
def test_a_bad_value_is_named(key, value):
    assert list(errors_of(MESSAGE | {key: value})) == [key]


@pytest.mark.parametrize("message", [None, [], [MESSAGE], "{}", 1, True, Decimal(1), b"{}"])
def test_what_is_no_object_is_no_order(message):
    assert errors_of(message) == {"_schema": ["Must be a JSON object."]}


@given(json_values)
def test_any_json_value_is_an_order_or_an_invalid_order(value):
    assert isinstance(parsed(value), Order | InvalidOrder)


@given(st.sampled_from(sorted(MESSAGE)), json_values)
def test_a_bad_value_spoils_no_other_field(key, value):
    result = parsed(MESSAGE | {key: value})
    assert isinstance(result, Order) or list(result.errors) == [key]


def test_an_invalid_order_is_the_same_after_pickling():
    errors = errors_of({**MESSAGE, "quantity": 0, "extra": 1})
    copy = pickle.loads(pickle.dumps(InvalidOrder(errors)))  # noqa: S301 - it is our own
    assert isinstance(copy, InvalidOrder)
    assert copy.errors == errors
    assert str(copy) == str(InvalidOrder(errors))
