"""The store on real databases: every order exactly once, and exactly as it was."""

import dataclasses
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from sqlalchemy import event, func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from orders.database import connect
from orders.faults import is_outage
from orders.fields import MAX_QUANTITY, MAX_TOTAL_PRICE, MAX_USER_ID
from orders.outcome import Position, Result
from orders.store import OrderStore
from orders.tables import orders
from tests.unit.samples import ACCEPTED_AT, an_arrival, an_order

THREADS = 4


@pytest.fixture
def statements(engine):
    """The SQL that the engine sends."""
    sent = []

    def note(connection, cursor, statement, *_):
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    return sent


@pytest.fixture
def count(engine):
    """A function that counts the rows of `orders`."""

    def rows():
        with engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(orders)).scalar_one()

    return rows


def results(outcomes):
    return [outcome.result for outcome in outcomes]


def test_an_order_comes_back_as_it_was_persisted(store):
    arrival = an_arrival(an_order(user_id=7, total_price=Decimal("0.10")), attempts=2)
    before = datetime.now(UTC)
    [outcome] = store.persist([arrival])
    assert outcome.result is Result.PERSISTED
    assert outcome.arrival is arrival
    stored = store.get(arrival.order.order_id)
    assert stored == outcome.stored
    assert stored.order == arrival.order
    assert (stored.attempts, stored.worker, stored.task_id) == (2, arrival.worker, arrival.task_id)
    assert before <= stored.persisted_at <= datetime.now(UTC)


def test_an_order_that_was_never_persisted_is_not_there(store):
    assert store.get(uuid4()) is None


def test_persisting_nothing_does_nothing(store, statements):
    assert store.persist([]) == []
    assert statements == []


@pytest.mark.parametrize("price", ["0.00", "0.01", "0.10", "99.99", "1234567.89", "9999999999.98", "9999999999.99"])
def test_a_price_is_exact_to_the_cent(store, price):
    order = an_order(total_price=Decimal(price))
    store.persist([an_arrival(order)])
    assert str(store.get(order.order_id).order.total_price) == price


def test_the_greatest_values_fit(store):
    order = an_order(
        user_id=MAX_USER_ID, quantity=MAX_QUANTITY, total_price=MAX_TOTAL_PRICE, product_name="\U0001f469" * 200
    )
    store.persist([an_arrival(order)])
    assert store.get(order.order_id).order == order


@pytest.mark.parametrize(
    "name", ["👩‍🔧 Widget", "trailing ", "trailing\u3000", "'; DROP TABLE orders; --", "%s %(a)s :a ?", "\\", "ß", "é"]
)
def test_a_name_is_kept_character_by_character(store, name):
    order = an_order(product_name=name)
    store.persist([an_arrival(order)])
    assert store.get(order.order_id).order.product_name == name


@pytest.mark.parametrize(("name", "other"), [("Widget", "widget"), ("e", "é"), ("ss", "ß"), ("a", "a ")])
def test_names_that_a_dictionary_would_sort_alike_are_different_orders(store, name, other):
    order = an_order(product_name=name)
    store.persist([an_arrival(order)])
    changed = dataclasses.replace(order, product_name=other)
    assert results(store.persist([an_arrival(changed)])) == [Result.CONFLICT]


def test_an_instant_keeps_its_microseconds_and_its_zone(store):
    order = an_order(timestamp=datetime(2026, 10, 25, 0, 30, 0, 123_456, tzinfo=UTC))
    store.persist([an_arrival(order)])
    assert store.get(order.order_id).order.timestamp == order.timestamp


def test_the_same_order_again_is_a_duplicate_and_changes_nothing(store, count):
    arrival = an_arrival()
    store.persist([arrival])
    first = store.get(arrival.order.order_id)
    again = dataclasses.replace(arrival, attempts=2, worker="another@test")
    [outcome] = store.persist([again])
    assert outcome.result is Result.DUPLICATE
    assert outcome.stored == first
    assert store.get(arrival.order.order_id) == first
    assert count() == 1


def test_an_order_posted_again_later_is_a_duplicate(store):
    order = an_order()
    store.persist([an_arrival(order)])
    later = dataclasses.replace(order, timestamp=ACCEPTED_AT + timedelta(hours=1))
    assert results(store.persist([an_arrival(later)])) == [Result.DUPLICATE]
    assert store.get(order.order_id).order.timestamp == ACCEPTED_AT


def test_a_transaction_whose_commit_went_unheard_is_persisted_when_it_is_repeated(store):
    arrival = an_arrival()
    assert results(store.persist([arrival])) == [Result.PERSISTED]
    assert results(store.persist([arrival])) == [Result.PERSISTED]


@pytest.mark.parametrize(
    "change", [{"user_id": 2}, {"product_name": "Gadget"}, {"quantity": 3}, {"total_price": Decimal("99.91")}]
)
def test_another_order_under_the_same_id_is_a_conflict_that_shows_both(store, change):
    order = an_order()
    store.persist([an_arrival(order)])
    other = dataclasses.replace(order, **change)
    [outcome] = store.persist([an_arrival(other)])
    assert outcome.result is Result.CONFLICT
    assert outcome.stored.order == order
    assert outcome.arrival.order == other
    assert store.get(order.order_id).order == order


