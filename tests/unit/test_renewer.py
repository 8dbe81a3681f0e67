"""A copy is sent, and the message deleted once SQS has confirmed the copy: at no moment it is gone."""

import threading

import pytest
from botocore.exceptions import ReadTimeoutError
from prometheus_client import REGISTRY

from celery_sqs.aws.group_commit import MAX_ENTRIES
from celery_sqs.consume.delivery import State
from celery_sqs.consume.settling.renewer import Renewer
from celery_sqs.errors import Unsendable
from tests.polling import poll
from tests.unit.deliveries import SettlingSQS, delivery

LOST_ANSWER = ReadTimeoutError(endpoint_url="http://q")


class Stand:
    """A renewer on an SQS that answers as scripted, and what it says of its messages."""

    def __init__(self, *script):
        self.sqs = SettlingSQS(*script)
        self.sent, self.refused, self.late = [], [], []
        self.renewer = Renewer(self.sqs, "http://q", self.sent.append, self.refused.append, self.late.append)

    def renew(self, one, make=None):
        self.renewer.renew(one, make or (lambda: {"MessageBody": one.message["Body"]}), "stop")


def refused(entries):
    """What SQS says of a message that it does not take."""
    failed = [{"Id": entry["Id"], "Code": "InvalidMessageContents", "SenderFault": True} for entry in entries]
    return {"Failed": failed}


def test_a_message_is_deleted_only_after_its_copy_is_confirmed():
    confirm, one = threading.Event(), delivery(1)

    def confirm_late(entries):
        confirm.wait(5)
        return {"Successful": [{"Id": entry["Id"]} for entry in entries]}

    stand = Stand(confirm_late)
    stand.renew(one)
    poll(lambda: stand.sqs.sent, 2, "the copy is under way")
    assert stand.sent == []
    confirm.set()
    assert poll(lambda: stand.sent, 2, "it may be deleted") == [one]
    assert (stand.refused, stand.late) == ([], [])


def test_what_is_renewed_is_counted_for_its_queue():
    stand = Stand()
    for number, queue in enumerate(["mail", "reports", "mail"]):
        stand.renew(delivery(number, queue=queue))
    stand.renewer.close(timeout=5)
    counts = [
        REGISTRY.get_sample_value("sqs_renewed_messages_total", {"queue": queue, "reason": "stop"})
        for queue in ("mail", "reports")
    ]
    assert counts == [2, 1]


def test_copies_travel_in_batches_of_ten():
    stand = Stand()
    ones = [delivery(number, body=f'"{number}"') for number in range(40)]
    for one in ones:
        stand.renew(one)
    stand.renewer.close(timeout=5)
    assert [len(batch) for batch in stand.sqs.sent] == [MAX_ENTRIES] * 4
    assert {entry["MessageBody"] for batch in stand.sqs.sent for entry in batch} == {f'"{n}"' for n in range(40)}
    assert set(stand.sent) == set(ones)


def test_copies_that_are_too_large_together_travel_apart():
    stand = Stand()
    for number in range(3):
        stand.renew(delivery(number, body="x" * 600_000))
    stand.renewer.close(timeout=5)
    assert [len(batch) for batch in stand.sqs.sent] == [1, 1, 1]


@pytest.mark.parametrize(
    "failure", [LOST_ANSWER, ConnectionResetError(), lambda entries: {}], ids=["late", "reset", "empty"]
)
def test_a_copy_without_an_answer_is_sent_again(failure):
    stand, one = Stand(failure, failure), delivery(1)
    stand.renew(one)
    assert poll(lambda: stand.sent, 5, "a third try") == [one]
    assert len(stand.sqs.sent) == 3


def test_a_copy_that_sqs_refuses_is_not_sent_again_and_its_message_not_deleted(caplog):
    stand, one = Stand(refused), delivery(1)
    stand.renew(one)
    assert poll(lambda: stand.refused, 2, "it is refused") == [one]
    stand.renewer.close(timeout=5)
    assert (stand.sent, len(stand.sqs.sent)) == ([], 1)
    assert "m1: InvalidMessageContents" in caplog.text


def test_a_copy_that_cannot_be_made_is_refused_and_nothing_is_sent(caplog):
    stand, one = Stand(), delivery(1)

    def make():
        raise Unsendable("its copy has too many bytes")

    stand.renew(one, make)
    assert stand.refused == [one]
    stand.renewer.close(timeout=5)
    assert (stand.sqs.sent, stand.sent) == ([], [])
    assert "m1: its copy has too many bytes" in caplog.text


def test_of_a_batch_only_the_refused_are_refused():
    def refuse_first(entries):
        first, *others = entries
        return refused([first]) | {"Successful": [{"Id": entry["Id"]} for entry in others]}

    stand = Stand(refuse_first)
    ones = [delivery(number) for number in range(MAX_ENTRIES)]
    for one in ones:
        stand.renew(one)
    stand.renewer.close(timeout=5)
    assert (stand.refused, set(stand.sent)) == (ones[:1], set(ones[1:]))


@pytest.mark.parametrize("how", ["ended", "taken"])
def test_a_message_whose_lease_is_lost_is_left_to_whoever_has_it(how):
    stand = Stand()
    one = delivery(1, leased_for=-0.1) if how == "ended" else delivery(1)
    if how == "taken":
        one.advance(State.LOST)
    stand.renew(one)
    assert poll(lambda: stand.late, 2, "it is too late") == [one]
    assert (stand.sqs.sent, stand.sent, stand.refused) == ([], [], [])


def test_sending_again_ends_with_the_lease():
    stand, one = Stand(*[LOST_ANSWER] * 1000), delivery(1, leased_for=0.3)
    stand.renew(one)
    assert poll(lambda: stand.late, 5, "it is given up") == [one]
    assert len(stand.sqs.sent) < 10


def test_after_the_end_nothing_is_renewed_any_more():
    stand, one = Stand(), delivery(1)
    stand.renewer.close(timeout=1)
    stand.renew(one)
    assert stand.refused == [one]
