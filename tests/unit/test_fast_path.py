"""The fast path of a call makes the message that Celery's own path makes, and takes no call that needs more."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from celery import Celery
from celery.signals import after_task_publish, before_task_publish
from hypothesis import example, given
from hypothesis import strategies as st
from kombu.exceptions import EncodeError
from kombu.serialization import registry

import celery_sqs
from celery_sqs.consume.transport import Channel, Transport
from celery_sqs.errors import Unsendable
from celery_sqs.message import exact_json
from celery_sqs.message.envelope import CELERYS
from celery_sqs.publish.interception import MONITOR
from celery_sqs.publish.producer import producer
from celery_sqs.tasks.task import SQSTask
from tests.unit.samples import MESSAGE, json_values

#: An option that changes nothing on SQS, but that only Celery's own path knows.
CELERYS_OWN_WAY = {"mandatory": False}

QUEUE = "orders"


class KeepingChannel(Channel):
    """Keeps what would be sent, and whether kombu has brought it."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.sent, self.by_kombu = [], 0

    def _put(self, queue, message, **kwargs):
        self.by_kombu += 1
        super()._put(queue, message, **kwargs)

    def send(self, queue, message, beside):
        self.sent.append((queue, message, beside))


class KeepingTransport(Transport):
    Channel = KeepingChannel


class Caller:
    """An application with a task, and what its calls send."""

    def __init__(self, serializer=exact_json.SERIALIZER, app=None, **settings):
        urls = {name: f"https://sqs.eu-central-1.amazonaws.com/123456789012/{name}" for name in (QUEUE, "other")}
        self.app = app or Celery("direct", set_as_current=False)
        celery_sqs.setup(self.app, queues=urls)
        self.app.conf.update(broker_transport="tests.unit.test_fast_path:KeepingTransport", **settings)

        @self.app.task(serializer=serializer, name="store", time_limit=20, soft_time_limit=15, shared=False)
        def store(order):
            return order

        self.store = store

    @property
    def channel(self):
        return producer(self.app).channel

    def sent_by(self, value, **options):
        """The last message of a call, with its queue and what is beside it; or how it was refused."""
        try:
            self.store.apply_async((value,), **options)
        except (Unsendable, EncodeError):
            return "refused"
        return self.channel.sent[-1]


@pytest.fixture
def caller():
    return Caller()


COMPARED = [Caller(), Caller("json")]

own_names = st.text(max_size=5).filter(lambda name: name not in CELERYS)  # others are left to Celery's own way
keys = st.text(max_size=5) | st.integers() | st.none() | st.booleans()


@pytest.mark.parametrize("compared", COMPARED, ids=["exact", "json"])
@given(
    value=st.dictionaries(keys, json_values, max_size=4),
    headers=st.none() | st.dictionaries(own_names, json_values, max_size=2),
)
@example(value=MESSAGE, headers={"request_id": "r-1", "traceparent": None})
@example(value={"price": Decimal("99.90"), "name": "☕ \ufffe"}, headers={"note": "☕"})
@example(value={1: "a number", "1": "its text"}, headers=None)
@example(value={"nan": float("nan")}, headers=None)
@example(value={"set": {1}}, headers=None)
@example(value={"at": datetime(2026, 1, 24, 12, tzinfo=UTC), "float": 0.1}, headers=None)
@example(value={"__type__": "uuid", "__value__": "no uuid"}, headers=None)
@example(value={"__type__": "decimal", "__value__": "1.50"}, headers=None)
@example(value={"long": "x" * 1024 * 1024}, headers=None)
def test_the_message_is_the_one_that_celery_would_make(compared, value, headers):
    by_kombu = compared.channel.by_kombu
    short = compared.sent_by(value, task_id="the-id", headers=headers)
    assert compared.channel.by_kombu == by_kombu
    assert short == compared.sent_by(value, task_id="the-id", headers=headers, **CELERYS_OWN_WAY)


@pytest.mark.parametrize("ids", [{"MessageGroupId": "7"}, {"MessageGroupId": None}, {"MessageGroupId": 7}])
@pytest.mark.parametrize("compared", COMPARED, ids=["exact", "json"])
def test_a_group_goes_the_fast_way_and_makes_no_difference(compared, ids):
    by_kombu = compared.channel.by_kombu
    short = compared.sent_by({"a": 1}, task_id="the-id", **ids)
    assert compared.channel.by_kombu == by_kombu
    assert short == compared.sent_by({"a": 1}, task_id="the-id", **ids, **CELERYS_OWN_WAY)


@pytest.mark.parametrize("data_type", ["Number", "of no type"])
@pytest.mark.parametrize("compared", COMPARED, ids=["exact", "json"])
def test_attributes_of_the_caller_go_the_fast_way_and_make_no_difference(compared, data_type):
    by_kombu = compared.channel.by_kombu
    theirs = {"message_attributes": {"schema_version": {"DataType": data_type, "StringValue": "1"}}}
    short = compared.sent_by({"a": 1}, task_id="the-id", **theirs)
    assert compared.channel.by_kombu == by_kombu
    assert short == compared.sent_by({"a": 1}, task_id="the-id", **theirs, **CELERYS_OWN_WAY)


