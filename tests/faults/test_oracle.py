"""The oracle finds what is wrong, and nothing where nothing is."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pymysql
import pytest
from sqlalchemy import make_url

from celery_sqs.message.renewal import Renewal, renewed
from tests.faults.accepted_orders import AcceptedOrders, OrderRequest, Prediction
from tests.faults.oracle import Anomalies, find_anomalies

POISON = "no order at all"


@pytest.fixture
def state(mariadb_server, queues):
    return State(mariadb_server.fresh(), queues)


class State:
    """A database and queues into which a test puts what the oracle is to find."""

    def __init__(self, database_url, queues):
        self.database_url = database_url
        self.queues = queues
        self.accepted = AcceptedOrders()

    def accept(self, **content):
        order_id, order = str(uuid4()), replace(OrderRequest.unique(7), **content)
        self.accepted.accept(order_id, order)
        return order_id, order

    def store(self, order_id, order):
        self.execute(
            "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, 'pending', NOW(), NOW(), 1, 'worker', 'task')",
            (order_id, order.user_id, order.product, order.quantity, order.price),
        )

    def explain(self, message_id, kind="own", number=3, order_id=None):
        self.execute(
            "INSERT INTO attempts (message_id, order_id, kind, task, task_id, error_class, message, traceback,"
            " receive_count, worker, final, failed_at, next_visible_at)"
            " VALUES (%s, %s, %s, 'persist_order', 'task', 'Error', '', '', %s, 'worker', 1, NOW(), NOW())",
            (message_id, order_id, kind, number),
        )

    def find(self, message_id, kind):
        self.execute(
            "INSERT INTO dead_messages (message_id, queue, body, attributes, task, task_id, fingerprint, kind,"
            " error_class, error, sent_at, seen_at) VALUES (%s, 'q', '', '{}', '', '', '', %s, '', '', NOW(), NOW())",
            (message_id, kind),
        )

    def execute(self, statement, values):
        url = make_url(self.database_url)
        with pymysql.connect(
            host=url.host, port=url.port, user=url.username, database=url.database, autocommit=True
        ) as connection:
            connection.cursor().execute(statement, values)

    def bury(self, body):
        """A dead message; returns SQS's id of it."""
        return self.queues.sqs.send_message(QueueUrl=self.queues.dlq_url, MessageBody=body)["MessageId"]

    def bury_killer(self):
        """A dead order that kills; returns SQS's id of it, the order's id and the message's body."""
        order_id = str(uuid4())
        body = OrderRequest.killer().message(order_id)
        self.accepted.expect_killer_dead(order_id, body)
        return self.bury(body), order_id, body

    def anomalies(self):
        return find_anomalies(self.accepted, self.database_url, self.queues)


def test_each_order_stored_once_and_each_bad_message_dead_with_its_reason_is_no_anomaly(state):
    order_id, order = state.accept()
    state.store(order_id, order)
    indeterminate = OrderRequest.unique(8)
    state.accepted.mark_indeterminate(indeterminate)
    state.store(str(uuid4()), indeterminate)
    conflict = replace(order, quantity=8).message(order_id)
    state.accepted.expect_dead(conflict)
    state.explain(state.bury(conflict))
    assert state.anomalies() == Anomalies()
    assert not state.anomalies()


def test_an_order_that_is_nowhere_is_lost(state):
    order_id, _ = state.accept()
    assert state.anomalies() == Anomalies(lost=[order_id])


def test_an_order_in_the_work_queue_is_waiting(state):
    order_id, order = state.accept()
    state.queues.send(order.message(order_id))
    assert state.anomalies() == Anomalies(waiting=[order_id])


def test_a_row_with_other_content_is_altered(state):
    order_id, order = state.accept(price=Decimal("99.90"))
    state.store(order_id, replace(order, price=Decimal("99.91")))
    assert state.anomalies() == Anomalies(altered=[order_id])


def test_an_order_under_two_ids_is_duplicated(state):
    order_id, order = state.accept()
    state.store(order_id, order)
    state.store(str(uuid4()), order)
    assert state.anomalies() == Anomalies(duplicated=[order_id])


@pytest.mark.parametrize("queue", ["url", "dlq_url"])
def test_an_order_that_is_stored_and_in_a_queue_is_duplicated(state, queue):
    order_id, order = state.accept()
    state.store(order_id, order)
    url = getattr(state.queues, queue)
    state.explain(state.queues.sqs.send_message(QueueUrl=url, MessageBody=order.message(order_id))["MessageId"])
    assert state.anomalies() == Anomalies(duplicated=[order_id])


