"""The values of an order, one by one: what is taken, what is refused, and what is kept exactly."""

import sys
import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from orders.fields import Money, OrderId, ProductName, Timestamp, WholeNumber, parse_order_id
from tests.unit.samples import json_values, prices

FIELDS = {
    "name": ProductName(),
    "number": WholeNumber(1, 100),
    "money": Money(),
    "timestamp": Timestamp(),
    "order id": OrderId(),
}


@pytest.mark.parametrize(
    "name", ["Widget", "x", "x" * 200, "Ünïcode ☕", "👩‍🔧 tool", "line sep", "a\u00a0b", "'; DROP"]
)
def test_a_product_name_is_kept_as_it_is(name):
    assert ProductName().deserialize(name) == name


@pytest.mark.parametrize("name", ["  Widget", "Widget\n", "\u3000Widget\u3000", f" {'Widget'} "])
def test_a_product_name_is_trimmed(name):
    assert ProductName().deserialize(name) == "Widget"


def test_of_all_characters_those_are_refused_that_unicode_calls_control_or_surrogate_and_two_that_sqs_refuses():
    refused = {chr(code) for code in range(sys.maxunicode + 1) if not is_taken(f"a{chr(code)}b")}
    categories = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) in {"Cc", "Cs"}}
    assert refused == categories | {"\ufffe", "\uffff"}


def is_taken(name):
    """Whether a name is a product's."""
    try:
        return ProductName().deserialize(name) == name
    except ValidationError:
        return False


def test_200_characters_are_counted_after_trimming():
    assert ProductName().deserialize(" " + "x" * 200 + " ") == "x" * 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\t\r\n",
        "x" * 201,
        "a\x00b",
        "a\nb",
        "a\x1fb",
        "a\x7fb",
        "a\x85b",
        "\ud800b",
        "a\udfff",
        "a\ufffeb",
        "a\uffffb",
        None,
        1,
        True,
        ["Widget"],
        {"name": "Widget"},
    ],
)
def test_a_product_name_is_refused(name):
    with pytest.raises(ValidationError):
        ProductName().deserialize(name)


@pytest.mark.parametrize("number", [1, 2, 100])
def test_a_whole_number_within_limits_is_taken(number):
    assert WholeNumber(1, 100).deserialize(number) == number


@pytest.mark.parametrize("number", [0, -1, 101, True, False, "2", 2.0, Decimal(2), Decimal("2.0"), None, [], 10**40])
def test_a_whole_number_is_refused(number):
    with pytest.raises(ValidationError):
        WholeNumber(1, 100).deserialize(number)


@pytest.mark.parametrize(
    ("given_price", "price"),
    [
        (0, "0.00"),
        (5, "5.00"),
        (Decimal("99.9"), "99.90"),
        (Decimal("99.900"), "99.90"),
        (Decimal("1E+2"), "100.00"),
        (Decimal("0E+999"), "0.00"),
        (Decimal("-0.0"), "0.00"),
        ("99.90", "99.90"),
        ("007", "7.00"),
        ("9999999999.99", "9999999999.99"),
        (Decimal("9999999999.99"), "9999999999.99"),
    ],
)
def test_an_amount_is_exact_to_the_cent(given_price, price):
    assert str(Money().deserialize(given_price)) == price


@pytest.mark.parametrize(
    "amount",
    [
        Decimal("99.999"),
        Decimal("0.001"),
        Decimal("1E-400"),
        Decimal("-0.01"),
        Decimal("9999999999.999"),
        Decimal("10000000000.00"),
        Decimal("1E+400"),
        Decimal("1E+999999"),
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-Infinity"),
        -1,
        10**10,
        pytest.param(10**5000, id="5001 digits"),
        99.5,
        float("nan"),
        float("inf"),
        True,
        None,
        [],
        {},
        "",
        " 1",
        "1 ",
        "+1",
        "1.",
        ".5",
        "1e2",
        "1,50",
        "1_000",
        "0x10",
        "NaN",
        "Infinity",
        "-0.01",
        "1.999",
        "10000000000",
        "１",  # noqa: RUF001 - a full-width digit
        pytest.param("9" * 5000, id="5000 nines"),
    ],
)
def test_an_amount_is_refused(amount):
    with pytest.raises(ValidationError):
        Money().deserialize(amount)


@given(prices)
def test_a_price_survives_as_number_and_as_string(price):
    for spelt in (price, str(price)):
        assert str(Money().deserialize(spelt)) == str(price)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-24T12:00:00Z",
        "2026-01-24T13:00:00+01:00",
        "2026-01-24T12:00:00.000000+00:00",
        "20260124T120000Z",
        "2026-01-24t12:00:00z",  # RFC 3339, section 5.6
        "2026-01-24 12:00:00.000z",
    ],
)
def test_a_timestamp_is_read_as_utc(text):
    instant = Timestamp().deserialize(text)
    assert instant == datetime(2026, 1, 24, 12, 0, tzinfo=UTC)
    assert instant.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-24T12:00:00",
        "2026-01-24",
        "yesterday",
        "",
        "2026-02-30T12:00:00Z",
        "2026-01-24T24:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        1769256000,
        b"2026-01-24T12:00:00Z",
        None,
        True,
        [],
        {},
    ],
)
def test_a_timestamp_is_refused(text):
    with pytest.raises(ValidationError):
        Timestamp().deserialize(text)


def test_a_timestamp_is_told_in_utc_with_milliseconds():
    text = Timestamp().serialize("at", {"at": datetime(2026, 1, 24, 12, 0, 0, 123_456, tzinfo=UTC)})
    assert text == "2026-01-24T12:00:00.123Z"


def test_an_order_id_is_read_in_either_case():
    order_id = uuid4()
    assert parse_order_id(str(order_id)) == order_id
    assert parse_order_id(str(order_id).upper()) == order_id


VERSION_4 = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        VERSION_4[:-1],
        VERSION_4 + "0",
        VERSION_4.replace("-", ""),
        "{" + VERSION_4 + "}",
        "urn:uuid:" + VERSION_4,
        " " + VERSION_4,
        VERSION_4 + "\n",
        VERSION_4.replace("4d2b", "1d2b"),  # version 1
        VERSION_4.replace("883f", "083f"),  # another variant
        VERSION_4.replace("1b4e", "１b4e"),  # noqa: RUF001 - a full-width digit
        str(UUID(int=0)),
        "12592adc-e69f-11f1-9c3b-02fc00000001",
    ],
)
def test_what_is_no_version_4_uuid_is_no_order_id(text):
    assert parse_order_id(text) is None
    with pytest.raises(ValidationError):
        OrderId().deserialize(text)


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
@given(value=json_values | st.floats() | st.binary() | st.uuids() | st.datetimes())  # kombu's tags make the last three
def test_a_field_takes_a_value_or_says_that_it_is_not_valid(field, value):
    try:
        field.deserialize(value)
    except ValidationError:
        return  # any other exception fails the test
