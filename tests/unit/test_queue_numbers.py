"""What SQS says of a queue, in words with units."""

import pytest

from celery_sqs.aws.duration import span
from celery_sqs.aws.queue_numbers import read


def test_attributes_are_told_in_words_with_units():
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:r:0:dlq", "maxReceiveCount": "3"}'
    told = read("u/q", {"VisibilityTimeout": "90", "RedrivePolicy": policy, "CreatedTimestamp": "0", "New": "x"})
    assert {each.name: each.text for each in told.attributes} == {
        "VisibilityTimeout": "90 s (1 minute 30 seconds)",
        "RedrivePolicy": "after 3 receives to arn:aws:sqs:r:0:dlq",
        "CreatedTimestamp": "1970-01-01 00:00:00 UTC",
        "New": "x",
    }


def test_what_cannot_be_read_is_shown_as_it_came():
    told = read("u/q", {"VisibilityTimeout": "soon", "RedrivePolicy": "[]"})
    assert {each.text for each in told.attributes} == {"soon", "[]"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.09, "90 ms"), (59, "59 s"), (60, "1 minute"), (86_400, "1 day"), (108_000, "1 day 6 hours")],
)
def test_spans_are_said_as_people_do(seconds, text):
    assert span(seconds) == text
