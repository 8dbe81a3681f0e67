"""What AWS documents of SQS and takes hours, chance or many messages; tests/emulators has the rest."""

import json
from random import Random

import pytest

from tests.simulation.sqs import NO_FAULTS, Faults, NoAnswer, Refused, SimulatedSQS

DAY = 24 * 60 * 60
HOUR = 60 * 60


class Account:
    """A simulated SQS at a time that the test sets, with a queue that has a DLQ, or one that has none."""

    def __init__(self, seed=1, **more):
        self.now = 1_700_000_000.0
        self.sqs = SimulatedSQS(lambda: self.now, Random(seed), **more)

    def queue(self, name="work", **attributes):
        attributes = {key: str(value) for key, value in attributes.items()}
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        return Calls(self, self.sqs.call("CreateQueue", {"QueueName": name, "Attributes": attributes})["QueueUrl"])

    def with_dlq(self, suffix="", max_receives=2, retention=4 * DAY):
        dlq = self.queue(f"dlq{suffix}", MessageRetentionPeriod=retention)
        policy = {"deadLetterTargetArn": dlq.attributes()["QueueArn"], "maxReceiveCount": max_receives}
        return self.queue(f"work{suffix}", RedrivePolicy=json.dumps(policy), MessageRetentionPeriod=2 * DAY), dlq


class Calls:
    """The calls to one queue."""

    def __init__(self, account, url):
        self.account = account
        self.url = url

    def call(self, action, faults=NO_FAULTS, **parameters):
        return self.account.sqs.call(action, {"QueueUrl": self.url, **parameters}, faults)

    def send(self, body="{}", **more):
        return self.call("SendMessage", MessageBody=body, **more)["MessageId"]

    def receive(self, count=10, faults=NO_FAULTS, **more):
        names = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        answer = self.call("ReceiveMessage", faults, MaxNumberOfMessages=count, **names, **more)
        return answer.get("Messages", [])

    def delete(self, message, faults=NO_FAULTS):
        self.call("DeleteMessage", faults, ReceiptHandle=message["ReceiptHandle"])

    def hide(self, message, seconds):
        self.call("ChangeMessageVisibility", ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=seconds)

    def attributes(self):
        return self.call("GetQueueAttributes", AttributeNames=["All"])["Attributes"]

    def numbers(self):
        names = ("", "NotVisible", "Delayed")
        return tuple(int(self.attributes()[f"ApproximateNumberOfMessages{name}"]) for name in names)


@pytest.fixture
def account():
    return Account()


@pytest.fixture
def queue(account):
    return account.queue()


@pytest.fixture
def fifo(account):
    return account.queue("work.fifo")


def test_a_message_is_gone_when_it_is_as_old_as_its_queues_retention(account):
    queue = account.queue(MessageRetentionPeriod=60)
    queue.send()
    account.now += 59
    [message] = queue.receive()
    account.now += 1
    assert (queue.numbers(), queue.receive()) == ((0, 0, 0), [])
    queue.delete(message)


def test_a_dead_message_of_a_standard_queue_keeps_its_age_and_one_of_a_fifo_queue_begins_anew(account):
    for suffix, lives_on in (("", False), (".fifo", True)):
        work, dlq = account.with_dlq(suffix)
        work.send(**({"MessageGroupId": "a", "MessageDeduplicationId": "1"} if suffix else {}))
        for _ in range(2):
            work.receive()
            account.now += DAY / 2
        work.receive()
        assert dlq.numbers() == (1, 0, 0)
        account.now += 3 * DAY
        assert dlq.numbers() == ((1, 0, 0) if lives_on else (0, 0, 0))


def test_a_message_moves_to_the_dlq_at_the_receive_after_the_last_and_stays_itself(account):
    work, dlq = account.with_dlq(max_receives=2)
    message_id = work.send("body", MessageAttributes={"a": {"DataType": "String", "StringValue": "b"}})
    sent_at = str(int(account.now * 1000))
    for _ in range(2):
        assert len(work.receive()) == 1
        account.now += 30
    assert (work.numbers(), dlq.numbers()) == ((1, 0, 0), (0, 0, 0))
    assert work.receive() == []
    [dead] = dlq.receive()
    assert (dead["MessageId"], dead["Body"], dead["Attributes"]["SentTimestamp"]) == (message_id, "body", sent_at)
    assert dead["Attributes"]["ApproximateReceiveCount"] == "3"
    assert dead["Attributes"]["DeadLetterQueueSourceArn"].endswith(":work")
    assert dead["MessageAttributes"] == {"a": {"DataType": "String", "StringValue": "b"}}


def test_a_message_is_hidden_for_twelve_hours_at_the_most_counted_from_its_receive(account, queue):
    queue.send()
    [message] = queue.receive()
    queue.hide(message, 12 * HOUR)
    account.now += HOUR
    with pytest.raises(Refused, match="Total VisibilityTimeout"):
        queue.hide(message, 11 * HOUR + 1)
    queue.hide(message, 11 * HOUR)
    account.now += 11 * HOUR
    [again] = queue.receive()
    queue.hide(again, 12 * HOUR)


