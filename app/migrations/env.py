"""Alembic's entry point: `alembic upgrade head`, against DATABASE_URL."""

import sys

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from celery_sqs import dlq, monitor
from config.settings import boot
from orders.database import connect
from orders.tables import metadata

#: The tables of the orders, and those of the framework.
TABLES = [metadata, monitor.metadata, dlq.metadata]


def main() -> None:
    """Run the migrations on the connection a caller handed over, or on one of our own."""
    given = context.config.attributes.get("connection")
    if given is not None:
        migrate(given)
        return
    settings = boot()
    context.config.attributes["queue"] = settings.queue_name
    try:
        own = connect(settings.database_url, patient=True).connect()
    except DBAPIError as error:
        sys.exit(f"DATABASE_URL: no connection to the database: {error.orig}")
    with own as connection:
        migrate(connection)


def migrate(connection: Connection) -> None:
    """Bring the database to the requested revision."""
    context.configure(connection=connection, target_metadata=TABLES, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


main()