def test_a_good_order_in_the_dlq_is_dead(state):
    order_id, order = state.accept()
    state.explain(state.bury(order.message(order_id)))
    assert state.anomalies() == Anomalies(dead=[order_id])


def test_a_good_order_in_the_dlq_is_dead_even_if_it_was_never_accepted(state):
    order_id, order = str(uuid4()), OrderRequest.unique(7)
    state.accepted.mark_indeterminate(order)
    state.explain(state.bury(order.message(order_id)))
    assert state.anomalies() == Anomalies(dead=[order_id])


def test_a_row_that_was_never_accepted_is_unexpected(state):
    order_id = str(uuid4())
    state.store(order_id, OrderRequest.unique(9))
    assert state.anomalies() == Anomalies(unexpected=[order_id])


def test_a_dead_message_without_a_recorded_attempt_is_unexplained(state):
    state.accepted.expect_dead(POISON)
    state.bury(POISON)
    assert state.anomalies() == Anomalies(unexplained=[POISON])


@pytest.mark.parametrize(("kind", "anomalies"), [("poison", []), ("lost", [POISON])])
def test_what_a_scan_has_found_to_be_poison_is_explained(state, kind, anomalies):
    state.accepted.expect_dead(POISON)
    state.find(state.bury(POISON), kind)
    assert state.anomalies() == Anomalies(unexplained=anomalies)


def test_the_reason_of_another_message_explains_none(state):
    order_id, order = state.accept()
    state.store(order_id, order)
    for content in (replace(order, quantity=8), replace(order, quantity=9)):
        state.accepted.expect_dead(content.message(order_id))
    state.explain(state.bury(replace(order, quantity=8).message(order_id)))
    state.bury(replace(order, quantity=9).message(order_id))
    assert state.anomalies() == Anomalies(unexplained=[replace(order, quantity=9).message(order_id)])


def test_a_copy_in_the_dlq_is_explained_by_the_attempts_at_the_message_that_it_names(state):
    state.accepted.expect_dead(POISON)
    first = str(uuid4())
    received = {"Body": POISON, "MessageAttributes": {}}
    copy = renewed(received, Renewal(message_id=first, sent_at=1, receives=1))
    state.queues.sqs.send_message(QueueUrl=state.queues.dlq_url, **copy)
    assert state.anomalies() == Anomalies(unexplained=[POISON])
    state.explain(first)
    assert state.anomalies() == Anomalies()


def test_a_killer_with_all_its_attempts_on_record_as_lost_is_no_anomaly(state):
    message_id, order_id, _ = state.bury_killer()
    for number in (1, 2, 3):
        state.explain(message_id, "lost", number, order_id)
    assert state.anomalies() == Anomalies()


@pytest.mark.parametrize("kinds", [["lost"] * 2, ["lost"] * 4, ["lost", "lost", "own"]])
def test_a_killer_with_fewer_attempts_or_more_or_others_on_record_is_mispredicted(state, kinds):
    message_id, order_id, body = state.bury_killer()
    for number, kind in enumerate(kinds, 1):
        state.explain(message_id, kind, number, order_id)
    assert state.anomalies() == Anomalies(mispredicted=[f"{body} has {kinds}"])


def test_a_killer_that_is_not_in_the_dlq_is_not_dead(state):
    order_id = str(uuid4())
    body = OrderRequest.killer().message(order_id)
    state.accepted.expect_killer_dead(order_id, body)
    assert state.anomalies() == Anomalies(not_dead=[body])


def test_a_bad_message_needs_its_own_reason_among_those_on_record(state):
    state.accepted.expect_dead(POISON, Prediction("poison"))
    message_id = state.bury(POISON)
    state.explain(message_id, "lost", 1)
    assert state.anomalies() == Anomalies(mispredicted=[f"{POISON} has ['lost']"])
    state.explain(message_id, "poison", 2)
    assert state.anomalies() == Anomalies()


def test_a_bad_message_that_is_not_in_the_dlq_is_not_dead(state):
    state.accepted.expect_dead(POISON)
    assert state.anomalies() == Anomalies(not_dead=[POISON])


def test_reads_more_messages_than_one_receive_brings_and_leaves_them(state):
    orders = [state.accept() for _ in range(25)]
    for order_id, order in orders:
        state.explain(state.bury(order.message(order_id)))
    assert len(state.anomalies().dead) == 25
    assert len(state.anomalies().dead) == 25


def test_anomalies_say_what_is_wrong_in_one_line(state):
    order_id, _ = state.accept()
    anomalies = state.anomalies()
    assert anomalies
    assert str(anomalies) == f"1 lost: ['{order_id}']"
