"""GET /api/v1/orders/{id} after an operator has sent an order's message again: it is alive, until it dies again."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, insert

from app.services import Services
from celery_sqs.dlq import SYSTEM
from celery_sqs.dlq.tables import dead_messages, repair_items, repairs
from tests.dead_orders import a_failure
from tests.unit.samples import an_arrival, an_order

HOUR = timedelta(hours=1)


@pytest.fixture
def order_id(identity):
    return identity.issue(7)


@pytest.fixture
def get_state(api, token, order_id):
    """A function that asks for the order: its state and attempts."""

    def ask():
        answer = api.get(f"/api/v1/orders/{order_id}", headers=token(7)).json
        return answer["state"], answer["attempts"]

    return ask


@pytest.fixture
def fail(store, order_id):
    def record(message_id, receive_count=3, final=True):
        store.record_attempt(a_failure(message_id, order_id=order_id, receive_count=receive_count, final=final))

    return record


@pytest.fixture
def repair(engine, order_id):
    def record(message_id, state="sent", sent_at=None):
        values = {
            "repair_id": str(uuid4()),
            "message_id": message_id,
            "state": state,
            "subject": str(order_id),
            "task": "persist_order",
            "task_id": "a-task",
            "body": "{}",
            "sent_at": sent_at,
            "changed_at": datetime.now(UTC),
            "error": "",
        }
        with engine.begin() as connection:
            connection.execute(insert(repair_items).values(values))
        return values["repair_id"]

    return record


def test_a_dead_order_that_was_sent_again_is_queued(get_state, fail, repair):
    fail("first")
    assert get_state() == ("dead", 1)
    repair("first", sent_at=datetime.now(UTC))
    assert get_state() == ("queued", 0)


def test_it_is_retrying_when_it_fails_again_and_dead_when_that_was_the_last_time(get_state, fail, repair):
    fail("first")
    repair("first", sent_at=datetime.now(UTC))
    fail("second", receive_count=1, final=False)
    assert get_state() == ("retrying", 1)
    fail("second", receive_count=3, final=True)
    assert get_state() == ("dead", 2)
    repair("second", sent_at=datetime.now(UTC))
    assert get_state() == ("queued", 0)


@pytest.mark.parametrize("state", ["planned", "sending", "gone", "discarded"])
def test_it_stays_dead_until_sqs_has_confirmed_that_it_was_sent(get_state, fail, repair, state):
    fail("first")
    repair("first", state)
    assert get_state() == ("dead", 1)


def test_it_stays_dead_while_only_another_of_its_messages_was_sent_again(get_state, fail, repair):
    fail("first")
    fail("second")
    repair("second", sent_at=datetime.now(UTC))
    assert get_state() == ("dead", 1)


@pytest.fixture
def dead_message(engine, order_id):
    def record(message_id, *, sent_at, seen_at, gone_at):
        names = ("queue", "body", "attributes", "task", "fingerprint", "kind", "error_class", "error")
        texts = dict.fromkeys(names, "")
        times = {"sent_at": sent_at, "seen_at": seen_at, "gone_at": gone_at}
        values = {**texts, **times, "message_id": message_id, "task_id": "a-task", "subject": str(order_id)}
        with engine.begin() as connection:
            connection.execute(insert(dead_messages).values(values))

    return record


def test_it_is_alive_after_a_redrive_by_sqss_own_console_and_dead_when_it_dies_again(get_state, fail, dead_message):
    now = datetime.now(UTC)
    fail("first")
    dead_message("first", sent_at=now - HOUR, seen_at=now + HOUR, gone_at=now + 2 * HOUR)
    assert get_state() == ("queued", 0)
    fail("second", receive_count=1, final=False)
    assert get_state() == ("retrying", 1)
    fail("second", receive_count=3)
    assert get_state() == ("dead", 2)


def test_an_attempt_counts_that_came_after_such_a_redrive(get_state, fail, dead_message):
    now = datetime.now(UTC)
    dead_message("first", sent_at=now - 3 * HOUR, seen_at=now - 2 * HOUR, gone_at=now - HOUR)
    fail("first")
    assert get_state() == ("dead", 1)


@pytest.mark.parametrize("how", ["in the queue", "expired", "discarded"])
def test_it_stays_dead_where_nobody_has_moved_it(get_state, fail, dead_message, repair, how):
    now = datetime.now(UTC)
    sent_at = now - 15 * 24 * HOUR if how == "expired" else now - HOUR
    fail("first")
    dead_message(
        "first", sent_at=sent_at, seen_at=now + HOUR, gone_at=None if how == "in the queue" else now + 2 * HOUR
    )
    if how == "discarded":
        repair("first", "discarded")
    assert get_state() == ("dead", 1)


def test_it_is_persisted_once_its_row_is_there(get_state, fail, repair, store, order_id):
    fail("first")
    repair("first", "confirmed", sent_at=datetime.now(UTC))
    store.persist([an_arrival(an_order(order_id=order_id, user_id=7))])
    assert get_state() == ("persisted", 1)


def test_an_order_that_was_rescued_goes_on_with_the_attempts_that_it_had(get_state, fail, repair, engine):
    fail("first", receive_count=1, final=False)
    rescue_id = repair("first", sent_at=datetime.now(UTC))
    values = {
        "id": rescue_id,
        "queue": "q",
        "action": "rescue",
        "operator": SYSTEM,
        "reason": "",
        "state": "done",
        "note": "",
    }
    with engine.begin() as connection:
        connection.execute(insert(repairs).values(values | {"canaries": 0, "began_at": datetime.now(UTC)}))
    assert get_state() == ("retrying", 1)
    fail("first", receive_count=9, final=True)
    assert get_state() == ("dead", 2)


@pytest.mark.parametrize("before", [False, True])
def test_an_attempt_that_has_begun_is_no_failure_yet(get_state, fail, store, order_id, before):
    if before:
        fail("first", receive_count=1, final=False)
    store.record_attempt(a_failure("first", order_id=order_id, receive_count=2, kind="begun", final=False))
    assert get_state()[0] == ("retrying" if before else "queued")


def test_only_an_order_that_has_failed_costs_a_statement_for_the_repairs(app, get_state, fail):
    statements = []
    engine = app.extensions[Services.NAME].engine  # the store of these tests has another
    event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    assert get_state() == ("queued", 0)
    assert statements == []
    fail("first")
    assert get_state() == ("dead", 1)
    assert len(statements) == 2  # and one for what has left the DLQ
