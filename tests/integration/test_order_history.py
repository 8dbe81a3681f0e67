"""The time line: one order's story out of all tables, found by any of its ids."""

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert

from app.history import History
from celery_sqs.dlq import DeadMessages, RepairLog
from celery_sqs.dlq.tables import repair_items, repairs
from celery_sqs.message import exact_json
from celery_sqs.monitor import EventReader, task_state
from orders.outcome import Arrival
from orders.schema import from_message
from tests.dead_orders import a_failure, make_snapshot, order_body, order_id_of

T0 = datetime(2026, 1, 24, 12, 0, tzinfo=UTC)


def at(seconds):
    return T0 + timedelta(seconds=seconds)


@pytest.fixture
def write(engine):
    def put(table, **values):
        with engine.begin() as connection:
            connection.execute(insert(table).values(values))

    return put


@pytest.fixture
def snapshot(engine):
    return make_snapshot(engine)


@pytest.fixture
def timeline(engine, store):
    return History(store, EventReader(engine), DeadMessages(engine), RepairLog(engine)).timeline


def a_task(task_id, **changes):
    values = {
        "task_id": task_id,
        "version": 1,
        "name": "persist_order",
        "state": "FAILURE",
        "receive_count": 3,
        "args": "[]",
        "kwargs": "{}",
        "changed_at": at(9),
    }
    return values | changes


def a_repair(repair_id, action="redrive"):
    values = {"id": repair_id, "action": action, "operator": "ada", "reason": "mended", "state": "done", "note": ""}
    return values | {"queue": "q", "canaries": 5, "began_at": at(100)}


def an_item(repair_id, body, **changes):
    values = {"repair_id": repair_id, "message_id": "m1", "state": "confirmed", "subject": order_id_of(body)}
    values |= {"task": "persist_order", "task_id": "t1", "body": body, "changed_at": at(101), "error": ""}
    return values | changes


def whats(found):
    return [entry.what for entry in found.entries]


@pytest.fixture
def story(snapshot, store, write):
    """An order that failed three times, died, was edited, sent again and stored; returns its body."""
    body = order_body(timestamp="2026-01-24T12:00:00Z")
    order_id = from_message(exact_json.loads(body)).order_id
    write(
        task_state,
        **a_task(
            "t1",
            subject=str(order_id),
            message_id="m1",
            worker="w1",
            sent_at=at(1),
            received_at=at(2),
            started_at=at(3),
        ),
    )
    for count in (1, 2, 3):
        store.record_attempt(
            a_failure(
                "m1",
                order_id=order_id,
                task_id="t1",
                receive_count=count,
                final=count == 3,
                traceback=f"traceback {count}",
                failed_at=at(3 + count),
                next_visible_at=at(3.5 + count),
            )
        )
    task_id = {"celery_id": {"DataType": "String", "StringValue": "t1"}}
    snapshot.add([{"MessageId": "m1", "Body": body, "MessageAttributes": task_id}])
    snapshot.remove(["m1"])
    repair_id = str(uuid4())
    write(repairs, **a_repair(repair_id, "edit"))
    write(repair_items, **an_item(repair_id, body, new_body=body, new_message_id="m2", sent_at=at(101)))
    store.persist([Arrival(order=from_message(exact_json.loads(body)), task_id="t1", attempts=1, worker="w2")])
    return body


def test_an_orders_story_is_told_from_accept_to_row(timeline, story):
    found = timeline(order_id_of(story))
    assert whats(found) == [
        "accepted",
        "sent",
        "received",
        "started",
        "failed",
        "failed",
        "failed",
        "dead",
        "edited",
        "persisted",
    ]
    assert [entry.at for entry in found.entries] == sorted(entry.at for entry in found.entries)
    assert (found.state, found.order_id, found.task_ids) == ("persisted", order_id_of(story), ["t1"])
    assert json.loads(found.payload)["orderId"] == order_id_of(story)
    assert found.traceback == "traceback 3"


