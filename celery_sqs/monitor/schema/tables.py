"""All tables of the monitor's database, and whether they are there as this version needs them."""

from typing import Final

from sqlalchemy import Engine, MetaData, Table, inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from celery_sqs.dlq import tables as of_dlq
from celery_sqs.errors import Misconfigured
from celery_sqs.monitor import tables as of_monitor

METADATA: Final[list[MetaData]] = [of_monitor.metadata, of_dlq.metadata]
TABLES: Final[dict[str, Table]] = {name: table for each in METADATA for name, table in each.tables.items()}

#: What to do about it.
COMMAND: Final = "celery -A APP sqs monitor upgrade"


def lacking(engine: Engine) -> str | None:
    """What is missing, in one line that names the command; None: nothing is.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    with engine.connect() as connection:
        inspector = inspect(connection)
        found = set(inspector.get_table_names())
        missing = sorted(TABLES.keys() - found)
        for name in sorted(TABLES.keys() & found):
            there = {column["name"] for column in inspector.get_columns(name)}
            missing += [f"{name}.{column.name}" for column in TABLES[name].columns if column.name not in there]
    if not missing:
        return None
    which = ", ".join(missing) if len(missing) < len(TABLES) else "all of them"
    return f"sqs_monitor_database: tables or columns are missing ({which}); run `{COMMAND}`, or the host's migrations"


def require_tables(engine: Engine) -> None:
    """Have a command end with one line where tables are missing. A database that does not answer may come back.

    Raises:
        Misconfigured: tables or columns are missing.
    """
    try:
        missing = lacking(engine)
    except SQLAlchemyError:
        return
    if missing is not None:
        raise Misconfigured(missing)


def why_failed(engine: Engine, error: SQLAlchemyError) -> str:
    """Why the database has refused something, in one line: what is missing there, or what its driver says."""
    try:
        missing = lacking(engine)
    except SQLAlchemyError:
        missing = None
    cause = str(error.orig if isinstance(error, DBAPIError) else error)
    return missing or f"the database cannot be used: {' '.join(cause.split())}"