def test_each_order_of_a_batch_has_an_outcome_of_its_own(store, count):
    old, changed, new = an_order(), an_order(), an_order()
    store.persist([an_arrival(old), an_arrival(changed)])
    batch = [an_arrival(dataclasses.replace(changed, quantity=9)), an_arrival(new), an_arrival(old)]
    outcomes = store.persist(batch)
    assert results(outcomes) == [Result.CONFLICT, Result.PERSISTED, Result.DUPLICATE]
    assert [outcome.arrival for outcome in outcomes] == batch
    assert [outcome.stored.order for outcome in outcomes] == [changed, new, old]
    assert count() == 3


def test_an_order_twice_in_a_batch_is_persisted_once(store, count):
    order = an_order()
    outcomes = store.persist([an_arrival(order), an_arrival(order)])
    assert sorted(result.value for result in results(outcomes)) == ["duplicate", "persisted"]
    assert count() == 1


def test_two_orders_under_one_id_in_a_batch_are_one_row_and_one_conflict(store, count):
    order = an_order()
    other = dataclasses.replace(order, quantity=9)
    outcomes = store.persist([an_arrival(order), an_arrival(other)])
    assert sorted(result.value for result in results(outcomes)) == ["conflict", "persisted"]
    assert count() == 1
    [stored] = {outcome.stored.order.quantity for outcome in outcomes}
    assert stored == store.get(order.order_id).order.quantity


def test_a_batch_of_new_orders_is_one_statement_that_reads_nothing_back(store, statements, count):
    assert set(results(store.persist([*map(an_arrival, [None] * 50)]))) == {Result.PERSISTED}
    [statement] = statements
    assert statement.startswith("INSERT INTO orders")
    assert "RETURNING" not in statement
    assert count() == 50


def test_a_batch_with_orders_that_are_there_is_two_statements_whatever_is_in_it(store, statements):
    old = an_order()
    store.persist([an_arrival(old)])
    statements.clear()
    store.persist([an_arrival(old), an_arrival(dataclasses.replace(old, quantity=9)), *map(an_arrival, [None] * 50)])
    assert len(statements) == 2
    assert all(statement.startswith("INSERT INTO orders") for statement in statements)
    assert not any("IGNORE" in statement for statement in statements)


def test_threads_with_overlapping_batches_leave_one_row_each(store, count):
    shared = [an_order() for _ in range(60)]
    together = threading.Barrier(THREADS)

    def persist_all(seed):
        shuffled = random.Random(seed).sample(shared, len(shared))
        outcomes = []
        for start in range(0, len(shuffled), 10):
            together.wait()
            outcomes += store.persist([an_arrival(order) for order in shuffled[start : start + 10]])
        return outcomes

    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = [outcome for batch in threads.map(persist_all, range(THREADS)) for outcome in batch]
    persisted = [outcome.arrival.order.order_id for outcome in outcomes if outcome.result is Result.PERSISTED]
    assert sorted(persisted) == sorted(order.order_id for order in shared)
    assert {outcome.result for outcome in outcomes} == {Result.PERSISTED, Result.DUPLICATE}
    assert count() == len(shared)


def test_a_row_that_breaks_a_constraint_takes_its_batch_back(store, count):
    bad = an_order(quantity=-1)
    with pytest.raises(DBAPIError) as refused:
        store.persist([an_arrival(), an_arrival(bad)])
    assert not is_outage(refused.value)
    assert count() == 0


def test_the_table_refuses_a_second_row_under_an_id(store, engine):
    order = an_order()
    store.persist([an_arrival(order)])
    with engine.connect() as connection:
        row = connection.execute(select(orders)).one()._asdict()
        with pytest.raises(IntegrityError):
            connection.execute(insert(orders), row)


def test_orders_are_listed_newest_first_and_those_of_one_instant_by_id(store):
    at_once = [an_order(timestamp=ACCEPTED_AT) for _ in range(3)]
    newest = an_order(timestamp=ACCEPTED_AT + timedelta(microseconds=1))
    oldest = an_order(timestamp=ACCEPTED_AT - timedelta(microseconds=1))
    store.persist([an_arrival(order) for order in [*at_once, oldest, newest, an_order(user_id=2)]])
    by_id = sorted(at_once, key=lambda order: str(order.order_id), reverse=True)
    assert [stored.order for stored in store.newest(1, 10)] == [newest, *by_id, oldest]


@pytest.mark.parametrize("limit", [1, 2, 3, 10])
def test_paging_shows_every_order_exactly_once(store, limit):
    persisted = [an_order(timestamp=ACCEPTED_AT + timedelta(seconds=number // 4)) for number in range(10)]
    store.persist([an_arrival(order) for order in persisted])
    seen, behind = [], None
    while page := store.newest(1, limit, behind):
        seen += [stored.order.order_id for stored in page]
        behind = Position(accepted_at=page[-1].order.timestamp, order_id=page[-1].order.order_id)
    assert len(seen) == len(set(seen)) == len(persisted)
    assert set(seen) == {order.order_id for order in persisted}


def test_a_migrated_database_is_reachable(store):
    assert store.reachable()


@pytest.mark.parametrize("url", ["sqlite://", "mysql+pymysql://orders@127.0.0.1:1/orders"])
def test_a_database_without_tables_or_without_a_server_is_not_reachable(url):
    engine = connect(url)
    assert not OrderStore(engine).reachable()
    engine.dispose()
