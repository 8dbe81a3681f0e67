"""What is kept of failures and repairs, how long, and what never goes: what may still be on its way."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import insert, select

from celery_sqs.dlq import RepairLog, purge_dead_messages, purge_repairs
from celery_sqs.dlq import retention as dlq_retention
from celery_sqs.dlq.tables import dead_messages, repair_items, repairs
from orders import retention
from orders.order import Order
from orders.outcome import Arrival
from orders.retention import purge_attempts
from orders.tables import attempts
from tasks import retention as of_the_host
from tasks.application import create_celery
from tests.conftest import make_settings
from tests.integration.test_attempts import an_attempt

NOW = datetime.now(UTC)
BEFORE = NOW - timedelta(days=90)
ON_ITS_WAY = timedelta(days=15)
DAY = timedelta(days=1)


def always():
    return True


def keep(store, age, order_id=None, message_id="a-message", receive_count=1):
    store.record_attempt(
        an_attempt(order_id=order_id, message_id=message_id, receive_count=receive_count, failed_at=NOW - age)
    )


def order_stored(store):
    order = Order(order_id=uuid4(), user_id=1, product_name="Widget", quantity=1, total_price=1, timestamp=NOW)
    store.persist([Arrival(order=order, task_id="a-task", attempts=1, worker="w")])
    return order.order_id


def kept(engine):
    with engine.connect() as connection:
        return len(connection.execute(select(attempts.c.id)).all())


def test_an_old_attempt_at_an_order_that_is_stored_is_deleted(engine, store):
    keep(store, 91 * DAY, order_stored(store))
    assert purge_attempts(engine, BEFORE, ON_ITS_WAY, always) == 1
    assert kept(engine) == 0


def test_an_attempt_that_is_not_old_is_kept(engine, store):
    keep(store, 89 * DAY, order_stored(store))
    assert purge_attempts(engine, BEFORE, ON_ITS_WAY, always) == 0


@pytest.mark.parametrize("order_id", [None, uuid4()], ids=["of no order", "of an order that is not stored"])
def test_an_attempt_whose_message_may_be_on_its_way_is_kept(engine, store, order_id):
    keep(store, 104 * DAY, order_id)
    assert purge_attempts(engine, BEFORE, ON_ITS_WAY, always) == 0
    keep(store, 106 * DAY, order_id, "another-message")
    assert purge_attempts(engine, BEFORE, ON_ITS_WAY, always) == 1


def test_the_first_attempts_at_a_message_are_kept_as_long_as_its_last(engine, store):
    for receive_count, age in ((1, 300 * DAY), (2, 200 * DAY), (3, 10 * DAY)):
        keep(store, age, uuid4(), receive_count=receive_count)
    assert purge_attempts(engine, BEFORE, ON_ITS_WAY, always) == 0


def test_what_is_kept_is_passed_by(engine, store, monkeypatch):
    monkeypatch.setattr(retention, "BATCH", 2)
    stored = order_stored(store)
    for number in range(10):
        order_id, message_id = (stored, f"message-{number}") if number % 2 else (None, "m")
        keep(store, (200 - number) * DAY, order_id, message_id, number)
    keep(store, DAY, None, "m", 10)
    assert purge_attempts(engine, BEFORE, ON_ITS_WAY, always) == 5
    assert kept(engine) == 6


def a_message(number, gone_at):
    return {
        **dict.fromkeys(
            ("queue", "body", "attributes", "task", "task_id", "fingerprint", "kind", "error_class", "error"), ""
        ),
        "message_id": str(number),
        "sent_at": NOW - 200 * DAY,
        "seen_at": NOW - 200 * DAY,
        "gone_at": gone_at,
    }


def test_a_message_is_forgotten_long_after_it_has_left_the_dlq_and_not_while_it_is_there(engine, monkeypatch):
    monkeypatch.setattr(dlq_retention, "BATCH", 2)
    gone = [NOW - 100 * DAY] * 5 + [NOW - 80 * DAY, None]
    with engine.begin() as connection:
        connection.execute(insert(dead_messages), [a_message(number, at) for number, at in enumerate(gone)])
    assert purge_dead_messages(engine, BEFORE) == 5
    with engine.connect() as connection:
        assert set(connection.execute(select(dead_messages.c.message_id)).scalars()) == {"5", "6"}


def a_repair(repair_id, ended_at):
    return {
        "id": repair_id,
        **dict.fromkeys(("queue", "action", "operator", "reason", "note"), ""),
        "state": "done" if ended_at else "running",
        "canaries": 1,
        "began_at": NOW - 900 * DAY,
        "ended_at": ended_at,
    }


def an_item(repair_id, number):
    texts = dict.fromkeys(("state", "task", "task_id", "body", "error"), "")
    return {"repair_id": repair_id, "message_id": str(number), "changed_at": NOW - 900 * DAY, **texts}


def test_a_repair_is_forgotten_with_its_messages_but_not_one_that_has_not_ended(engine, monkeypatch):
    monkeypatch.setattr(dlq_retention, "BATCH", 2)
    ends = {"old": NOW - 800 * DAY, "older": NOW - 850 * DAY, "young": NOW - 80 * DAY, "interrupted": None}
    with engine.begin() as connection:
        connection.execute(insert(repairs), [a_repair(*each) for each in ends.items()])
        connection.execute(insert(repair_items), [an_item(each, number) for each in ends for number in range(5)])
    assert purge_repairs(engine, NOW - 730 * DAY) == 12
    log = RepairLog(engine)
    assert {(repair.id, repair.total) for repair in log.latest(10)} == {("young", 5), ("interrupted", 5)}


def test_the_host_deletes_by_its_settings(engine, store):
    app = create_celery(make_settings(attempt_retention_days=10, repair_retention_days=30))
    keep(store, 11 * DAY, order_stored(store))
    keep(store, 9 * DAY, order_stored(store), "another-message")
    with engine.begin() as connection:
        connection.execute(insert(repairs), [a_repair("old", NOW - 31 * DAY), a_repair("young", NOW - 29 * DAY)])
        connection.execute(insert(dead_messages), [a_message(1, NOW - 11 * DAY)])
    purged = of_the_host.purge(app.conf, engine)
    assert (purged.attempts, purged.dead_messages, purged.repairs) == (1, 1, 1)
    assert of_the_host.purge(app.conf, engine) == of_the_host.Purged(attempts=0, dead_messages=0, repairs=0)
