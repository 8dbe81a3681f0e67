"""The snapshot of the DLQ: every dead message is in it with its reason, whatever it holds, and gone ones leave it."""

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import update

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import DeadLetterQueue, DeadMessages, Selection
from celery_sqs.dlq.scan import last_scan
from celery_sqs.dlq.scan import scan as scan_into
from celery_sqs.dlq.scan_lock import ScanLock
from celery_sqs.dlq.snapshot import GONE_AFTER, NO_ATTEMPT
from celery_sqs.dlq.tables import dead_messages, scans
from celery_sqs.errors import CallFailed
from tests.dead_orders import a_failure, bury, make_snapshot, order_body, order_id_of, visible
from tests.polling import poll

HOSTILE = {
    "not json": "poison",
    "array": "[1, 2]",
    "null character in JSON": '{"a": "\\u0000"}',
    "half a surrogate pair in JSON": '{"orderId": "\\ud800"}',
    "control characters": "\t\r\n",
    "sql": "'; DROP TABLE dead_messages; --",
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
def messages(engine):
    return DeadMessages(engine)


def scan(engine, dlq, **options):
    return scan_into(engine, dlq, make_snapshot(engine, dlq.name), **options)


def age_misses(engine):
    """Let the misses of the last scan be as old as it takes."""
    with engine.begin() as connection:
        connection.execute(
            update(dead_messages)
            .where(dead_messages.c.missed_at.is_not(None))
            .values(missed_at=datetime.now(UTC) - GONE_AFTER - timedelta(seconds=1))
        )


def test_a_dead_order_is_known_with_its_reason(engine, store, dlq, queues, messages):
    body = order_body(quantity="2")
    [message_id] = bury(queues, [body], celery_id={"DataType": "String", "StringValue": "a-task"})
    for receive_count in (1, 2, 3):
        store.record_attempt(
            a_failure(message_id, receive_count=receive_count, message=f"try {receive_count}", final=receive_count == 3)
        )

    result = scan(engine, dlq)

    assert (result.found, result.new, result.gone, result.complete) == (1, 1, 0, True)
    message = messages.get(message_id)
    assert (message.body, message.subject, message.task, message.task_id) == (
        body,
        order_id_of(body),
        "persist_order",
        "a-task",
    )
    assert (message.kind, message.error_class, message.error) == ("permanent", "InvalidOrder", "try 3")
    assert message.attributes == {"celery_id": {"DataType": "String", "StringValue": "a-task"}}
    assert message.sent_at <= message.died_at <= message.seen_at <= result.ended_at
    assert (message.missed_at, message.gone_at) == (None, None)
    assert messages.scanned_at() == result.ended_at


def test_a_message_whose_workers_died_says_so(engine, dlq, queues, messages):
    [message_id] = bury(queues, [order_body()])
    scan(engine, dlq)
    message = messages.get(message_id)
    assert (message.kind, message.error, message.died_at) == ("lost", NO_ATTEMPT, None)


def test_a_message_that_no_worker_would_run_says_why_although_none_has_seen_it(engine, dlq, queues, messages):
    unread, unknown = bury(queues, ["no JSON"]) + bury(
        queues, ["{}"], celery_task={"DataType": "String", "StringValue": "unheard of"}
    )
    scan(engine, dlq)
    kinds, errors = zip(*((each.kind, each.error) for each in map(messages.get, (unread, unknown))), strict=True)
    assert kinds == ("poison", "poison")
    assert errors[0].startswith("no task call: the body is neither a JSON object or array")
    assert errors[1] == "there is no task 'unheard of' here"


def test_a_reason_that_comes_later_is_still_found(engine, store, dlq, queues, messages):
    [message_id] = bury(queues, [order_body()])
    scan(engine, dlq)
    store.record_attempt(a_failure(message_id))
    assert scan(engine, dlq).new == 0
    assert messages.get(message_id).error_class == "InvalidOrder"


def test_whatever_a_message_holds_it_is_known(engine, dlq, queues, messages):
    ids = {name: bury(queues, [body])[0] for name, body in HOSTILE.items()}
    binary = bury(queues, ["{}"], picture={"DataType": "Binary", "BinaryValue": b"\x00\xff"})[0]

    assert scan(engine, dlq).new == len(HOSTILE) + 1

    assert {name: messages.get(message_id).body for name, message_id in ids.items()} == HOSTILE
    assert messages.get(binary).attributes == {"picture": {"DataType": "Binary", "BinaryValue": "AP8="}}
    assert sum(group.count for group in messages.groups()) == len(HOSTILE) + 1


def test_groups_are_by_reason_and_pages_by_message_id(engine, store, dlq, queues, messages):
    many, few = bury(queues, [order_body() for _ in range(7)]), bury(queues, [order_body() for _ in range(3)])
    for number, message_id in enumerate(many):
        store.record_attempt(a_failure(message_id, kind="own", error_class="KeyError", message=f"row {number}"))
    for message_id in few:
        store.record_attempt(a_failure(message_id))
    scan(engine, dlq)

    first, second = messages.groups()
    assert (first.count, first.error_class, first.kind, first.task) == (7, "KeyError", "own", "persist_order")
    assert (second.count, second.error_class) == (3, "InvalidOrder")
    assert first.oldest <= first.newest

    page = messages.page(first.fingerprint, None, 5)
    rest = messages.page(first.fingerprint, page[-1].message_id, 5)
    assert [message.message_id for message in page + rest] == sorted(many)
    assert messages.count() == 10
    assert messages.count(Selection.group(second.fingerprint)) == 3
    assert [message.message_id for message in messages.page(None, None, 100)] == sorted(many + few)


def test_messages_are_found_by_subject_and_by_task(engine, dlq, queues, messages):
    body = order_body()
    twice = [bury(queues, [body], celery_id={"DataType": "String", "StringValue": task})[0] for task in ("t1", "t2")]
    bury(queues, [order_body()])
    scan(engine, dlq)
    assert {message.message_id for message in messages.of_subject(order_id_of(body))} == set(twice)
    assert [message.message_id for message in messages.of_task("t2")] == [twice[1]]
    assert messages.get("never heard of") is None


class TestWhatIsGone:
    def test_a_message_that_two_scans_far_enough_apart_have_missed_is_gone(self, engine, dlq, queues, messages):
        bury(queues, [order_body()])
        [stays] = [message.message_id for message in self.seen(engine, dlq, messages)]
        [goes] = bury(queues, [order_body()])
        scan(engine, dlq)
        self.delete(queues, goes)

        assert scan(engine, dlq).gone == 0
        assert messages.get(goes).missed_at is not None
        assert scan(engine, dlq).gone == 0, "the two are not far enough apart"
        age_misses(engine)
        assert scan(engine, dlq).gone == 1

        assert messages.get(goes).gone_at is not None
        assert messages.get(stays).gone_at is None
        assert messages.count() == 1
        assert scan(engine, dlq).gone == 0

    def test_a_message_that_another_process_was_scanning_is_not_gone(self, engine, dlq, queues, messages):
        [message_id] = bury(queues, [order_body()])
        scan(engine, dlq)
        with dlq.scan() as other:
            next(iter(other))
            assert scan(engine, dlq).found == 0
        age_misses(engine)
        assert scan(engine, dlq).found == 1
        assert (messages.get(message_id).missed_at, messages.get(message_id).gone_at) == (None, None)

    def test_a_message_that_was_thought_gone_is_back_when_it_is_seen(self, engine, dlq, queues, messages):
        [message_id] = bury(queues, [order_body()])
        scan(engine, dlq)
        with engine.begin() as connection:
            connection.execute(update(dead_messages).values(gone_at=datetime.now(UTC)))
        assert messages.count() == 0
        assert scan(engine, dlq).new == 0
        assert messages.get(message_id).gone_at is None

    def test_a_scan_that_has_not_seen_all_says_so_and_misses_nothing(self, engine, dlq, queues, messages, monkeypatch):
        bury(queues, [order_body() for _ in range(200)])
        scan(engine, dlq)
        before = messages.scanned_at()
        monkeypatch.setattr(dlq, "scan", lambda: DeadLetterQueue.scan(dlq, seconds=0))
        result = scan(engine, dlq)
        assert not result.complete
        assert result.found < 200
        assert all(message.missed_at is None for message in messages.page(None, None, 200))
        assert messages.scanned_at() == before

    def seen(self, engine, dlq, messages):
        scan(engine, dlq)
        return messages.page(None, None, 100)

    def delete(self, queues, message_id):
        for message in queues.sqs.receive_message(QueueUrl=queues.dlq_url, MaxNumberOfMessages=10)["Messages"]:
            handle = {"QueueUrl": queues.dlq_url, "ReceiptHandle": message["ReceiptHandle"]}
            if message["MessageId"] == message_id:
                queues.sqs.delete_message(**handle)
            else:
                queues.sqs.change_message_visibility(**handle, VisibilityTimeout=0)


class TestOneScanAtATime:
    def test_who_comes_second_waits_for_the_first_and_takes_what_began_since(self, engine, dlq, queues, messages):
        bury(queues, [order_body() for _ in range(100)])
        taken = []
        threads = [threading.Thread(target=lambda: taken.append(scan(engine, dlq))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [result.found for result in taken] == [100] * 4, "none has hidden anything from another"
        assert messages.count() == 100
        assert visible(queues, queues.dlq_url) == 100

    def test_who_waits_too_long_is_told(self, engine, dlq):
        with ScanLock(engine, dlq.url) as ours:
            assert ours
            with pytest.raises(CallFailed, match="others have been scanning"):
                scan(engine, dlq, lock_timeout=0.3)

    def test_a_result_of_before_is_not_taken(self, engine, dlq, queues):
        scan(engine, dlq)
        bury(queues, [order_body()])
        with ScanLock(engine, dlq.url):
            waiting = []
            thread = threading.Thread(target=lambda: waiting.append(scan(engine, dlq)))
            thread.start()
            thread.join(0.5)
            assert not waiting
        thread.join()
        assert waiting[0].found == 1
        assert last_scan(engine, dlq.name) == waiting[0]

    def test_the_lock_of_a_process_that_was_killed_ends(self, engine, dlq, queues):
        scan(engine, dlq)
        with engine.begin() as connection:
            soon = datetime.now(UTC) + timedelta(seconds=1)
            connection.execute(update(scans).values(holder="killed", held_until=soon))
        assert poll(lambda: scan(engine, dlq, lock_timeout=5), 6, "the lock").complete

    def test_a_scan_that_fails_releases_its_lock(self, engine, emulator, queues):
        missing = DeadLetterQueue(
            Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url + "x"
        )
        with pytest.raises(CallFailed):
            scan(engine, missing)
        with ScanLock(engine, missing.url) as ours:
            assert ours


def test_all_that_a_message_names_is_kept_as_text_of_its_own_type(engine, dlq, queues, messages):
    body = json.dumps({"orderId": "5F0C1A34-9D1C-4C62-8B3A-0D6F3C1F5E11"})
    [message_id] = bury(queues, [body])
    scan(engine, dlq)
    assert UUID(messages.get(message_id).subject) == UUID("5f0c1a34-9d1c-4c62-8b3a-0d6f3c1f5e11")
    assert messages.get(message_id).subject.islower()
