"""A scan of a DLQ on an SQS that fails in all its ways."""

import threading
from collections import Counter

import pytest

from celery_sqs.aws.batch_call import Failure
from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.aws.group_commit import MAX_BATCH_BYTES
from celery_sqs.dlq import queue as module
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.errors import CallFailed
from celery_sqs.message.outgoing import resent
from celery_sqs.message.renewal import Renewal, renewed

DLQ, WORK = "http://q/0/dlq", "http://q/0/work"

AWAY = CallFailed(f"ReceiveMessage {DLQ}: no connection")
DENIED = CallFailed(f"ReceiveMessage {DLQ}: no right to it", "AccessDenied", 403)


class FakeSQS:
    """A DLQ in memory.

    Attributes:
        troubles: by action, what is raised or answered before it works.
        calls: all entries that were sent, deleted or changed, by action.
    """

    def __init__(self, *messages):
        self._visible = list(messages)
        self._lock = threading.Lock()
        self.troubles = {}
        self.calls = {"send": [], "delete": [], "change": []}

    def receive_message(self, **parameters):
        self._meet("receive")
        with self._lock:
            taken, self._visible = self._visible[:10], self._visible[10:]
        return {"Messages": taken} if taken else {}

    def send_message_batch(self, **parameters):
        assert parameters["QueueUrl"] == WORK
        return self._batch("send", parameters["Entries"])

    def delete_message_batch(self, **parameters):
        assert parameters["QueueUrl"] == DLQ
        return self._batch("delete", parameters["Entries"])

    def change_message_visibility_batch(self, **parameters):
        assert parameters["QueueUrl"] == DLQ
        return self._batch("change", parameters["Entries"])

    def _batch(self, action, entries):
        with self._lock:
            self.calls[action].append(entries)
        answer = self._meet(action)
        if answer:
            return answer(entries)
        return {"Successful": [{"Id": each["Id"], "MessageId": f"new-{each['Id']}"} for each in entries]}

    def _meet(self, action):
        with self._lock:
            trouble = self.troubles[action].pop(0) if self.troubles.get(action) else None
        if isinstance(trouble, Exception):
            raise trouble
        return trouble


class OnFake(DeadLetterQueue):
    sqs = None

    def __init__(self, sqs):
        super().__init__(Endpoint("us-east-1"), WORK, DLQ)
        self.sqs = sqs


def a_message(number, body="{}", **attributes):
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"handle-{number}",
        "Body": body,
        "MessageAttributes": attributes,
    }


def refusal(code, at_fault):
    def answer(entries):
        return {"Failed": [{"Id": each["Id"], "Code": code, "SenderFault": at_fault} for each in entries]}

    return answer


def all_of(scan):
    return [message for messages in scan for message in messages]


def released(sqs):
    entries = [entry for batch in sqs.calls["change"] for entry in batch]
    assert all(entry["VisibilityTimeout"] == 0 for entry in entries)
    return Counter(entry["ReceiptHandle"] for entry in entries)


def test_a_scan_sees_all_and_releases_it_in_batches():
    sqs = FakeSQS(*map(a_message, range(25)))
    with OnFake(sqs).scan() as scan:
        assert sorted(message["MessageId"] for message in all_of(scan)) == sorted(f"m{n}" for n in range(25))
        assert scan.complete
        assert not sqs.calls["change"]
    assert released(sqs) == Counter(f"handle-{n}" for n in range(25))
    assert len(sqs.calls["change"]) == 3


def test_a_message_that_comes_twice_is_seen_once_and_released_by_its_last_handle():
    again = a_message(1) | {"ReceiptHandle": "handle-later"}
    sqs = FakeSQS(*map(a_message, range(10)), again)
    with OnFake(sqs).scan() as scan:
        assert len(all_of(scan)) == 10
    assert len(released(sqs)) == 10


def test_a_scan_that_ends_early_releases_what_is_still_on_its_way():
    sqs = FakeSQS(*map(a_message, range(80)))
    with OnFake(sqs).scan() as scan:
        next(iter(scan))
    assert not scan.complete
    received = 80 - len(sqs._visible)
    assert sum(released(sqs).values()) == received


def test_a_scan_has_a_time_limit():
    sqs = FakeSQS(*map(a_message, range(500)))
    with OnFake(sqs).scan(seconds=0) as scan:
        assert len(all_of(scan)) == 80
    assert not scan.complete


def test_a_receive_that_fails_for_a_moment_is_tried_again():
    sqs = FakeSQS(a_message(1))
    sqs.troubles["receive"] = [AWAY, AWAY]
    with OnFake(sqs).scan() as scan:
        assert len(all_of(scan)) == 1
        assert scan.complete


@pytest.mark.parametrize("troubles", [[AWAY] * 100, [DENIED]], ids=["away", "denied"])
def test_a_queue_that_cannot_be_asked_is_out_of_reach_and_nothing_is_kept(troubles, monkeypatch):
    monkeypatch.setattr(module, "DEADLINE", 0.5)
    sqs = FakeSQS(*map(a_message, range(70)))
    sqs.troubles["receive"] = troubles
    with pytest.raises(CallFailed, match=DLQ), OnFake(sqs).scan() as scan:
        all_of(scan)
    assert sum(released(sqs).values()) == 70 - len(sqs._visible)


def test_what_was_deleted_is_not_released():
    sqs = FakeSQS(*map(a_message, range(15)))
    with OnFake(sqs).scan() as scan:
        messages = all_of(scan)
        assert scan.delete(messages[:12]) == [None] * 12
    assert released(sqs) == Counter(message["ReceiptHandle"] for message in messages[12:])


