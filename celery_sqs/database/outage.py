"""Whether the database as a whole is out of use."""

from sqlalchemy import Engine, select
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout


def is_outage(error: SQLAlchemyError) -> bool:
    """Whether an error may be no fault of its statement: no connection, or one that ended, a database that refuses."""
    return isinstance(error, OperationalError | InterfaceError | PoolTimeout)


def answers(engine: Engine) -> bool:
    """Whether the database does; it may take as long as the engine waits."""
    try:
        with engine.connect() as connection:
            connection.execute(select(1))
    except SQLAlchemyError:
        return False
    return True
