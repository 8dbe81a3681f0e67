"""JSON as two systems that do not know each other can rely on: every digit, and nothing left open."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.message import exact_json
from tests.unit.samples import json_values


@pytest.mark.parametrize("digits", ["99.90", "0.10", "100.00", "1234567890.123456789012345678901234567890", "1E+30"])
def test_a_number_keeps_its_digits(digits):
    assert exact_json.dumps(exact_json.loads(digits)) == digits


def test_a_number_with_a_fraction_is_never_a_float():
    assert exact_json.loads('{"a": [0.1, 1e2, -0.0]}') == {"a": [Decimal("0.1"), Decimal("1E+2"), Decimal("-0.0")]}
    assert all(type(number) is Decimal for number in exact_json.loads("[0.1, 1e2, -0.0]"))


def test_a_whole_number_is_an_int():
    number = exact_json.loads("9007199254740993")  # a float would make it ...992
    assert (number, type(number)) == (9007199254740993, int)


@given(json_values)
def test_any_value_comes_back_as_it_was(value):
    assert exact_json.loads(exact_json.dumps(value)) == value


def test_text_is_written_as_it_is():
    assert exact_json.dumps({"name": "Ünïcode ☕"}) == '{"name":"Ünïcode ☕"}'


def test_bytes_are_read_as_utf_8():
    assert exact_json.loads('{"name": "☕"}'.encode()) == {"name": "☕"}


@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"a":1,"a":2}', '[{"b":{"a":1,"\\u0061":2}}]'])
def test_a_key_named_twice_is_refused(text):
    assert json.loads(text)
    with pytest.raises(ValueError, match="twice"):
        exact_json.loads(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "quantity": 1, "quantity": 2}', 'an object names the key "quantity" twice'),
        ('{"\\ud800\\n": 1, "\\ud800\\n": 2}', r'an object names the key "\ud800\n" twice'),
        (f'{{"{"k" * 999}": 1, "{"k" * 999}": 2}}', f'an object names the key "{"k" * 64}" twice'),
        (f'{{"quantity": {"9" * 5000}}}', '"quantity" is a whole number of more than 4300 digits'),
        (f'{{"a": 1, "b": {{"c": {"9" * 5000}}}}}', '"c" is a whole number of more than 4300 digits'),
        ('{"totalPrice": 1e99999999999999999999}', '"totalPrice" is a number with an exponent that is too large'),
        ('{"totalPrice": -1.5E-99999999999999999999}', '"totalPrice" is a number with an exponent that is too large'),
        ("[1e99999999999999999999]", "a number is too long"),
        ("[1e99999999999999999999, " + "[" * 100_000, "a number is too long"),
        ("9" * 5000, "a number is too long"),
        (f'{{"quantity": {"9" * 5000}, "quantity": {"9" * 5000}}}', None),
        ('{"a": ' + "[" * 100_000, "it is nested too deeply"),
    ],
    ids=lambda given: str(given)[:30],
)
def test_the_reason_says_what_is_wrong_and_where(text, reason):
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is what is compared
        exact_json.loads(text)
    assert reason in (None, str(refused.value))
    assert type(refused.value) is ValueError
    str(refused.value).encode()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"totalPrice": NaN}', "[1, Infinity]"])
def test_what_only_python_calls_json_is_refused(text):
    with pytest.raises(ValueError, match="is not JSON"):
        exact_json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000 + "]" * 100_000, id="deep lists"),
        pytest.param('{"a":' * 100_000 + "1" + "}" * 100_000, id="deep objects"),
        pytest.param("9" * 100_000, id="huge int"),
        "1e9999999999999999999",
        "-1e-9999999999999999999",
        "",
        " ",
        "{",
        "[1,]",
        "{'a': 1}",
        '"a\nb"',
        "01",
        "1 2",
        "\ufeff{}",
        b"\xff",
        b"",
        b'"\xc3"',
    ],
)
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011 - json's own words
        exact_json.loads(text)


@given(st.text() | st.binary() | st.text("[]{},:\"'0123456789eE.+-Nnul \\"))
def test_any_text_is_a_value_or_a_value_error(text):
    try:
        exact_json.loads(text)
    except ValueError:
        return  # any other exception fails the test


@pytest.mark.parametrize("number", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")])
def test_what_json_has_no_number_for_is_not_written(number):
    with pytest.raises(ValueError, match="JSON"):
        exact_json.dumps([number])
