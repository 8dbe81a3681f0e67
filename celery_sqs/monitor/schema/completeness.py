"""Whether the tables are there as this version needs them, in one line that names what to do."""

from typing import Final

from sqlalchemy import Engine, MetaData, inspect
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from celery_sqs.errors import Misconfigured
from celery_sqs.monitor.tables import metadata

COMMAND: Final = "celery -A APP sqs monitor upgrade"


def lacking(engine: Engine, *others: MetaData) -> str | None:
    """Which tables or columns of the monitor, and of others, are missing; None: none is.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be used.
    """
    tables = {name: table for each in (metadata, *others) for name, table in each.tables.items()}
    with engine.connect() as connection:
        inspector = inspect(connection)
        found = set(inspector.get_table_names())
        missing = sorted(tables.keys() - found)
        for name in sorted(tables.keys() & found):
            there = {column["name"] for column in inspector.get_columns(name)}
            missing += [f"{name}.{column.name}" for column in tables[name].columns if column.name not in there]
    if not missing:
        return None
    which = ", ".join(missing) if len(missing) < len(tables) else "all of them"
    return f"sqs_monitor_database: tables or columns are missing ({which}); run `{COMMAND}`, or the host's migrations"


def require_tables(engine: Engine, *others: MetaData) -> None:
    """Have a command end with one line where tables are missing. A database that does not answer may come back.

    Raises:
        Misconfigured: tables or columns are missing.
    """
    try:
        missing = lacking(engine, *others)
    except SQLAlchemyError:
        return
    if missing is not None:
        raise Misconfigured(missing)


def why_failed(engine: Engine | None, error: SQLAlchemyError, *others: MetaData) -> str:
    """Why the database has refused something, in one line: what is missing there, or what its driver says.

    Args:
        engine: of the monitor's database; None where it is another one.
        error: what was raised.
        others: what has to be there beside the monitor's tables.
    """
    try:
        missing = engine and lacking(engine, *others)
    except SQLAlchemyError:
        missing = None
    cause = str(error.orig if isinstance(error, DBAPIError) else error)
    return missing or f"the database cannot be used: {' '.join(cause.split())}"
