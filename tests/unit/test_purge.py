"""A queue is purged where a setting allows it; otherwise, and where SQS does not do it, one line says why."""

import pytest
from celery import Celery

import celery_sqs
from celery_sqs.aws.purge import purge
from celery_sqs.errors import CallFailed, Unpurgeable

URL = "https://sqs.eu-central-1.amazonaws.com/123456789012/mail"


class CountingSQS:
    """A queue with messages, which refuses as it is given."""

    def __init__(self, refusal=None, **attributes):
        self._refusal, self._attributes, self.purged = refusal, attributes, []

    def get_queue_attributes(self, QueueUrl, AttributeNames):  # noqa: N803
        return {"Attributes": {name: self._attributes[name] for name in AttributeNames if name in self._attributes}}

    def purge_queue(self, QueueUrl):  # noqa: N803
        if self._refusal:
            raise self._refusal
        self.purged.append(QueueUrl)
        return {}


def test_it_deletes_what_waits_what_is_in_flight_and_what_is_delayed_and_counts_them():
    sqs = CountingSQS(
        ApproximateNumberOfMessages="3",
        ApproximateNumberOfMessagesNotVisible="2",
        ApproximateNumberOfMessagesDelayed="1",
        VisibilityTimeout="30",
    )
    assert purge(sqs, URL) == 6
    assert sqs.purged == [URL]


@pytest.mark.parametrize("code", ["PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress"])
def test_a_purge_too_soon_says_how_often_sqs_does_it(code):
    with pytest.raises(CallFailed, match=r"^SQS purges a queue once in 60 seconds"):
        purge(CountingSQS(CallFailed("PurgeQueue: 403", code, 403)), URL)


def test_any_other_refusal_is_sqss_own():
    with pytest.raises(CallFailed, match=r"^PurgeQueue: 403 AccessDenied"):
        purge(CountingSQS(CallFailed("PurgeQueue: 403 AccessDenied", "AccessDenied", 403)), URL)


@pytest.fixture
def app():
    one = Celery("shop", set_as_current=False)
    celery_sqs.setup(one, queues={"mail": URL}, access_key=("key", "secret"), endpoint_url="http://127.0.0.1:1")
    yield one
    one.close()


@pytest.mark.parametrize("name", ["purge", "discard_all"])
def test_unless_it_is_allowed_it_is_refused_in_one_line_that_names_the_setting(app, name):
    with pytest.raises(Unpurgeable, match=r"^mail is not purged: .*; sqs_purge_allowed is not set$"):
        getattr(app.control, name)()


def test_where_sqs_cannot_be_asked_the_error_is_one_line_of_the_same_kind(app):
    app.conf.sqs_purge_allowed = True
    with pytest.raises(Unpurgeable, match=r"^mail is not purged: GetQueueAttributes ") as raised:
        app.control.purge()
    assert "\n" not in str(raised.value)
