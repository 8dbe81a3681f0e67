"""What a repair sends to a FIFO queue keeps the order within its groups."""

from celery_sqs.aws.batch_call import Failure
from celery_sqs.dlq import queue as module
from celery_sqs.errors import CallFailed
from celery_sqs.message.outgoing import resent
from tests.unit.test_dlq_scan import FakeSQS, OnFake, a_message


def of_group(number, group):
    message = a_message(number, body=f"{group}{number}")
    return message | {"Attributes": {"MessageGroupId": group, "MessageDeduplicationId": f"d{number}"}}


def test_to_a_fifo_queue_one_is_sent_at_a_time_and_none_of_a_group_after_one_that_was_not(monkeypatch):
    monkeypatch.setattr(module, "DEADLINE", 0)
    sqs, fifo = FakeSQS(), "http://q/0/work.fifo"
    sqs.send_message_batch = lambda **given: given["QueueUrl"] == fifo and sqs._batch("send", given["Entries"])
    sqs.troubles["send"] = [None, CallFailed("no answer")]
    on_fifo = OnFake(sqs)
    on_fifo.work_url = fifo
    entries = [resent(each, each["Body"]) for each in (of_group(n, group) for n, group in enumerate("babab"))]
    with on_fifo.scan() as scan:
        outcomes = scan.send(entries)
    assert [[entry["MessageBody"] for entry in batch] for batch in sqs.calls["send"]] == [
        ["b0"],
        ["a1"],
        ["b2"],
        ["b4"],
    ]
    assert [isinstance(outcome, Failure) for outcome in outcomes] == [False, True, False, True, False]
    ids = [entry["MessageDeduplicationId"] for entry in entries]
    assert len({*ids, *(f"d{n}" for n in range(5))}) == 10, "none is a duplicate of what is dead, or of another"
