"""The numbers of queues and workers: each that contradicts another is named, and their consequences are reported."""

import dataclasses

import pytest

from celery_sqs.aws.queue import QueueFacts, read_facts
from celery_sqs.errors import CallFailed
from celery_sqs.worker.contradictions import contradictions
from celery_sqs.worker.limits import Limits
from celery_sqs.worker.preflight import examine
from celery_sqs.worker.timeline import timeline

DAY = 24 * 60 * 60
ARN = "arn:aws:sqs:eu-central-1:123456789012:"
URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/"

LIMITS = Limits(soft_time_limit=15, time_limit=20, backoff_base=1, backoff_cap=60)
QUEUE = QueueFacts(
    visibility_timeout=30,
    max_receive_count=3,
    dlq_arn=f"{ARN}orders-dlq",
    retention=DAY,
    receive_wait=20,
    arn=f"{ARN}orders",
)
DLQ = dataclasses.replace(QUEUE, max_receive_count=None, dlq_arn=None, retention=14 * DAY, arn=f"{ARN}orders-dlq")


def queue(**changes):
    return dataclasses.replace(QUEUE, **changes)


def dlq(**changes):
    return dataclasses.replace(DLQ, **changes)


def limits(**changes):
    return dataclasses.replace(LIMITS, **changes)


@pytest.mark.parametrize(
    "dlq_url",
    [None, f"{URL}orders-dlq", f"{URL}orders%2Ddlq", "http://127.0.0.1:4566/123456789012/orders-dlq/"],
)
def test_numbers_that_go_together_do_not_contradict_each_other(dlq_url):
    assert contradictions(QUEUE, DLQ, LIMITS, dlq_url) == []


@pytest.mark.parametrize(
    ("pair", "parts"),
    [
        ((queue(max_receive_count=None, dlq_arn=None), None, LIMITS), ["orders has no RedrivePolicy", "1 day old"]),
        ((QUEUE, None, LIMITS), ["orders has", QUEUE.dlq_arn, "does not exist"]),
        ((QUEUE, DLQ, LIMITS, f"{URL}others"), ["orders has", QUEUE.dlq_arn, f"the settings name {URL}others"]),
        ((QUEUE, DLQ, LIMITS, f"{URL[:-2]}9/orders-dlq"), ["orders has", QUEUE.dlq_arn, "9/orders-dlq"]),
        ((queue(max_receive_count=1), DLQ, LIMITS), ["orders has maxReceiveCount 1", "raise"]),
        ((queue(visibility_timeout=20), DLQ, LIMITS), ["orders has VisibilityTimeout 20 s", "20 s (task_time_limit)"]),
        ((queue(visibility_timeout=19), DLQ, LIMITS), ["orders has VisibilityTimeout 19 s", "20 s (task_time_limit)"]),
        ((QUEUE, DLQ, limits(soft_time_limit=20)), ["task of orders", "20 s (task_soft_time_limit)", "lower"]),
        ((QUEUE, dlq(retention=DAY), LIMITS), ["orders-dlq has MessageRetentionPeriod 86400 s", "orders, 86400 s"]),
        ((QUEUE, dlq(max_receive_count=9, dlq_arn=f"{ARN}next"), LIMITS), ["orders-dlq is a DLQ", "9", f"{ARN}next"]),
        ((QUEUE, DLQ, limits(visibility_timeout=60)), ["orders has VisibilityTimeout 30 s", "visibility_timeout 60 s"]),
        ((QUEUE, DLQ, limits(receive_wait=5)), ["ReceiveMessageWaitTimeSeconds 20 s", "wait_time_seconds 5 s"]),
        ((queue(receive_wait=0), DLQ, LIMITS), ["orders has ReceiveMessageWaitTimeSeconds 0", "20"]),
        ((queue(retention=239), DLQ, LIMITS), ["orders has MessageRetentionPeriod 239 s", "60 s of it (backoff_cap)"]),
        (
            (queue(retention=399, visibility_timeout=100), DLQ, LIMITS),
            ["orders has MessageRetentionPeriod 399 s", "100 s of it (VisibilityTimeout)", "to 400 s"],
        ),
    ],
)
def test_a_contradiction_is_one_sentence_that_names_queue_and_numbers_and_what_to_change(pair, parts):
    [sentence] = contradictions(*pair)
    assert [part for part in parts if part not in sentence] == []
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert any(change in sentence for change in ("create", "correct", "give", "lower", "raise", "remove", "set"))


def test_all_contradictions_are_told_at_once():
    found = contradictions(
        queue(max_receive_count=1, visibility_timeout=1, receive_wait=0),
        dlq(retention=60, dlq_arn=f"{ARN}next"),
        limits(soft_time_limit=99),
        f"{URL}others",
    )
    assert len(found) == len(set(found)) == 7