def test_each_entry_says_what_an_operator_asks_next(timeline, story):
    by_what = {entry.what: entry.detail for entry in timeline(order_id_of(story)).entries}
    assert by_what["received"] == {"worker": "w1", "receive_count": 3}
    assert by_what["failed"]["error"].startswith("InvalidOrder: ")
    assert (by_what["failed"]["receive_count"], by_what["failed"]["final"]) == (3, True)
    assert by_what["dead"]["in_dlq"] is False
    assert (by_what["edited"]["operator"], by_what["edited"]["reason"]) == ("ada", "mended")
    assert by_what["edited"]["new_message_id"] == "m2"
    assert by_what["persisted"] == {"worker": "w2", "attempts": 1, "task_id": "t1"}
    json.dumps(by_what)  # JSON types only


def test_a_task_id_leads_to_its_order(timeline, story):
    assert timeline("t1") == timeline(order_id_of(story))


def test_a_task_id_that_looks_like_an_order_id_leads_to_its_order(timeline, store):
    order_id, task_id = uuid4(), str(uuid4())
    store.record_attempt(a_failure("m1", order_id=order_id, task_id=task_id, final=False))
    found = timeline(task_id)
    assert (found.order_id, found.state) == (str(order_id), "retrying")


def test_an_order_that_waits_is_queued_and_shows_its_message(timeline, write):
    body = order_body()
    write(task_state, **a_task("t1", subject=order_id_of(body), state="PENDING", args=f"[{body}]", sent_at=at(1)))
    found = timeline(order_id_of(body))
    assert (found.state, whats(found), found.payload) == ("queued", ["accepted", "sent"], body)


def test_an_order_in_the_dlq_is_dead_also_where_its_workers_died_without_a_word(timeline, snapshot):
    body = order_body()
    snapshot.add([{"MessageId": "m1", "Body": body}])
    found = timeline(order_id_of(body))
    assert (found.state, whats(found)) == ("dead", ["accepted", "dead"])
    assert found.entries[-1].detail["kind"] == "lost"


def test_an_attempt_that_has_begun_is_told_as_that_and_one_that_was_lost_as_failed(timeline, store):
    order_id = uuid4()
    lost = a_failure("m1", order_id=order_id, kind="lost", receive_count=1, final=False, failed_at=at(1))
    begun = a_failure("m1", order_id=order_id, kind="begun", receive_count=2, final=False, failed_at=at(2))
    store.record_attempt(begun)
    assert (timeline(str(order_id)).state, whats(timeline(str(order_id)))) == ("queued", ["begun"])
    store.record_attempt(lost)
    found = timeline(str(order_id))
    assert [(entry.what, entry.detail["kind"]) for entry in found.entries] == [("failed", "lost"), ("begun", "begun")]
    assert (found.state, found.entries[1].detail["receive_count"]) == ("retrying", 2)
    assert "error" not in found.entries[1].detail, "it has none while it runs"


def test_poison_is_found_by_its_task_id(timeline, snapshot, store):
    snapshot.add([{"MessageId": "m1", "Body": "poison"}])
    store.record_attempt(a_failure("m1", kind="poison", error_class="Undecodable"))
    found = timeline("m1")
    assert (found.order_id, found.task_ids, found.state) == (None, ["m1"], "dead")
    assert (whats(found), found.payload) == (["failed", "dead"], "poison")


def test_another_task_has_celerys_state(timeline, write):
    write(task_state, **a_task("t1", name="send_mail", state="SUCCESS", finished_at=at(5)))
    found = timeline("t1")
    assert (found.order_id, found.state, whats(found)) == (None, "SUCCESS", ["succeeded"])


@pytest.mark.parametrize("state", ["planned", "sending", "gone"])
def test_what_an_operator_only_planned_has_not_happened(timeline, write, state):
    body, repair_id = order_body(), str(uuid4())
    write(repairs, **a_repair(repair_id))
    write(repair_items, **an_item(repair_id, body, state=state))
    assert whats(timeline(order_id_of(body))) == ["accepted"]


def test_a_discard_is_told_with_its_reason(timeline, write):
    body, repair_id = order_body(), str(uuid4())
    write(repairs, **a_repair(repair_id, "discard"))
    write(repair_items, **an_item(repair_id, body, state="discarded"))
    [_, entry] = timeline(order_id_of(body)).entries
    assert (entry.what, entry.at, entry.detail["reason"]) == ("discarded", at(101), "mended")


@pytest.mark.parametrize("named", ["", "nothing", "9b3ceeeb-9834-4910-8810-61b7a16cad37", "'; --", "☕" * 500])
def test_nothing_is_known_of_what_never_was(timeline, named):
    assert timeline(named) is None
