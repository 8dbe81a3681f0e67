"""What Celery's consumer says of messages that no task can take."""

import logging
from types import SimpleNamespace

import pytest
from celery import Celery

from celery_sqs.worker.consumer import Consumer
from tests.polling import poll
from tests.unit.deliveries import delivery
from tests.unit.owners import Events


class IdleConsumer(Consumer):
    """One without Celery's own beginning, which would connect; its app has no default task."""

    def __init__(self):
        self.app, self.hostname, self.default_task = Celery("consumer", set_as_current=False), "w@h", None
        self.released = []
        self.channel = SimpleNamespace(release=lambda *arguments: self.released.append(arguments), wake=lambda: None)
        self.event_dispatcher = Events()


@pytest.fixture
def consumer():
    return IdleConsumer()


@pytest.fixture
def message():
    one = delivery(1)
    channel = SimpleNamespace(in_flight={one.receipt_handle: one})
    return SimpleNamespace(
        channel=channel, delivery_tag=one.receipt_handle, headers={"task": "jobs.unheard_of", "id": "i"}
    )


def test_a_call_of_an_unknown_task_is_logged_and_released_also_where_no_task_records_it(consumer, message, caplog):
    with caplog.at_level(logging.ERROR):
        consumer.on_unknown_task(None, message, KeyError("jobs.unheard_of"))
    poll(lambda: consumer.released == [("handle-1", 0)], 2, "it is released")
    [(event, fields)] = poll(lambda: consumer.event_dispatcher.sent, 2, "it is reported")
    assert (event, fields["kind"], fields["name"]) == ("task-retried", "poison", ""), "and not by any name"
    [line] = caplog.messages
    assert "m1" in line
    assert "there is no task 'jobs.unheard_of' here" in line
