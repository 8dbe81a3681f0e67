"""The database of the monitor, as the Celery app's setting `sqs_monitor_database` names it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, create_engine

#: An SQLAlchemy URL, or a function that makes an engine: with time limits and a pool of its own, for instance.
Database = str | Callable[[], Engine]


def engine_of(app: Any) -> Engine:
    """A new engine for a Celery app's monitor. Nothing is opened until the first statement."""
    return make_engine(app.conf.sqs_monitor_database)


def make_engine(database: Database) -> Engine:
    """A new engine."""
    return create_engine(database) if isinstance(database, str) else database()
