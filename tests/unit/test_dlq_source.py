"""Of several work queues with one DLQ each has the dead messages that came from it."""

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.dlq.source import sharing, source_of
from celery_sqs.errors import CallFailed
from tests.unit.test_dlq_scan import DLQ, FakeSQS, a_message, all_of, released

ACCOUNT = "https://sqs.us-east-1.amazonaws.com/123456789012"


class FakeSource:
    """A work queue, whose DLQ may not be known."""

    def __init__(self, sqs_name, url=f"{ACCOUNT}/dead", error=None):
        self.sqs_name = sqs_name
        self._url = url
        self._error = error

    @property
    def url(self):
        if self._error:
            raise self._error
        return self._url


MAIL, PARCELS = FakeSource("mail"), FakeSource("parcels")


def came_from(name, number=1):
    attributes = {"DeadLetterQueueSourceArn": f"arn:aws:sqs:us-east-1:123456789012:{name}"} if name else {}
    return a_message(number) | {"Attributes": attributes}


@pytest.mark.parametrize(
    ("name", "source"), [("mail", MAIL), ("parcels", PARCELS), ("somebody-elses", MAIL), (None, MAIL)]
)
def test_what_came_from_none_of_them_is_the_first_ones(name, source):
    assert source_of(came_from(name), [MAIL, PARCELS]) is source


def test_those_with_another_dlq_or_none_do_not_count():
    elsewhere = FakeSource("invoices", f"{ACCOUNT}/dead-invoices")
    without = FakeSource("letters", error=CallFailed("has no DLQ", status=404))
    at_another_address = FakeSource("stamps", "http://localhost/123456789012/dead")
    spelled_otherwise = FakeSource("cards", f"{ACCOUNT}/%64ead/")
    among = [without, elsewhere, MAIL, at_another_address, spelled_otherwise]
    assert sharing(f"{ACCOUNT}/dead", among) == [MAIL, at_another_address, spelled_otherwise]


def test_nothing_is_taken_for_ones_own_while_sqs_cannot_be_asked():
    with pytest.raises(CallFailed):
        sharing(f"{ACCOUNT}/dead", [FakeSource("mail", error=CallFailed("no connection")), PARCELS])


class OnFake(DeadLetterQueue):
    """One of several with the same DLQ."""

    sqs = None

    def __init__(self, sqs, name, among):
        super().__init__(Endpoint("us-east-1"), f"http://q/0/{name}", DLQ, among=among)
        self.sqs = sqs
        among.append(self)


@pytest.mark.parametrize(("position", "own"), [(0, ["m0", "m2", "m4"]), (1, ["m1", "m3"])])
def test_a_scan_gives_what_is_the_queues_own_and_releases_all(position, own):
    names = ["mail", "parcels", "mail", "parcels", None]
    sqs = FakeSQS(*(came_from(name, number) for number, name in enumerate(names)))
    among = []
    for name in ("mail", "parcels"):
        OnFake(sqs, name, among)
    with among[position].scan() as scan:
        assert [message["MessageId"] for message in all_of(scan)] == own
    assert len(released(sqs)) == len(names)
