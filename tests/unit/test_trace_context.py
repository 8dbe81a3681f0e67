"""The trace context of a request is passed on as W3C's grammar has it, or not at all."""

import json
import logging

import pytest

from celery_sqs.tracing import trace_context, trace_id

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
GIVEN = f"00-{TRACE}-{PARENT}-01"
URL = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}


@pytest.mark.parametrize("flags", ["00", "01", "02", "03"])
def test_a_traceparent_is_passed_on_as_it_is(flags):
    given = f"00-{TRACE}-{PARENT}-{flags}"
    assert trace_context({"traceparent": given}) == {"traceparent": given}
    assert trace_id({"traceparent": given}) == TRACE


def test_flags_that_nobody_knows_are_switched_off():
    assert trace_context({"traceparent": f"00-{TRACE}-{PARENT}-ff"}) == {"traceparent": f"00-{TRACE}-{PARENT}-03"}


@pytest.mark.parametrize("more", ["", "-", "-what-comes-later"])
def test_of_a_later_version_the_part_that_is_known_is_taken(more):
    assert trace_context({"traceparent": f"cc-{TRACE}-{PARENT}-01{more}"}) == {"traceparent": GIVEN}


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        7,
        {"nested": GIVEN},
        GIVEN + "\n",
        GIVEN + " ",
        GIVEN + "-more",
        f"ff-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        f"0-{TRACE}-{PARENT}-01",
        f"00-{TRACE[:-1]}\u0663-{PARENT}-01",
        f"{GIVEN},{GIVEN}",
    ],
    ids=range(18),
)
def test_what_is_no_traceparent_is_dropped_with_its_state(given):
    headers = {"traceparent": given, "tracestate": "a=1"}
    assert trace_context(headers) == {}
    assert trace_id(headers) is None


@pytest.mark.parametrize(
    ("given", "passed_on"),
    [
        ("a=1", "a=1"),
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"),
        ("tenant@system=1 , b=2\t,,", "tenant@system=1,b=2"),
        ("0tenant@system=1", "0tenant@system=1"),
        ("a-_*/0=a value with blanks", "a-_*/0=a value with blanks"),
        (",".join(f"k{number}=1" for number in range(32)), ",".join(f"k{number}=1" for number in range(32))),
    ],
    ids=range(6),
)
def test_a_tracestate_goes_with_it(given, passed_on):
    assert trace_context({"traceparent": GIVEN, "tracestate": given}) == {"traceparent": GIVEN, "tracestate": passed_on}


@pytest.mark.parametrize(
    "given",
    [
        "",
        ",",
        7,
        "a",
        "a=",
        "=1",
        "A=1",
        "0a=1",
        "a b=1",
        "a=b=c",
        "a=ü",
        "a=1,a=2",
        "a=1,nonsense",
        f"a={'x' * 257}",
        f"{'a' * 257}=1",
        "a@b@c=1",
        ",".join(f"k{number}=1" for number in range(33)),
        ",".join(f"k{number}={'x' * 100}" for number in range(6)),
    ],
    ids=range(18),
)
def test_a_tracestate_that_is_malformed_or_too_long_is_dropped_alone(given):
    assert trace_context({"traceparent": GIVEN, "tracestate": given}) == {"traceparent": GIVEN}


def test_a_post_passes_its_trace_on_to_the_queue(api, token, queue):
    trace = {"traceparent": GIVEN, "tracestate": "a=1"}
    assert api.post(URL, json=ORDER, headers=token() | trace).status_code == 202
    assert queue.traces == [trace]


def test_a_post_without_one_has_none_made_up(api, token, queue):
    api.post(URL, json=ORDER, headers=token())
    api.post(URL, json=ORDER, headers=token() | {"traceparent": "nonsense"})
    assert queue.traces == [{}, {}]


def test_a_traceparent_that_comes_twice_is_none(api, token, queue):
    headers = [*token().items(), ("traceparent", GIVEN), ("traceparent", GIVEN)]
    api.post(URL, json=ORDER, headers=headers)
    assert queue.traces == [{}]


def test_web_logs_the_trace(api, token, capsys):
    logging.getLogger().handlers[0].setStream(__import__("sys").stderr)
    api.post(URL, json=ORDER, headers=token() | {"traceparent": GIVEN})
    api.post(URL, json=ORDER, headers=token())
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines() if "order accepted" in line)
    assert first["trace_id"] == TRACE
    assert "trace_id" not in second
