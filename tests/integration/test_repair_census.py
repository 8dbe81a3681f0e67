"""The mirror of the DLQ: every dead message is in it with its reason, whatever it holds, and gone ones leave it."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.dlq.tables import dead_letters, looks
from celery_sqs.errors import CallFailed
from tasks.repair.census import last_census, take_census
from tasks.repair.letters import Chosen, Letters
from tasks.repair.mirror import GONE_AFTER, NO_ATTEMPT
from tasks.repair.turn import turn
from tests.polling import poll
from tests.repairing import a_failure, bury, order_body, order_id_of, visible

HOSTILE = {
    "not json": "poison",
    "array": "[1, 2]",
    "null character in JSON": '{"a": "\\u0000"}',
    "half a surrogate pair in JSON": '{"orderId": "\\ud800"}',
    "control characters": "\t\r\n",
    "sql": "'; DROP TABLE dead_letters; --",
    "markup": "<script>alert(1)</script>",
    "not of the plane": "👩‍🔧",
    "garbage in base64": base64.b64encode(bytes(range(256))).decode(),
    "deep": "[" * 50_000,
    "large": "x" * 262_144,
}


@pytest.fixture
def dlq(emulator, queues):
    return DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)


@pytest.fixture
def letters(engine):
    return Letters(engine)


def age_misses(engine):
    """Let the last look's misses be as old as it takes."""
    with engine.begin() as connection:
        connection.execute(
            update(dead_letters)
            .where(dead_letters.c.missed_at.is_not(None))
            .values(missed_at=datetime.now(UTC) - GONE_AFTER - timedelta(seconds=1))
        )


def test_a_dead_order_is_mirrored_with_its_reason(engine, store, dlq, queues, letters):
    body = order_body(quantity="2")
    [message_id] = bury(queues, [body], celery_id={"DataType": "String", "StringValue": "a-task"})
    for receive_count in (1, 2, 3):
        store.record_attempt(
            a_failure(message_id, receive_count=receive_count, message=f"try {receive_count}", final=receive_count == 3)
        )

    census = take_census(engine, dlq)

    assert (census.found, census.new, census.gone, census.complete) == (1, 1, 0, True)
    letter = letters.get(message_id)
    assert (letter.body, letter.order_id, letter.task, letter.task_id) == (
        body,
        order_id_of(body),
        "persist_order",
        "a-task",
    )
    assert (letter.kind, letter.error_class, letter.error) == ("permanent", "InvalidOrder", "try 3")
    assert letter.attributes == {"celery_id": {"DataType": "String", "StringValue": "a-task"}}
    assert letter.sent_at <= letter.died_at <= letter.seen_at <= census.ended_at
    assert (letter.missed_at, letter.gone_at) == (None, None)
    assert letters.looked_at() == census.ended_at


def test_a_message_whose_workers_died_says_so(engine, dlq, queues, letters):
    [message_id] = bury(queues, [order_body()])
    take_census(engine, dlq)
    letter = letters.get(message_id)
    assert (letter.kind, letter.error, letter.died_at) == ("lost", NO_ATTEMPT, None)


def test_a_reason_that_comes_later_is_still_found(engine, store, dlq, queues, letters):
    [message_id] = bury(queues, [order_body()])
    take_census(engine, dlq)
    store.record_attempt(a_failure(message_id))
    assert take_census(engine, dlq).new == 0
    assert letters.get(message_id).error_class == "InvalidOrder"


def test_whatever_a_message_holds_it_is_mirrored(engine, dlq, queues, letters):
    ids = {name: bury(queues, [body])[0] for name, body in HOSTILE.items()}
    binary = bury(queues, ["{}"], picture={"DataType": "Binary", "BinaryValue": b"\x00\xff"})[0]

    assert take_census(engine, dlq).new == len(HOSTILE) + 1

    assert {name: letters.get(message_id).body for name, message_id in ids.items()} == HOSTILE
    assert letters.get(binary).attributes == {"picture": {"DataType": "Binary", "BinaryValue": "AP8="}}
    assert sum(group.count for group in letters.groups()) == len(HOSTILE) + 1


def test_groups_are_by_reason_and_pages_by_message_id(engine, store, dlq, queues, letters):
    many, few = bury(queues, [order_body() for _ in range(7)]), bury(queues, [order_body() for _ in range(3)])
    for number, message_id in enumerate(many):
        store.record_attempt(a_failure(message_id, kind="own", error_class="KeyError", message=f"row {number}"))
    for message_id in few:
        store.record_attempt(a_failure(message_id))
    take_census(engine, dlq)

    first, second = letters.groups()
    assert (first.count, first.error_class, first.kind, first.task) == (7, "KeyError", "own", "persist_order")
    assert (second.count, second.error_class) == (3, "InvalidOrder")
    assert first.oldest <= first.newest

    page = letters.page(first.fingerprint, None, 5)
    rest = letters.page(first.fingerprint, page[-1].message_id, 5)
    assert [letter.message_id for letter in page + rest] == sorted(many)
    assert letters.count() == 10
    assert letters.count(Chosen.group(second.fingerprint)) == 3
    assert [letter.message_id for letter in letters.page(None, None, 100)] == sorted(many + few)


