"""What SQS gets beside a message: as kombu does it, and refused by name where kombu drops it or SQS would."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from celery_sqs.errors import Unsendable
from celery_sqs.publish import parameters
from celery_sqs.tasks.task import SQSTask
from tests.unit.test_fast_path import Caller

STANDARD = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
FIFO = f"{STANDARD}.fifo"


def of(url, headers=None, **properties):
    return parameters.of(url, {"id": "the-id"} | (headers or {}), properties)


def due_in(seconds):
    return {"eta": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}


def test_a_call_that_asks_for_nothing_has_nothing_beside_it():
    assert of(STANDARD) == of(STANDARD, MessageGroupId=None, DelaySeconds=0) == {}


def test_a_standard_queue_takes_a_group():
    assert of(STANDARD, MessageGroupId="7") == {"MessageGroupId": "7"}


def test_a_standard_queue_finds_no_duplicates_and_a_call_that_wants_that_is_refused():
    with pytest.raises(Unsendable, match="MessageDeduplicationId: only a FIFO queue"):
        of(STANDARD, MessageDeduplicationId="7")


def test_a_fifo_queue_has_kombus_group_and_the_task_id_unless_the_call_says_otherwise():
    assert of(FIFO) == {"MessageGroupId": "default", "MessageDeduplicationId": "the-id"}
    ids = {"MessageGroupId": "7", "MessageDeduplicationId": "8"}
    assert of(FIFO, **ids) == ids


@pytest.mark.parametrize(
    "follows", [{"retries": 1}, {"replaced_task_nesting": 1}, {"retries": 1, "replaced_task_nesting": 1}]
)
def test_what_follows_a_task_under_its_id_is_no_duplicate_of_it(follows):
    plain = of(FIFO, {"retries": 0, "replaced_task_nesting": 0})["MessageDeduplicationId"]
    assert plain == "the-id" != of(FIFO, follows)["MessageDeduplicationId"]


@pytest.mark.parametrize("task_id", ["basket 4711", "a" * 129, "käse"])
def test_a_task_id_that_sqs_would_not_take_is_hashed(task_id):
    ids = {of(FIFO, {"id": task_id})["MessageDeduplicationId"] for _ in range(2)}
    assert re.fullmatch("[0-9a-f]{64}", *ids)


@pytest.mark.parametrize("name", ["MessageGroupId", "MessageDeduplicationId"])
@pytest.mark.parametrize("value", ["", " ", "a b", "ä", "a" * 129, 7, b"7", ["7"]])
@pytest.mark.parametrize("url", [STANDARD, FIFO])
def test_an_id_that_sqs_would_refuse_is_refused_by_name(url, name, value):
    with pytest.raises(Unsendable, match=name):
        of(url, **{name: value})


@pytest.mark.parametrize("name", ["DelaySeconds", "delay_seconds"])
def test_a_delay_has_kombus_names_and_the_longer_one_holds(name):
    assert of(STANDARD, **{name: 20}) == {"DelaySeconds": 20}
    assert of(STANDARD, **{name: 20.9}) == {"DelaySeconds": 20}
    assert of(STANDARD, due_in(10), **{name: 20}) == {"DelaySeconds": 20}
    assert of(STANDARD, due_in(100), **{name: 20})["DelaySeconds"] == pytest.approx(100, abs=1)


@pytest.mark.parametrize("value", [-1, 901, "20", True, float("nan")])
def test_a_delay_that_kombu_would_change_or_drop_is_refused(value):
    with pytest.raises(Unsendable, match="DelaySeconds"):
        of(STANDARD, DelaySeconds=value)


@pytest.mark.parametrize("seconds", [500, 5000, None])
def test_a_fifo_queue_delays_no_single_message_and_the_call_says_so(seconds):
    call = {"headers": due_in(seconds)} if seconds else {"DelaySeconds": 5}
    with pytest.raises(Unsendable, match="countdown, eta and DelaySeconds"):
        of(FIFO, **call)


def test_what_was_due_before_goes_to_a_fifo_queue():
    assert "MessageGroupId" in of(FIFO, due_in(-5))


CITY = {"DataType": "String", "StringValue": "Köln"}


class TestOfATask:
    @pytest.fixture
    def caller(self):
        return Caller()

    def test_a_function_of_the_arguments_gives_the_group(self, caller):
        def by_user(self, order, **_):
            return str(order["user"]) if order["user"] else None

        @caller.app.task(base=SQSTask, shared=False, message_group_id=by_user)
        def bill(order, note=""):
            """Send a bill."""

        bill.delay({"user": 7})
        bill.delay({"user": 8}, note="by Celery's own path")
        bill.delay({"user": None})
        bill.apply_async(({"user": 7},), MessageGroupId="of-the-call")
        bill.s({"user": 9}).set(expires=60).apply_async()
        groups = [beside.get("MessageGroupId") for _, _, beside in caller.channel.sent]
        assert groups == ["7", "8", None, "of-the-call", "9"]
        assert caller.channel.by_kombu == 2

    def test_a_function_of_the_arguments_gives_the_deduplication_id(self, caller):
        @caller.app.task(base=SQSTask, shared=False, message_deduplication_id=lambda self, order: order["id"])
        def bill(order):
            """Send a bill."""

        with pytest.raises(Unsendable, match="only a FIFO queue"):
            bill.delay({"id": "o1"})


class TestMessageAttributes:
    @pytest.fixture
    def caller(self):
        return Caller()

    def test_those_of_the_caller_travel_beside_ours(self, caller):
        given = {"city": CITY, "size": {"DataType": "Number.int", "StringValue": "5"}}
        data = {"data": {"DataType": "Binary.png", "BinaryValue": b"\x00\xff"}}
        _, message, _ = caller.sent_by({"a": 1}, message_attributes=given | data)
        _, without, _ = caller.sent_by({"a": 1})
        assert message.attributes.items() >= given.items()
        assert message.attributes["data"] == {"DataType": "Binary.png", "BinaryValue": "AP8="}
        assert message.attributes.keys() - without.attributes.keys() == {"city", "size", "data"}
        assert message.size > without.size + len("city" + "String" + "Köln")

    @pytest.mark.parametrize("count", [7, 8])
    def test_sqs_takes_ten_in_all(self, caller, count):
        given = {f"a{number}": CITY for number in range(count)}
        if count == 7:
            assert len(caller.sent_by({"a": 1}, message_attributes=given)[1].attributes) == 10
        else:
            with pytest.raises(Unsendable, match=r"8 beside 3 of Celery's \(celery_task, celery_id, celery_headers\)"):
                caller.store.apply_async(({"a": 1},), message_attributes=given)

    @pytest.mark.parametrize(
        "given",
        [
            ["city"],
            {"celery_task": CITY},
            {"": CITY},
            {"a b": CITY},
            {".a": CITY},
            {"a..b": CITY},
            {"AWS.x": CITY},
            {5: CITY},
            {"city": "Köln"},
            {"city": {"DataType": "Text", "StringValue": "x"}},
            {"city": {"DataType": "String"}},
            {"city": {"DataType": "String", "StringValue": ""}},
            {"city": {"DataType": "String", "StringValue": "\x00"}},
            {"city": {"DataType": "String", "BinaryValue": b"x"}},
            {"city": {"DataType": "Binary", "StringValue": "x"}},
            {"city": CITY | {"StringListValues": ["x"]}},
        ],
        ids=str,
    )
    def test_what_sqs_would_refuse_is_refused_by_name(self, caller, given):
        with pytest.raises(Unsendable, match="message_attributes"):
            caller.store.apply_async(({"a": 1},), message_attributes=given)
