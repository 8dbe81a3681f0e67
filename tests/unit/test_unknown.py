"""What order messages say that this version does not know: counted, and logged once for each name, up to a bound."""

import logging

import pytest
from celery.signals import task_received
from prometheus_client import REGISTRY

from tasks import unknown
from tasks.orders import PERSIST_ORDER
from tasks.unknown import MAX_NAME, MAX_NAMES, LoggedNames, begin_to_count, look_at, on_received
from tests.unit.samples import MESSAGE


@pytest.fixture
def counted():
    """A function that says what has been counted in this test: unknown fields, and unknown schemas."""

    def now():
        names = ("order_messages_unknown_fields_total", "order_messages_unknown_schemas_total")
        return [REGISTRY.get_sample_value(name) for name in names]

    before = now()
    return lambda: [after - earlier for after, earlier in zip(now(), before, strict=True)]


def version(text):
    return {"message_attributes": {"schema_version": {"DataType": "Number", "StringValue": text}}}


@pytest.mark.parametrize(
    ("message", "headers", "counts"),
    [
        (MESSAGE, {}, [0, 0]),
        (MESSAGE, version("1"), [0, 0]),
        (MESSAGE, {"message_attributes": {"other": {"DataType": "Number", "StringValue": "9"}}}, [0, 0]),
        (MESSAGE | {"currency": "EUR"}, {}, [1, 0]),
        (MESSAGE | {"currency": "EUR", "gift": True}, version("2"), [1, 1]),
        (MESSAGE, version("two"), [0, 1]),
        (MESSAGE, {"message_attributes": {"schema_version": "2"}}, [0, 1]),
        ("no object", {}, [0, 0]),
    ],
)
def test_each_message_is_counted_once(counted, message, headers, counts):
    look_at((message,), headers)
    assert counted() == counts


def test_a_call_without_arguments_has_none(counted):
    look_at((), {})
    assert counted() == [0, 0]


def test_each_name_is_logged_once_and_cut_and_no_more_than_so_many_are():
    logged = []
    names = LoggedNames(logged.append)
    for _ in range(3):
        for number in range(MAX_NAMES + 5):
            names.add(f"{number:02}" + "x" * 100)
    assert len(logged) == MAX_NAMES
    assert {len(name) for name in logged} == {MAX_NAME}


def test_ninety_thousand_unknown_keys_are_one_count_and_few_lines(counted, monkeypatch, caplog):
    monkeypatch.setattr(unknown, "_fields", LoggedNames(lambda name: logging.getLogger("here").warning("%s", name)))
    look_at((MESSAGE | {f"key{number}": number for number in range(90_000)},), {})
    assert counted() == [1, 0]
    assert len(caplog.records) == MAX_NAMES


def test_no_metric_has_a_name_from_outside(counted):
    look_at((MESSAGE | {"from-outside": 1},), version("from-outside"))
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples]
    assert counted() == [1, 1]
    assert not [sample for sample in samples if "from-outside" in str(sample.labels)]


class Request:
    def __init__(self, name):
        self.name, self.args, self.request_dict = name, (MESSAGE | {"currency": "EUR"},), {}


def test_a_worker_looks_at_each_order_that_it_receives(counted):
    task_received.send(sender="a worker", request=Request(PERSIST_ORDER))
    assert counted() == [0, 0], "only a worker looks"
    begin_to_count()
    try:
        task_received.send(sender="a worker", request=Request(PERSIST_ORDER))
        task_received.send(sender="a worker", request=Request("another.task"))
        assert counted() == [1, 0]
    finally:
        task_received.disconnect(on_received)