def test_the_attributes_of_a_task_are_in_each_of_its_messages(caller):
    @caller.app.task(base=SQSTask, shared=False, message_attributes={"v": {"DataType": "Number", "StringValue": "1"}})
    def versioned(value):
        """Takes one argument."""

    theirs = {"message_attributes": {"shop": {"DataType": "String", "StringValue": "x"}}}
    versioned.delay({})
    versioned.delay(value={})
    versioned.apply_async(({},), **theirs)
    versioned.apply_async(({},), **theirs, **CELERYS_OWN_WAY)
    versioned.s({}).apply_async()
    own = [
        {name: value["StringValue"] for name, value in message.attributes.items() if not name.startswith("celery_")}
        for _, message, _ in caller.channel.sent
    ]
    assert own == [{"v": "1"}, {"v": "1"}, {"v": "1", "shop": "x"}, {"v": "1", "shop": "x"}, {"v": "1"}]
    assert len({message.size for _, message, _ in caller.channel.sent[:1]}) == 1


def test_a_call_without_an_id_gets_one_of_its_own(caller):
    first, second = caller.store.delay({}), caller.store.delay({})
    ids = [message.attributes["celery_id"]["StringValue"] for _, message, _ in caller.channel.sent]
    assert ids == [first.id, second.id]
    assert first.id != second.id


def test_the_monitor_is_told_that_a_message_was_sent(caller, monkeypatch):
    signals = []

    def listen(sender, headers, body, routing_key, **_):
        signals.append((sender, headers["id"], body[0], routing_key))

    monkeypatch.setattr(after_task_publish, "receivers", [])  # whatever app was set up before
    after_task_publish.connect(listen, dispatch_uid=MONITOR)
    try:
        result = caller.store.delay({"orderId": "x"})
    finally:
        after_task_publish.disconnect(listen, dispatch_uid=MONITOR)
    assert signals == [("store", result.id, ({"orderId": "x"},), QUEUE)]
    assert caller.channel.by_kombu == 0


def test_a_task_that_takes_other_arguments_says_so_before_anything_is_sent(caller):
    @caller.app.task(base=SQSTask, shared=False)
    def nothing():
        """Takes no argument."""

    with pytest.raises(TypeError):
        nothing.delay({})
    assert caller.channel.sent == []


def test_a_task_whose_limits_celery_refuses_is_called_by_nobody(caller):
    @caller.app.task(base=SQSTask, shared=False, time_limit=10, soft_time_limit=20)
    def contradictory(value):
        """Takes one argument."""

    for value in ({}, 1):
        with pytest.raises(ValueError, match="soft_time_limit must be less"):
            contradictory.delay(value)
    assert caller.channel.sent == []


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda task: task.delay(order={}), id="by keyword"),
        pytest.param(lambda task: task.delay(["an array"]), id="with an array"),
        pytest.param(lambda task: task.apply_async(({},), countdown=60), id="with a countdown"),
        pytest.param(lambda task: task.apply_async(({},), queue="other"), id="to another queue"),
        pytest.param(lambda task: task.apply_async(({},), expires=60), id="that expires"),
        pytest.param(lambda task: task.apply_async(({},), headers={"root_id": "r"}), id="with a header of Celery's"),
        pytest.param(lambda task: task.apply_async(({},), link=task.s()), id="with a link"),
    ],
)
def test_what_asks_for_more_goes_celerys_own_way(caller, call):
    call(caller.store)
    assert caller.channel.by_kombu == 1


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda caller, **options: caller.store.apply_async(({},), **options), id="of a task"),
        pytest.param(lambda caller, **options: caller.app.send_task("store", ({},), **options), id="by name"),
    ],
)
def test_what_is_shown_of_the_arguments_travels_where_the_caller_gives_it(caller, call):
    call(caller, producer=producer(caller.app), kwargsrepr="{hidden}")
    call(caller, producer=producer(caller.app))
    given, none = (message.attributes["celery_headers"]["StringValue"] for _, message, _ in caller.channel.sent)
    assert ('"kwargsrepr":"{hidden}"' in given, '"argsrepr"' in given, "repr" in none) == (True, False, False)


def test_a_call_from_inside_a_task_names_its_parent(caller):
    @caller.app.task(base=SQSTask, shared=False)
    def outer():
        caller.store.delay({})

    outer.apply(task_id="the-parent")
    [(_, message, _)] = caller.channel.sent
    assert '"parent_id":"the-parent"' in message.attributes["celery_headers"]["StringValue"]


def test_who_changes_messages_before_they_are_sent_still_does(caller):
    def stamp(headers, **_):
        headers["stamp"] = "changed"

    before_task_publish.connect(stamp)
    try:
        caller.store.delay({})
    finally:
        before_task_publish.disconnect(stamp)
    [(_, message, _)] = caller.channel.sent
    assert '"stamp":"changed"' in message.attributes["celery_headers"]["StringValue"]


def test_an_application_that_has_a_json_of_its_own_goes_celerys_own_way():
    kombu_json = registry._encoders["json"]
    registry._encoders["json"] = kombu_json._replace(encoder=lambda value: json.dumps(value, sort_keys=True))
    try:
        caller = Caller("json")
        caller.store.delay({"b": 1, "a": 2})
    finally:
        registry._encoders["json"] = kombu_json
    [(_, message, _)] = caller.channel.sent
    assert (message.body, caller.channel.by_kombu) == ('{"a": 2, "b": 1}', 1)


def test_routes_are_followed():
    caller = Caller(task_routes={"store": {"queue": "other"}})
    caller.store.delay({})
    [(queue, _, _)] = caller.channel.sent
    assert queue == "other"


def test_an_eager_application_runs_its_tasks_at_once():
    caller = Caller(task_always_eager=True)
    assert caller.store.delay({"orderId": "x"}).get() == {"orderId": "x"}
    assert caller.channel.sent == []
