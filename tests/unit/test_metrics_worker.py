"""What a worker counts: its tasks' attempts, its calls to SQS, and how it is."""

import pytest
from prometheus_client import REGISTRY, CollectorRegistry

from celery_sqs import metrics as sqs_metrics
from celery_sqs.monitor import metrics
from celery_sqs.monitor.task_events import TASK_EVENTS
from celery_sqs.tasks.decision import Kind

TASK = "a-task-of-these-tests"
ENDS = {"task-succeeded", "task-retried", "task-failed", "task-parked"}


@pytest.fixture
def gained():
    """A function that says by how much a sample has grown in this test."""
    before = {}
    for family in REGISTRY.collect():
        before.update(((sample.name, *sorted(sample.labels.items())), sample.value) for sample in family.samples)

    def gain(name, **labels):
        now = REGISTRY.get_sample_value(name, labels)
        return (now or 0) - before.get((name, *sorted(labels.items())), 0)

    return gain


def attempts(gained, outcome, task=TASK):
    return gained("task_attempts_total", task=task, outcome=outcome)


def test_a_success_is_counted_with_the_time_since_it_was_sent(gained):
    metrics.count("task-succeeded", 1000.25, {"name": TASK, "sent_at": 1000.0})
    assert attempts(gained, "succeeded") == 1
    assert gained("task_seconds_to_success_count", task=TASK) == 1
    assert gained("task_seconds_to_success_sum", task=TASK) == 0.25
    assert gained("task_seconds_to_success_bucket", task=TASK, le="0.1") == 0
    assert gained("task_seconds_to_success_bucket", task=TASK, le="0.25") == 1


def test_a_success_that_nobody_knows_the_sending_of_has_no_time(gained):
    metrics.count("task-succeeded", 1000.0, {"name": TASK, "sent_at": None})
    assert attempts(gained, "succeeded") == 1
    assert gained("task_seconds_to_success_count", task=TASK) == 0


def test_a_clock_that_is_behind_makes_no_negative_time(gained):
    metrics.observe(TASK, "succeeded", -0.5)
    assert gained("task_seconds_to_success_sum", task=TASK) == 0


@pytest.mark.parametrize("event", ["task-retried", "task-failed"])
@pytest.mark.parametrize("kind", [Kind.OWN, Kind.PERMANENT, Kind.LOST], ids=str)
def test_a_failed_attempt_is_counted_by_whose_fault_it_was(gained, event, kind):
    metrics.count(event, 1000.0, {"name": TASK, "sent_at": 1.0, "kind": kind.value})
    assert attempts(gained, kind.value) == 1
    assert gained("task_seconds_to_success_count", task=TASK) == 0


def test_a_call_that_is_parked_was_interrupted_by_an_outage(gained):
    metrics.count("task-parked", 1000.0, {"name": TASK})
    assert attempts(gained, "outage") == 1


def test_a_poison_message_cannot_make_series_of_its_own(gained):
    for name in ("made-up-1", "made-up-2", ""):
        metrics.count("task-failed", 1000.0, {"name": name, "kind": "poison"})
    assert attempts(gained, "poison", "unknown") == 3
    assert REGISTRY.get_sample_value("task_attempts_total", {"task": "made-up-1", "outcome": "poison"}) is None


@pytest.mark.parametrize("event", sorted(TASK_EVENTS.keys() - ENDS))
def test_no_other_event_ends_an_attempt(gained, event):
    metrics.count(event, 1000.0, {"name": TASK, "uuid": "1"})
    assert not any(attempts(gained, outcome) for outcome in metrics.OUTCOMES)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "ok"), (400, "refused"), (403, "refused"), (500, "failed"), (302, "failed"), (0, "failed")],
)
def test_a_call_is_counted_by_its_answer(gained, status, outcome):
    sqs_metrics.count_call("ReceiveMessage", status)
    assert gained("sqs_calls_total", action="ReceiveMessage", outcome=outcome) == 1


def test_the_gauges_are_those_of_the_report():
    report = {
        "outage": True,
        "paused": {"mail": True, "parcels": False},
        "queues": {
            "mail": {"in_flight": 3, "oldest_in_flight_seconds": 1.5, "seconds_since_last_poll": 7.25},
            "parcels": {"in_flight": 0, "oldest_in_flight_seconds": 0.0, "seconds_since_last_poll": 0.0},
        },
        "seconds_since_heartbeat": 0.5,
        "standstill_seconds": 0.0,
        "healthy": True,
    }
    registry = CollectorRegistry()
    registry.register(sqs_metrics.HealthGauges(lambda: report))
    assert {family.name: family.samples[0].value for family in registry.collect()} == {
        "sqs_in_flight_messages": 3,
        "sqs_oldest_in_flight_seconds": 1.5,
        "sqs_outage": 1,
        "sqs_queue_paused": 1,
        "sqs_last_poll_age_seconds": 7.25,
        "sqs_heartbeat_age_seconds": 0.5,
        "sqs_standstill_seconds": 0.0,
    }
    [in_flight] = [family for family in registry.collect() if family.name == "sqs_in_flight_messages"]
    by_queue = {sample.labels["queue"]: sample.value for sample in in_flight.samples}
    assert by_queue == {"mail": 3, "parcels": 0}
