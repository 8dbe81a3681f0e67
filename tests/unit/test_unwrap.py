"""SNS notifications and EventBridge's events around a message: opened where the queue says so, else refused by name."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given

from celery_sqs.dlq import decode_message
from celery_sqs.errors import Undecodable
from celery_sqs.message import exact_json, unwrap, wire
from celery_sqs.message.renewal import renewed
from celery_sqs.settings import ENVELOPES
from tests.unit.deliveries import delivery
from tests.unit.envelopes import exact
from tests.unit.samples import json_values

ORDER = '{"orderId": "7", "totalPrice": 99.90}'
READ = {"orderId": "7", "totalPrice": Decimal("99.90")}
TRACE = {"DataType": "String", "StringValue": "abc"}


def sns(message=ORDER, **changes):
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": "arn:aws:sns:us-west-2:123456789012:MyTopic",
            "Subject": "My First Message",
            "Message": message,
            "Timestamp": "2012-05-02T00:54:06.655Z",
            "SignatureVersion": "1",
            "Signature": "EXAMPLEw6JRN",
            "SigningCertURL": "https://sns.us-west-2.amazonaws.com/SimpleNotificationService-f3ec.pem",
            "UnsubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=Unsubscribe",
        }
        | changes
    )


def event(detail=ORDER):
    head = {
        "version": "0",
        "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        "detail-type": "order placed",
        "source": "shop",
        "account": "111122223333",
        "time": "2017-12-22T18:43:48Z",
        "region": "us-west-1",
        "resources": [],
    }
    return f'{json.dumps(head)[:-1]}, "detail": {detail}}}'


def call_of(body, envelope, attributes=None, task="a.task"):
    one = delivery(1, body=body, attributes=attributes, unwraps=unwrap.steps(envelope))
    payload = one.decoded(task, exact)
    return payload["call"][0][0], payload["headers"]


@pytest.mark.parametrize(
    ("envelope", "body"),
    [
        ("sns", sns()),
        ("sns", "\ufeff" + sns("\ufeff" + ORDER)),
        ("sns", ORDER),  # raw message delivery
        ("eventbridge", event()),
        ("eventbridge", ORDER),  # a rule that sends the detail alone
        (["sns", "eventbridge"], sns(event())),
        (["sns", "eventbridge"], sns()),
        (["sns", "eventbridge"], event()),
        (lambda body, attributes: (body.removeprefix("v1:"), attributes), "v1:" + ORDER),
    ],
)
def test_the_call_inside_is_read_with_all_its_digits(envelope, body):
    call, _ = call_of(body, envelope)
    assert call == READ
    assert str(call["totalPrice"]) == "99.90"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (sns(), "an SNS notification, and the queue is not configured for it: set its envelope to 'sns'"),
        (event(), "an EventBridge event, and the queue is not configured for it: set its envelope to 'eventbridge'"),
    ],
)
def test_without_a_setting_the_reason_names_the_envelope(body, reason):
    with pytest.raises(Undecodable, match=f"^{reason}"):
        call_of(body, None)
    assert decode_message("m", body, {}, "a.task", exact).error.startswith(reason)


def test_an_envelope_in_another_one_is_named_too():
    with pytest.raises(Undecodable, match=r"^an EventBridge event"):
        call_of(sns(event()), "sns")


def test_a_task_may_get_the_envelope_itself():
    call, _ = call_of(sns(), "plain")
    assert call["Message"] == ORDER


@pytest.mark.parametrize(
    "body",
    [
        '{"TopicArn": "arn:aws:sns:us-west-2:1:t"}',
        '{"detail-type": "order placed", "detail": {}}',
        '{"productName": "a \\"TopicArn\\": b"}',
    ],
)
@pytest.mark.parametrize("envelope", [None, "sns", "eventbridge"])
def test_an_object_that_only_has_a_key_of_an_envelope_is_an_argument(body, envelope):
    assert call_of(body, envelope)[0] == json.loads(body)


def test_the_attributes_of_a_notification_are_the_messages():
    given = {
        "celery_task": {"Type": "String", "Value": "another.task"},
        "celery_id": {"Type": "String", "Value": "the-id"},
        "celery_headers": {"Type": "String", "Value": '{"shop": 3}'},
        "trace": {"Type": "String", "Value": "abc"},
        "seal": {"Type": "Binary", "Value": "AAE="},
    }
    _, headers = call_of(sns(MessageAttributes=given), "sns")
    assert (headers["task"], headers["id"], headers["shop"]) == ("another.task", "the-id", 3)
    seal = {"DataType": "Binary", "BinaryValue": "AAE="}
    assert headers["message_attributes"] == {"trace": TRACE, "seal": seal}


def test_with_raw_delivery_they_are_outside():
    assert call_of(ORDER, "sns", {"trace": TRACE})[1]["message_attributes"] == {"trace": TRACE}


def test_a_call_of_ours_is_never_opened():
    ours = {"celery_task": {"DataType": "String", "StringValue": "another.task"}}
    for envelope in (None, "sns", ["sns", "eventbridge"]):
        call, headers = call_of(sns(), envelope, ours)
        assert (call["Message"], headers["task"]) == (ORDER, "another.task")


def test_an_eta_inside_is_waited_for():
    due = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    headers = {"celery_headers": {"Type": "String", "Value": json.dumps({"eta": due})}}
    one = delivery(1, body=sns(MessageAttributes=headers), unwraps=unwrap.steps("sns"))
    assert not one.is_due


def test_a_renewed_message_is_the_one_that_came():
    body = sns()
    one = delivery(1, body=body, attributes={"trace": TRACE}, unwraps=unwrap.steps("sns"))
    copy = renewed(one.message, one.next_renewal(records=True))
    assert copy["MessageBody"] == body
    assert copy["MessageAttributes"].keys() == {"trace", "celery_renewal"}


def _no_pair(body, attributes):
    return body


def _of_no_text(body, attributes):
    return b"{}", {}


def _broken(body, attributes):
    raise KeyError("key")


@pytest.mark.parametrize(
    ("envelope", "body", "reason"),
    [
        ("sns", sns(Type="SubscriptionConfirmation"), "an SNS SubscriptionConfirmation holds no call"),
        ("sns", sns(MessageAttributes={"a": {}}), "KeyError: 'Type'"),
        ("sns", sns(MessageAttributes=[1]), "AttributeError"),
        ("eventbridge", event('{"a": 1, "a": 2}'), 'an object names the key "a" twice'),
        (_broken, ORDER, "KeyError: 'key'"),
        (_no_pair, ORDER, "TypeError: what opens it has to return body and attributes"),
        (_of_no_text, ORDER, "TypeError: what opens it has to return body and attributes"),
    ],
)
def test_an_envelope_that_cannot_be_opened_is_poison_with_its_reason(envelope, body, reason):
    with pytest.raises(Undecodable, match=f"^its envelope cannot be opened: {reason}"):
        call_of(body, envelope)
    assert not delivery(1, body=body, unwraps=unwrap.steps(envelope)).due_at


@given(json_values)
def test_whatever_is_inside_is_a_call_or_undecodable(value):
    text = exact_json.dumps(value)
    for body in (sns(text), event(text), sns(event(text))):
        try:
            call_of(body, ["sns", "eventbridge"])
        except Undecodable:
            continue


def test_the_dlq_reads_through_the_same_envelope_and_shows_what_came():
    found = decode_message("m", sns(), {}, "a.task", exact, "sns")
    assert (found.error, list(found.call.args)) == ("", [READ])


def test_a_byte_order_mark_is_no_part_of_a_body():
    assert call_of("\ufeff" + ORDER, None)[0] == READ
    ours = {wire.TASK: {"DataType": "String", "StringValue": "a.task"}}
    assert call_of("\ufeff" + ORDER, None, ours)[0] == READ


def test_each_name_that_the_settings_take_is_known():
    assert set(ENVELOPES) == unwrap.BY_NAME.keys()
