"""Deleting many rows in small transactions, so that nobody waits long for a lock."""

from collections.abc import Callable

from celery_sqs import system


def always() -> bool:
    """Go on until nothing is left."""
    return True


def delete_in_batches(delete_some: Callable[[], int], keep_on: Callable[[], bool] = always) -> int:
    """Delete until nothing is left; returns how many rows.

    After each batch the database is left to others for a quarter of the batch's time.

    Args:
        delete_some: deletes a batch, and returns how many rows that were; 0: nothing is left.
        keep_on: asked before each batch, whether to go on.
    """
    total = 0
    while keep_on():
        began = system.time.monotonic()
        deleted = delete_some()
        if not deleted:
            break
        total += deleted
        system.time.sleep((system.time.monotonic() - began) / 4)
    return total
