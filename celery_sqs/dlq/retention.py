"""Deleting what is old from the tables of the dead-letter queue."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Engine, delete, select

from celery_sqs.database.batches import always, delete_in_batches
from celery_sqs.database.transaction import transaction
from celery_sqs.dlq.tables import dead_messages, repair_items, repairs

#: Rows of one DELETE. Each has a body, which may be 1 MiB.
BATCH: Final = 200


def purge_dead_messages(engine: Engine, before: datetime, keep_on: Callable[[], bool] = always) -> int:
    """Delete what is known of messages that have left the DLQ before an instant; returns how many there were.

    A message that is in the DLQ stays, however old it is.

    Args:
        engine: to the database with the tables.
        before: aware.
        keep_on: asked before each batch, whether to go on.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    columns = dead_messages.c
    oldest = select(columns.message_id).where(columns.gone_at < before).order_by(columns.gone_at).limit(BATCH)

    def some(connection: Connection) -> int:
        message_ids = connection.execute(oldest).scalars().all()
        deletion = delete(dead_messages).where(columns.message_id.in_(message_ids), columns.gone_at < before)
        return connection.execute(deletion).rowcount if message_ids else 0

    return delete_in_batches(lambda: transaction(engine, some), keep_on)


def purge_repairs(engine: Engine, before: datetime, keep_on: Callable[[], bool] = always) -> int:
    """Delete repairs that ended before an instant, with what they did to each message; returns how many rows.

    A repair that runs, or was interrupted, stays.

    Args:
        engine: to the database with the tables.
        before: aware.
        keep_on: asked before each batch, whether to go on.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    columns, items = repairs.c, repair_items.c
    oldest = select(columns.id).where(columns.ended_at < before).order_by(columns.began_at).limit(1)

    def some(connection: Connection) -> int:
        repair_id = connection.execute(oldest).scalar()
        if repair_id is None:
            return 0
        of_repair = items.repair_id == repair_id
        message_ids = connection.execute(select(items.message_id).where(of_repair).limit(BATCH)).scalars().all()
        if message_ids:
            return connection.execute(delete(repair_items).where(of_repair, items.message_id.in_(message_ids))).rowcount
        return connection.execute(delete(repairs).where(columns.id == repair_id, columns.ended_at < before)).rowcount

    return delete_in_batches(lambda: transaction(engine, some), keep_on)