def test_what_could_not_be_deleted_says_why_and_is_released():
    sqs = FakeSQS(a_message(1))
    sqs.troubles["delete"] = [refusal("AccessDenied", at_fault=True)]
    with OnFake(sqs).scan() as scan:
        [failure] = scan.delete(all_of(scan))
        assert "AccessDenied" in failure.reason
    assert released(sqs) == Counter(["handle-1"])


def test_a_message_is_sent_again_with_its_body_and_attributes():
    text, raw = {"DataType": "String", "StringValue": "a"}, {"DataType": "Binary.png", "BinaryValue": b"\x00"}
    message = a_message(1, "as it was", name=text | {"StringListValues": []}, picture=raw)
    sqs = FakeSQS(message)
    with OnFake(sqs).scan() as scan:
        assert scan.send([resent(message, "as it was") for message in all_of(scan)]) == ["new-0"]
    [[entry]] = sqs.calls["send"]
    assert entry == {"Id": "0", "MessageBody": "as it was", "MessageAttributes": {"name": text, "picture": raw}}
    assert not sqs.calls["delete"]


def a_copy(number):
    """A copy of a message that was renewed, as SQS hands it out."""
    name = {"DataType": "String", "StringValue": "a"}
    carried = Renewal(message_id="first", sent_at=1_000, receives=3)
    entry = renewed({"Body": "{}", "MessageAttributes": {"name": name}}, carried)
    of_sqs = {"AWSTraceHeader": "Root=1", "MessageGroupId": "7", "ApproximateReceiveCount": "2"}
    return a_message(number, **entry["MessageAttributes"]) | {"Attributes": of_sqs | {"SentTimestamp": "9000"}}


def test_a_copy_is_the_message_that_was_sent_first_and_is_sent_again_without_its_past():
    sqs = FakeSQS(a_copy(1))
    with OnFake(sqs).scan() as scan:
        [message] = all_of(scan)
        scan.send([resent(message, message["Body"])])
        assert scan.renewal(message).receives == 3
    assert (message["MessageId"], message["Attributes"]["SentTimestamp"]) == ("first", "1000")
    assert message["Attributes"]["ApproximateReceiveCount"] == "5"
    [[entry]] = sqs.calls["send"]
    assert entry == {
        "Id": "0",
        "MessageBody": "{}",
        "MessageAttributes": {"name": {"DataType": "String", "StringValue": "a"}},
        "MessageSystemAttributes": {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}},
        "MessageGroupId": "7",
    }


def test_two_copies_of_one_message_are_both_seen_and_each_is_released_or_deleted_by_itself():
    sqs = FakeSQS(*map(a_copy, range(3)))
    with OnFake(sqs).scan() as scan:
        messages = all_of(scan)
        assert [message["MessageId"] for message in messages] == ["first"] * 3
        scan.delete(messages[:1])
    assert released(sqs) == Counter(message["ReceiptHandle"] for message in messages[1:])


def test_sends_stay_below_the_limits_of_a_batch():
    half = "x" * (MAX_BATCH_BYTES // 2)
    sqs = FakeSQS(*(a_message(number, half) for number in range(3)), *map(a_message, range(3, 28)))
    with OnFake(sqs).scan() as scan:
        messages = sorted(all_of(scan), key=lambda message: len(message["Body"]), reverse=True)
        new_ids = scan.send([resent(message, message["Body"]) for message in messages])
    assert len(new_ids) == 28
    for entries in sqs.calls["send"]:
        assert len(entries) <= 10
        assert sum(len(entry["MessageBody"]) for entry in entries) <= MAX_BATCH_BYTES


def test_a_send_that_is_not_confirmed_is_tried_again_and_only_that():
    def half_of_it(entries):
        failed = [{"Id": each["Id"], "Code": "InternalError", "SenderFault": False} for each in entries[1:]]
        return {"Successful": [{"Id": entries[0]["Id"], "MessageId": "first"}], "Failed": failed}

    sqs = FakeSQS(*map(a_message, range(3)))
    sqs.troubles["send"] = [half_of_it, AWAY]
    with OnFake(sqs).scan() as scan:
        assert scan.send([resent(message, "{}") for message in all_of(scan)]) == ["first", "new-0", "new-1"]
    assert [len(entries) for entries in sqs.calls["send"]] == [3, 2, 2]


@pytest.mark.parametrize(
    ("trouble", "tried_again", "at_fault"),
    [
        (refusal("InvalidMessageContents", at_fault=True), False, True),
        (refusal("InternalError", at_fault=False), True, False),
        (AWAY, True, False),
        (DENIED, False, False),
    ],
    ids=["refused", "failing", "away", "denied"],
)
def test_a_send_that_is_never_confirmed_says_so(trouble, tried_again, at_fault, monkeypatch):
    monkeypatch.setattr(module, "DEADLINE", 0.5)
    sqs = FakeSQS(a_message(1))
    sqs.troubles["send"] = [trouble] * 100
    with OnFake(sqs).scan() as scan:
        [failure] = scan.send([resent(message, "{}") for message in all_of(scan)])
    assert isinstance(failure, Failure)
    assert failure.sender_fault is at_fault
    assert (len(sqs.calls["send"]) > 1) is tried_again
    assert released(sqs) == Counter(["handle-1"])


def test_an_error_of_the_callers_own_releases_everything():
    sqs = FakeSQS(*map(a_message, range(5)))
    scan = OnFake(sqs).scan()
    with pytest.raises(ZeroDivisionError), scan:
        fail(scan)
    assert len(released(sqs)) == 5


def fail(scan):
    for _ in scan:
        raise ZeroDivisionError
