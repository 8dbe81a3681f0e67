"""When a message is due: at its call, where SQS waits up to 15 minutes, and at each receive of it."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from celery import Celery
from celery.worker.request import Request
from kombu.transport import virtual

from celery_sqs.errors import Undecodable
from celery_sqs.message import eta, wire
from celery_sqs.message.envelope import MAX_DELAY
from celery_sqs.message.renewal import Renewal
from tests.unit.deliveries import delivery
from tests.unit.envelopes import an_envelope, decode, encode, received, request_of

IN_AN_HOUR = datetime(2099, 1, 1, 12, 0, 0, 250_000, tzinfo=UTC)
NAIVE = IN_AN_HOUR.replace(tzinfo=None)
ELSEWHERE = IN_AN_HOUR.astimezone(timezone(timedelta(hours=5, minutes=30)))


def _headers(seconds, zone=UTC):
    return {"id": "1", "eta": (datetime.now(UTC) + timedelta(seconds=seconds)).astimezone(zone).isoformat()}


def naive(seconds):
    """As `datetime.utcnow() + ...` is, which Celery takes for UTC."""
    return {"id": "1", "eta": (datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=seconds)).isoformat()}


def attributes(**headers):
    text = json.dumps(headers)
    return {"celery_headers": {"DataType": "String", "StringValue": text}}


def in_envelope(eta, **more):
    headers = {"task": "a.task", "id": "i", "eta": eta}
    return json.dumps({"headers": headers, "body": "W10=", "properties": {}, "content-type": "application/json"} | more)


@pytest.mark.parametrize("seconds", [1, 60, 899])
@pytest.mark.parametrize("made", [_headers, naive], ids=["aware", "naive"])
def test_a_near_eta_becomes_delay_seconds(seconds, made):
    headers = made(seconds)
    assert eta.take(headers) == pytest.approx(seconds, abs=1)
    assert headers["eta"] is None


def test_a_near_eta_is_the_tasks_to_read_and_nothing_that_a_worker_waits_for():
    sent = an_envelope({}, countdown=60)
    asked = sent["headers"]["eta"]
    eta.take(sent["headers"])
    message = encode(sent)
    assert eta.due_at(received(message.body, message.attributes)) == 0
    request = request_of(decode(received(message.body, message.attributes)))
    assert request.request_dict["eta"] == asked


def test_a_message_that_would_wait_in_the_worker_for_longer_than_sqs_delays_one_is_undecodable():
    [far] = attributes(sqs_eta=IN_AN_HOUR.isoformat()).values()
    with pytest.raises(Undecodable):
        decode(received("{}", {wire.HEADERS: far}))


def test_an_eta_of_another_time_zone_is_the_same_instant():
    assert eta.take(_headers(60, timezone(timedelta(hours=-9)))) == pytest.approx(60, abs=1)


def test_an_eta_of_the_past_is_no_delay():
    headers = _headers(-5)
    assert eta.take(headers) == 0
    assert headers["eta"] is None


@pytest.mark.parametrize("made", [_headers, naive], ids=["aware", "naive"])
def test_a_far_eta_stays_with_a_message_that_sqs_delays_for_as_long_as_it_can(made):
    headers = made(MAX_DELAY + 60)
    kept = headers["eta"]
    assert eta.take(headers) == MAX_DELAY
    assert headers["eta"] == kept


@pytest.mark.parametrize("given", [None, "", "noon", 5])
def test_without_an_eta_that_can_be_read_there_is_no_delay(given):
    headers = {"id": "1", "eta": given}
    assert eta.take(headers) == 0
    assert headers["eta"] == given


def test_a_delay_is_rounded_up_so_that_nothing_comes_too_early():
    assert eta.delay(time.time() + 4.2) == 5
    assert eta.delay(time.time() - 4.2) == 0
    assert eta.delay(time.time() + 4.2, longest=3) == 3


@pytest.mark.parametrize("text", [IN_AN_HOUR.isoformat(), NAIVE.isoformat(), ELSEWHERE.isoformat()])
@pytest.mark.parametrize(
    "parts",
    [
        pytest.param(lambda text: {"attributes": attributes(eta=text)}, id="ours"),
        pytest.param(lambda text: {"body": in_envelope(text)}, id="kombu's"),
        pytest.param(
            lambda text: {"body": base64.b64encode(in_envelope(text).encode()).decode()}, id="kombu's, base64"
        ),
    ],
)
def test_a_received_message_is_due_at_its_eta_which_is_utc_without_a_zone(parts, text):
    assert delivery(1, **parts(text)).due_at == IN_AN_HOUR.timestamp()


def test_a_copy_is_due_when_its_message_was():
    renewal = Renewal(message_id="first", sent_at=0, receives=3)
    one = delivery(1, attributes=attributes(eta=IN_AN_HOUR.isoformat()), renewal=renewal)
    assert (one.renewal, one.due_at) == (renewal, IN_AN_HOUR.timestamp())


@pytest.mark.parametrize(
    "parts",
    [
        {"body": '{"eta": "2099-01-01T12:00:00Z"}'},
        {"body": in_envelope(None)},
        {"body": "no base64"},
        {"body": "[["},
        {"body": '{"eta'},
        {"attributes": attributes(eta=None)},
        {"attributes": attributes(eta="noon")},
        {"attributes": attributes(eta={"at": "noon"})},
        {"attributes": attributes(note='"eta"')},
        {"attributes": {"celery_headers": {"DataType": "Binary", "BinaryValue": "AA=="}}},
        {"attributes": {"celery_headers": {"DataType": "String", "StringValue": '["eta"]'}}},
    ],
    ids=range(11),
)
def test_any_other_message_is_due_at_once(parts):
    one = delivery(1, **parts)
    assert (one.due_at, one.is_due, one.delay) == (0.0, True, 0)


def test_celery_takes_an_eta_without_a_zone_for_utc_too():
    """The reason for ours: where this changes, ours has to."""
    app = Celery("zones", set_as_current=False)
    app.conf.timezone = "Asia/Tokyo"
    headers = {"id": "i", "task": "t", "eta": NAIVE.isoformat()}
    message = virtual.Message({"headers": headers, "properties": {"delivery_tag": "1"}})
    request = Request(
        message, app=app, task=app.tasks["celery.group"], body=([], {}, {}), headers=headers, decoded=True
    )
    assert request.eta == IN_AN_HOUR
