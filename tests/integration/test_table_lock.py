"""A lock in a table: one process at a time has it, and that of a killed one ends."""

from datetime import timedelta

from celery_sqs.database.table_lock import TableLock
from celery_sqs.monitor.tables import housekeeping
from tests.polling import poll


def test_one_worker_at_a_time_keeps_the_tables_in_order(engine):
    first, second = (TableLock(engine, housekeeping, "monitor", timedelta(seconds=30)) for _ in range(2))
    assert first.acquire()
    assert not second.acquire()
    assert first.acquire(), "it renews its own"
    second.release()
    assert not second.acquire()
    first.release()
    assert second.acquire()


def test_the_lock_of_a_killed_worker_ends(engine):
    killed = TableLock(engine, housekeeping, "monitor", timedelta(seconds=0.2))
    assert killed.acquire()
    other = TableLock(engine, housekeeping, "monitor", timedelta(seconds=30))
    poll(other.acquire, 3, "the lock has ended")
    assert not killed.acquire()
