"""The oracle finds what is wrong, and nothing where nothing is."""

from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

import pymysql
import pytest
from sqlalchemy import make_url

from tests.faults.oracle import Ledger, Placed, Verdict, judge

POISON = "no order at all"


@pytest.fixture
def world(mariadb_server, queues):
    return World(mariadb_server.fresh(), queues)


class World:
    """A database and queues into which a test puts what it wants to be found."""

    def __init__(self, database_url, queues):
        self.database_url = database_url
        self.queues = queues
        self.ledger = Ledger()

    def accept(self, **content):
        order_id, placed = str(uuid4()), replace(Placed.some(7), **content)
        self.ledger.accept(order_id, placed)
        return order_id, placed

    def store(self, order_id, placed):
        self.execute(
            "INSERT INTO orders VALUES (%s, %s, %s, %s, %s, 'pending', NOW(), NOW(), 1, 'worker', 'task')",
            (order_id, placed.user_id, placed.product, placed.quantity, placed.price),
        )

    def explain(self, message_id):
        self.execute(
            "INSERT INTO attempts (message_id, kind, task, task_id, error_class, message, traceback, receive_count,"
            " worker, final, failed_at, next_visible_at)"
            " VALUES (%s, 'own', 'persist_order', 'task', 'Error', '', '', 3, 'worker', 1, NOW(), NOW())",
            (message_id,),
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

    def verdict(self):
        return judge(self.ledger, self.database_url, self.queues)


def test_each_order_stored_once_and_each_bad_message_dead_with_its_reason_is_well(world):
    order_id, placed = world.accept()
    world.store(order_id, placed)
    open_order = Placed.some(8)
    world.ledger.leave_open(open_order)
    world.store(str(uuid4()), open_order)
    conflict = replace(placed, quantity=8).message(order_id)
    world.ledger.doom(conflict)
    world.explain(world.bury(conflict))
    assert world.verdict() == Verdict()
    assert world.verdict().clean


def test_an_order_that_is_nowhere_is_lost(world):
    order_id, _ = world.accept()
    assert world.verdict() == Verdict(lost=[order_id])


def test_an_order_in_the_work_queue_is_waiting(world):
    order_id, placed = world.accept()
    world.queues.send(placed.message(order_id))
    assert world.verdict() == Verdict(waiting=[order_id])


def test_a_row_with_other_content_is_altered(world):
    order_id, placed = world.accept(price=Decimal("99.90"))
    world.store(order_id, replace(placed, price=Decimal("99.91")))
    assert world.verdict() == Verdict(altered=[order_id])


def test_an_order_under_two_ids_is_doubled(world):
    order_id, placed = world.accept()
    world.store(order_id, placed)
    world.store(str(uuid4()), placed)
    assert world.verdict() == Verdict(doubled=[order_id])


@pytest.mark.parametrize("queue", ["url", "dlq_url"])
def test_an_order_that_is_stored_and_in_a_queue_is_doubled(world, queue):
    order_id, placed = world.accept()
    world.store(order_id, placed)
    url = getattr(world.queues, queue)
    world.explain(world.queues.sqs.send_message(QueueUrl=url, MessageBody=placed.message(order_id))["MessageId"])
    assert world.verdict() == Verdict(doubled=[order_id])


def test_a_good_order_in_the_dlq_is_dead(world):
    order_id, placed = world.accept()
    world.explain(world.bury(placed.message(order_id)))
    assert world.verdict() == Verdict(dead=[order_id])


def test_a_good_order_in_the_dlq_is_dead_even_if_it_was_never_promised(world):
    order_id, placed = str(uuid4()), Placed.some(7)
    world.ledger.leave_open(placed)
    world.explain(world.bury(placed.message(order_id)))
    assert world.verdict() == Verdict(dead=[order_id])


def test_a_row_that_nobody_was_promised_is_a_stranger(world):
    order_id = str(uuid4())
    world.store(order_id, Placed.some(9))
    assert world.verdict() == Verdict(strangers=[order_id])


def test_a_dead_message_without_a_recorded_attempt_is_unexplained(world):
    world.ledger.doom(POISON)
    world.bury(POISON)
    assert world.verdict() == Verdict(unexplained=[POISON])


def test_the_reason_of_another_message_explains_none(world):
    order_id, placed = world.accept()
    world.store(order_id, placed)
    for content in (replace(placed, quantity=8), replace(placed, quantity=9)):
        world.ledger.doom(content.message(order_id))
    world.explain(world.bury(replace(placed, quantity=8).message(order_id)))
    world.bury(replace(placed, quantity=9).message(order_id))
    assert world.verdict() == Verdict(unexplained=[replace(placed, quantity=9).message(order_id)])


def test_a_bad_message_that_is_not_in_the_dlq_has_escaped(world):
    world.ledger.doom(POISON)
    assert world.verdict() == Verdict(escaped=[POISON])


def test_looks_at_more_messages_than_one_receive_brings_and_leaves_them(world):
    placed = [world.accept() for _ in range(25)]
    for order_id, order in placed:
        world.explain(world.bury(order.message(order_id)))
    assert len(world.verdict().dead) == 25
    assert len(world.verdict().dead) == 25


def test_a_verdict_says_what_is_wrong_in_one_line(world):
    order_id, _ = world.accept()
    verdict = world.verdict()
    assert not verdict.clean
    assert str(verdict) == f"1 lost: ['{order_id}']"
