"""A transaction is run again after a clash, for a short time only, and never hides what interrupted it."""

import sqlite3
import time

import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from pymysql.err import OperationalError as PyMySQLOperationalError
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError

from celery_sqs.database import transaction as of_framework
from orders import transaction as of_orders

LOCK_WAIT, TABLE_FULL = 1205, 1114  # MariaDB's numbers

pytestmark = pytest.mark.parametrize("module", [of_orders, of_framework], ids=["orders", "celery_sqs"])


@pytest.fixture
def engine():
    made = create_engine("sqlite://")
    yield made
    made.dispose()


def failing(code, times=10**9):
    """Work that fails so many times with one of MariaDB's errors, and the number of its runs."""
    runs = []

    def work(connection):
        runs.append(time.monotonic())
        if len(runs) <= times:
            raise OperationalError("INSERT", {}, PyMySQLOperationalError(code, "no"))
        return connection.execute(text("SELECT 7")).scalar()

    return work, runs


def test_a_clash_that_passes_is_not_seen(module, engine):
    work, runs = failing(LOCK_WAIT, times=2)
    assert module.transaction(engine, work) == 7
    assert len(runs) == 3


def test_a_clash_that_stays_is_raised_within_two_seconds(module, engine):
    work, runs = failing(LOCK_WAIT)
    began_at = time.monotonic()
    with pytest.raises(OperationalError):
        module.transaction(engine, work)
    assert len(runs) > 2
    assert time.monotonic() - began_at <= module.DEADLINE + 0.5
    assert module.DEADLINE <= 2


def test_what_takes_longer_than_that_is_not_tried_again(module, engine, monkeypatch):
    monkeypatch.setattr(module, "DEADLINE", 0.1)
    runs = []

    def slow(connection):
        runs.append(1)
        time.sleep(0.2)
        raise OperationalError("INSERT", {}, PyMySQLOperationalError(LOCK_WAIT, "no"))

    with pytest.raises(OperationalError):
        module.transaction(engine, slow)
    assert len(runs) == 1


def test_what_is_no_clash_is_raised_at_once(module, engine):
    work, runs = failing(TABLE_FULL)
    with pytest.raises(OperationalError):
        module.transaction(engine, work)
    assert len(runs) == 1


def test_a_time_limit_is_let_through_though_the_connection_cannot_roll_back(module, engine):
    """A signal interrupts a statement; PyMySQL closes the connection, so the rollback fails as if it had been lost."""
    runs = []

    def interrupted(connection):
        runs.append(1)
        driver = connection.connection.driver_connection
        connection.connection.dbapi_connection = Broken(driver)
        raise SoftTimeLimitExceeded

    with pytest.raises(SoftTimeLimitExceeded):
        module.transaction(engine, interrupted)
    assert len(runs) == 1


class Broken:
    """A driver's connection that fails at whatever it is asked for."""

    def __init__(self, connection):
        self._connection = connection

    def rollback(self):
        self._connection.rollback()
        raise sqlite3.OperationalError("interrupted")

    def __getattr__(self, name):
        return getattr(self._connection, name)


def test_an_error_of_the_work_itself_is_raised_as_it_is(module, engine):
    def work(connection):
        raise LookupError("of the work")

    with pytest.raises(LookupError):
        module.transaction(engine, work)
    with pytest.raises(DBAPIError):
        module.transaction(engine, lambda connection: connection.execute(text("SELECT nothing FROM nowhere")))