def test_letters_are_found_by_order_and_by_task(engine, dlq, queues, letters):
    body = order_body()
    twice = [bury(queues, [body], celery_id={"DataType": "String", "StringValue": task})[0] for task in ("t1", "t2")]
    bury(queues, [order_body()])
    take_census(engine, dlq)
    assert {letter.message_id for letter in letters.of_order(order_id_of(body))} == set(twice)
    assert [letter.message_id for letter in letters.of_task("t2")] == [twice[1]]
    assert letters.get("never heard of") is None


class TestWhatIsGone:
    def test_a_message_that_two_looks_far_enough_apart_have_missed_is_gone(self, engine, dlq, queues, letters):
        bury(queues, [order_body()])
        [stays] = [letter.message_id for letter in self.seen(engine, dlq, letters)]
        [goes] = bury(queues, [order_body()])
        take_census(engine, dlq)
        self.delete(queues, goes)

        assert take_census(engine, dlq).gone == 0
        assert letters.get(goes).missed_at is not None
        assert take_census(engine, dlq).gone == 0, "the two are not far enough apart"
        age_misses(engine)
        assert take_census(engine, dlq).gone == 1

        assert letters.get(goes).gone_at is not None
        assert letters.get(stays).gone_at is None
        assert letters.count() == 1
        assert take_census(engine, dlq).gone == 0

    def test_a_message_that_another_operator_was_looking_at_is_not_gone(self, engine, dlq, queues, letters):
        [message_id] = bury(queues, [order_body()])
        take_census(engine, dlq)
        with dlq.look() as other:
            next(iter(other))
            assert take_census(engine, dlq).found == 0
        age_misses(engine)
        assert take_census(engine, dlq).found == 1
        assert (letters.get(message_id).missed_at, letters.get(message_id).gone_at) == (None, None)

    def test_a_message_that_was_thought_gone_is_back_when_it_is_seen(self, engine, dlq, queues, letters):
        [message_id] = bury(queues, [order_body()])
        take_census(engine, dlq)
        with engine.begin() as connection:
            connection.execute(update(dead_letters).values(gone_at=datetime.now(UTC)))
        assert letters.count() == 0
        assert take_census(engine, dlq).new == 0
        assert letters.get(message_id).gone_at is None

    def test_a_look_that_has_not_seen_all_says_so_and_misses_nothing(self, engine, dlq, queues, letters, monkeypatch):
        bury(queues, [order_body() for _ in range(200)])
        take_census(engine, dlq)
        before = letters.looked_at()
        monkeypatch.setattr(dlq, "look", lambda: DeadLetterQueue.look(dlq, seconds=0))
        census = take_census(engine, dlq)
        assert not census.complete
        assert census.found < 200
        assert all(letter.missed_at is None for letter in letters.page(None, None, 200))
        assert letters.looked_at() == before

    def seen(self, engine, dlq, letters):
        take_census(engine, dlq)
        return letters.page(None, None, 100)

    def delete(self, queues, message_id):
        for message in queues.sqs.receive_message(QueueUrl=queues.dlq_url, MaxNumberOfMessages=10)["Messages"]:
            handle = {"QueueUrl": queues.dlq_url, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] == message_id:
                queues.sqs.delete_message(**handle)
            else:
                queues.sqs.change_message_visibility(**handle, VisibilityTimeout=0)


class TestOneLookAtATime:
    def test_who_comes_second_waits_for_the_first_and_takes_what_began_since(self, engine, dlq, queues, letters):
        bury(queues, [order_body() for _ in range(100)])
        taken = []
        threads = [threading.Thread(target=lambda: taken.append(take_census(engine, dlq))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [census.found for census in taken] == [100] * 4, "none has hidden anything from another"
        assert letters.count() == 100
        assert visible(queues, queues.dlq_url) == 100

    def test_who_waits_too_long_is_told(self, engine, dlq):
        with turn(engine, dlq.url) as ours:
            assert ours
            with pytest.raises(CallFailed, match="others have been looking"):
                take_census(engine, dlq, patience=0.3)

    def test_a_result_of_before_is_not_taken(self, engine, dlq, queues):
        take_census(engine, dlq)
        bury(queues, [order_body()])
        with turn(engine, dlq.url):
            waiting = []
            thread = threading.Thread(target=lambda: waiting.append(take_census(engine, dlq)))
            thread.start()
            thread.join(0.5)
            assert not waiting
        thread.join()
        assert waiting[0].found == 1
        assert last_census(engine, dlq.url) == waiting[0]

    def test_the_turn_of_a_process_that_was_killed_ends(self, engine, dlq, queues):
        take_census(engine, dlq)
        with engine.begin() as connection:
            soon = datetime.now(UTC) + timedelta(seconds=1)
            connection.execute(update(looks).values(holder="killed", held_until=soon))
        assert poll(lambda: take_census(engine, dlq, patience=5), 6, "a turn").complete

    def test_a_look_that_fails_gives_its_turn_back(self, engine, emulator, queues):
        missing = DeadLetterQueue(
            Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url + "x"
        )
        with pytest.raises(CallFailed):
            take_census(engine, missing)
        with turn(engine, missing.url) as ours:
            assert ours


def test_all_that_a_letter_names_is_kept_as_text_of_its_own_type(engine, dlq, queues, letters):
    body = json.dumps({"orderId": "5F0C1A34-9D1C-4C62-8B3A-0D6F3C1F5E11"})
    [message_id] = bury(queues, [body])
    take_census(engine, dlq)
    assert UUID(letters.get(message_id).order_id) == UUID("5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11")
    assert letters.get(message_id).order_id.islower()