def test_the_time_line_says_what_the_numbers_mean_and_what_sets_them():
    assert timeline(QUEUE, DLQ, LIMITS).splitlines() == [
        "orders -> orders-dlq",
        (
            "  failing message  3 attempts (maxReceiveCount), with pauses of up to 1 s, 2 s"
            " (backoff_base 1 s, doubled, backoff_cap 60 s, full jitter)"
        ),
        "  one attempt      asked to end after 15 s (task_soft_time_limit), killed after 20 s (task_time_limit)",
        "  in the DLQ       after up to 3 s of pauses, and the attempts; without pauses where the failure is permanent",
        (
            "  killed worker    costs each message in flight up to 30 s (VisibilityTimeout),"
            " and an attempt where its task keeps no record of attempts"
        ),
        (
            "  outage           costs no attempt; where its task keeps no record,"
            " one for each 12 hours (SQS's longest lease)"
        ),
        "  old message      renewed when it is 12 hours old, also in an outage; lost at 1 day if no worker runs",
        "  kept             1 day in the queue, 14 days in the DLQ, from when it was sent (MessageRetentionPeriod)",
    ]


def test_the_time_line_of_a_fifo_queue_says_that_its_messages_are_not_renewed():
    fifo = queue(arn=f"{ARN}orders.fifo", retention=100)
    assert contradictions(fifo, DLQ, LIMITS) == []
    assert "old message      lost when it is 1 minute 40 seconds old" in timeline(fifo, DLQ, LIMITS)
    assert "FIFO             keeps the order within a group; gives up countdown, eta and renewal" in timeline(
        fifo, DLQ, LIMITS
    )
    assert "FIFO" not in timeline(QUEUE, DLQ, LIMITS)


@pytest.mark.parametrize(
    ("receives", "pauses", "sum_of_pauses"),
    [
        (1, "0 s", "0 s"),
        (2, "1 s", "1 s"),
        (8, "1 s, 2 s, 4 s, 8 s, 16 s, 32 s, 60 s", "2 minutes 3 seconds"),
        (9, "1 s, 2 s, 4 s, 8 s, 16 s, 32 s, 60 s each", "3 minutes 3 seconds"),
        (1000, "1 s, 2 s, 4 s, 8 s, 16 s, 32 s, 60 s each", "16 hours 34 minutes"),
    ],
)
def test_pauses_double_up_to_their_cap(receives, pauses, sum_of_pauses):
    text = timeline(queue(max_receive_count=receives), DLQ, LIMITS)
    assert f"{receives} attempts (maxReceiveCount), with pauses of up to {pauses} (" in text
    assert f"after up to {sum_of_pauses} of pauses" in text


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"soft_time_limit": None}, "killed after 20 s (task_time_limit)"),
        ({"time_limit": None}, "asked to end after 15 s (task_soft_time_limit)"),
        (
            {"soft_time_limit": None, "time_limit": None},
            "may take as long as SQS's longest lease, 12 hours: it has no time limit",
        ),
    ],
    ids=["no soft limit", "no hard limit", "none"],
)
def test_no_time_limits_are_valid_and_said_to_be_none(changes, line):
    assert contradictions(QUEUE, DLQ, limits(**changes)) == []
    assert f"  one attempt      {line}" in timeline(QUEUE, DLQ, limits(**changes)).splitlines()


class Answering:
    """An SQS that answers every question about a queue with the same."""

    def __init__(self, answer):
        self._answer = answer

    def get_queue_attributes(self, **parameters):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize(
    "answer",
    [
        CallFailed(f"{URL}orders", "AccessDenied", 403),
        CallFailed(f"{URL}orders", "InternalError", 500),
        CallFailed(f"{URL}orders"),
        {},
        {"Attributes": {"VisibilityTimeout": "soon"}},
        {"Attributes": {"VisibilityTimeout": "30", "RedrivePolicy": "<html>"}},
    ],
    ids=["no rights", "fault", "reset", "nothing", "no number", "no JSON"],
)
def test_an_sqs_that_does_not_tell_is_out_of_reach_and_contradicts_nothing(answer):
    with pytest.raises(CallFailed, match=f"{URL}orders"):
        examine(Answering(answer), "orders", f"{URL}orders", None, LIMITS)


def test_facts_that_an_emulator_leaves_out_have_the_defaults_of_sqs():
    facts = read_facts(Answering({"Attributes": {"VisibilityTimeout": "30"}}), f"{URL}orders")
    assert (facts.max_receive_count, facts.dlq_arn) == (None, None)
    assert (facts.retention, facts.receive_wait) == (4 * DAY, 0)
    assert facts.name == "orders"
