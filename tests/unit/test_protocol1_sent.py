"""An app with `task_protocol = 1`: its calls are those of Celery's protocol 1, and their messages as any others."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from celery import chain
from celery.signals import after_task_publish, before_task_publish

from celery_sqs.errors import Unsendable
from celery_sqs.message import exact_json, wire
from celery_sqs.message.protocol1 import of_published
from celery_sqs.publish.producer import producer
from tests.unit.envelopes import decode, received, request_of
from tests.unit.samples import MESSAGE
from tests.unit.test_fast_path import QUEUE, Caller

LATER = datetime(2099, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(params=[exact_json.SERIALIZER, "json"])
def caller(request):
    return Caller(request.param, task_protocol=1)


@pytest.fixture
def published():
    """Headers and body of each call, as Celery's signals have them."""
    found = []

    def listen(sender, headers, body, **_):
        found.append((headers, body))

    before_task_publish.connect(listen)
    after_task_publish.connect(listen)
    yield found
    before_task_publish.disconnect(listen)
    after_task_publish.disconnect(listen)


def arrived(caller):
    """The last message as a worker gets it."""
    _, message, _ = caller.channel.sent[-1]
    return decode(received(message.body, message.attributes), is_exact=lambda task: "exact" in caller.store.serializer)


def test_an_order_is_sent_as_in_protocol_2_by_celerys_own_path(caller):
    caller.store.apply_async((MESSAGE,), task_id="an-id")
    _, message, beside = caller.channel.sent[-1]
    assert caller.channel.by_kombu == 1
    assert set(message.attributes) == {wire.TASK, wire.TASK_ID, wire.HEADERS}
    assert json.loads(message.attributes[wire.HEADERS]["StringValue"]) == {"timelimit": [20, 15]}
    assert beside == {}
    request = request_of(arrived(caller))
    assert (request.task_name, request.id, request.args) == ("store", "an-id", [MESSAGE])


def test_listeners_see_the_body_of_protocol_1(caller, published):
    caller.store.apply_async((MESSAGE,), task_id="an-id")
    assert [(body["id"], body["task"]) for _, body in published] == [("an-id", "store")] * 2
    assert of_published(*published[-1]) == ("an-id", (MESSAGE,), {})


def test_all_that_protocol_1_carries_arrives(caller):
    signature = caller.store.si({"a": 1})
    caller.store.apply_async(
        kwargs={"order": {"c": "ü"}},
        link=signature,
        link_error=signature,
        chord=signature,
        group_id="g",
        group_index=3,
        retries=2,
        eta=LATER,
        expires=LATER,
        soft_time_limit=4.5,
        headers={"sentry-trace": "x"},
    )
    payload = arrived(caller)
    args, kwargs, embed = payload[wire.CALL]
    assert (args, kwargs) == ([], {"order": {"c": "ü"}})
    assert [each["task"] for each in (*embed["callbacks"], *embed["errbacks"], embed["chord"])] == ["store"] * 3
    request = request_of(payload)
    assert (request.group, request.group_index, request.eta, request.expires) == ("g", 3, LATER, LATER)
    assert request.time_limits == [20, 4.5]
    assert request.request_dict["headers"] == {"sentry-trace": "x"}
    assert request.request_dict["retries"] == 2


def test_sqs_waits_for_a_near_eta(caller):
    caller.store.apply_async((MESSAGE,), eta=datetime.now(UTC) + timedelta(seconds=60))
    assert caller.channel.sent[-1][2]["DelaySeconds"] == pytest.approx(60, abs=1)


def test_group_priority_and_attributes_travel_beside_it(caller):
    own = {"colour": {"DataType": "String", "StringValue": "red"}}
    caller.store.apply_async((MESSAGE,), MessageGroupId="7", message_attributes=own, priority=3)
    _, message, beside = caller.channel.sent[-1]
    assert (beside, message.attributes["colour"]) == ({"MessageGroupId": "7"}, own["colour"])
    assert arrived(caller)["properties"]["priority"] == 3


def test_the_rest_of_a_chain_is_a_callback(caller):
    step = caller.store.si({"a": 1})
    chain(step, step, step, app=caller.app).apply_async()
    _, _, embed = arrived(caller)[wire.CALL]
    assert (embed["chain"], len(embed["callbacks"])) == (None, 1)


def test_a_replaced_task_is_no_duplicate_of_itself_in_a_fifo_queue():
    caller = Caller(task_protocol=1)
    url = "https://sqs.eu-central-1.amazonaws.com/123456789012/o.fifo"
    caller.app.conf.update(sqs_queues={"o.fifo": url}, task_default_queue="o.fifo")
    for nesting in (0, 1):
        caller.store.apply_async((MESSAGE,), task_id="an-id", replaced_task_nesting=nesting)
    first, second = (beside["MessageDeduplicationId"] for _, _, beside in caller.channel.sent)
    assert first != second
    assert arrived(caller)["headers"]["replaced_task_nesting"] == 1


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"serializer": "pickle"}, "the body is 'application/x-python-serialize': this transport sends JSON"),
        ({"compression": "gzip"}, "the body is compressed"),
        ({"group_id": 7}, "group_id: 7 is not text"),
    ],
)
def test_what_is_not_sent_says_so_as_in_protocol_2(options, reason):
    for protocol in (1, 2):
        caller = Caller("json", task_protocol=protocol)
        with pytest.raises(Unsendable, match=f"^{reason}"):
            caller.store.apply_async((MESSAGE,), **options)


def test_a_message_that_is_no_task_call_says_so(caller):
    with pytest.raises(Unsendable, match=r"^it is no task call"):
        producer(caller.app).publish({"a": 1}, routing_key=QUEUE, serializer="json")