def test_a_duplicate_in_a_fifo_queue_is_one_after_five_minutes_no_more_even_of_what_is_deleted(account, fifo):
    given = {"MessageGroupId": "a", "MessageDeduplicationId": "1"}
    first = fifo.send(**given)
    fifo.delete(fifo.receive()[0])
    account.now += 299
    assert fifo.send(**given) == first
    assert fifo.receive() == []
    account.now += 1
    assert fifo.send(**given) != first
    assert len(fifo.receive()) == 1


def test_a_short_poll_is_refused_when_too_many_are_in_flight_and_a_long_one_or_fifo_gets_nothing():
    account = Account(in_flight=3)
    queue, fifo = account.queue(), account.queue("work.fifo")
    for number in range(5):
        queue.send()
        fifo.send(MessageGroupId=str(number), MessageDeduplicationId=str(number))
    taken = queue.receive()
    assert (len(taken), len(fifo.receive()), fifo.receive()) == (3, 3, [])
    with pytest.raises(Refused, match="OverLimit"):
        queue.receive()
    assert queue.receive(WaitTimeSeconds=1) == []
    queue.delete(taken[0])
    assert len(queue.receive()) == 1


def test_a_receive_draws_from_the_oldest_and_the_same_seed_draws_the_same():
    def received(seed, **more):
        queue = Account(seed, **more).queue()
        for number in range(40):
            queue.send(str(number))
        return [int(message["Body"]) for _ in range(4) for message in queue.receive()]

    assert received(7) == received(7) != received(8)
    assert sorted(received(7)) == list(range(40)) == received(7, choice=1)
    assert all(abs(place - number) < 40 for place, number in enumerate(received(7)))


def test_the_same_seed_makes_the_same_ids(account, queue):
    assert queue.send() == Account().queue().send()


def test_a_long_poll_learns_when_to_ask_again(account, queue):
    assert account.sqs.next_change(queue.url) is None
    queue.send(DelaySeconds=5)
    assert account.sqs.next_change(queue.url) == account.now + 5
    assert account.sqs.wait({"QueueUrl": queue.url, "WaitTimeSeconds": 3}) == 3
    account.now += 5
    assert account.sqs.visible(queue.url) == 1
    assert account.sqs.next_change(queue.url) == account.now - 5 + 4 * DAY


class TestFaults:
    def test_a_refusal_has_no_effect_and_a_lost_answer_has_one(self, queue):
        with pytest.raises(Refused, match="RequestThrottled"):
            queue.call("SendMessage", Faults(refusal="RequestThrottled"), MessageBody="{}")
        assert queue.numbers() == (0, 0, 0)
        with pytest.raises(NoAnswer):
            queue.call("SendMessage", Faults(loses_answer=True), MessageBody="{}")
        assert queue.numbers() == (1, 0, 0)

    def test_some_entries_of_a_batch_fail(self, queue):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(3)]
        answer = queue.call("SendMessageBatch", Faults(failing_entries=frozenset({1})), Entries=entries)
        assert [entry["Id"] for entry in answer["Successful"]] == ["0", "2"]
        assert [(entry["Id"], entry["SenderFault"]) for entry in answer["Failed"]] == [("1", False)]
        assert sorted(message["Body"] for message in queue.receive()) == ["0", "2"]

    def test_a_short_poll_finds_nothing_and_a_long_one_does(self, queue):
        queue.send()
        nothing = Faults(finds_nothing=True)
        assert (queue.receive(faults=nothing), len(queue.receive(faults=nothing, WaitTimeSeconds=1))) == ([], 1)

    def test_what_is_in_flight_comes_again(self, queue):
        queue.send()
        [first] = queue.receive()
        [again] = queue.receive(faults=Faults(delivers_again=1))
        assert (again["MessageId"], again["Attributes"]["ApproximateReceiveCount"]) == (first["MessageId"], "2")
        queue.delete(first)
        assert queue.numbers() == (0, 1, 0), "its receipt handle is an old one"
        queue.delete(first, Faults(heeds_old_handles=True))
        assert queue.numbers() == (0, 0, 0)

    def test_what_is_deleted_comes_again(self, account, queue):
        message_id = queue.send()
        queue.delete(queue.receive()[0], Faults(forgets_deletions=True))
        account.now += 30
        [again] = queue.receive()
        assert again["MessageId"] == message_id


def test_messages_by_the_thousand_leave_nothing_behind(account, queue):
    for _ in range(500):
        queue.call("SendMessageBatch", Entries=[{"Id": str(number), "MessageBody": "{}"} for number in range(10)])
        for message in queue.receive():
            queue.delete(message)
    inside = account.sqs.queues.named("work")
    assert (inside.messages, queue.numbers()) == ({}, (0, 0, 0))
    assert max(len(inside._changes._entries), len(inside._ages._entries)) <= 1001
