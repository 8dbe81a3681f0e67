"""What a database error means: the order's own fault, a passing clash, or perhaps an outage."""

import sqlite3

import pytest
from pymysql.err import (
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from orders.database import connect
from orders.faults import is_outage, is_transient

OUTAGE, TRANSIENT, NEITHER = "perhaps an outage", "transient", "neither"

MARIADB = [
    (OperationalError(2002, "Can't connect to local server through socket"), OUTAGE),
    (OperationalError(2003, "Can't connect to MySQL server on 'db' ([Errno 111] Connection refused)"), OUTAGE),
    (OperationalError(2005, "Unknown server host"), OUTAGE),
    (OperationalError(2006, "MySQL server has gone away"), OUTAGE),
    (OperationalError(2013, "Lost connection to MySQL server during query (timed out)"), OUTAGE),
    (InterfaceError(0, ""), OUTAGE),
    (InterfaceError("(0, '')"), OUTAGE),
    (OperationalError(1040, "Too many connections"), OUTAGE),
    (OperationalError(1203, "User already has more than 'max_user_connections' active connections"), OUTAGE),
    (OperationalError(1226, "User has exceeded the 'max_connections_per_hour' resource"), OUTAGE),
    (OperationalError(1129, "Host is blocked because of many connection errors"), OUTAGE),
    (OperationalError(1130, "Host is not allowed to connect to this MariaDB server"), OUTAGE),
    (OperationalError(1041, "Out of memory"), OUTAGE),
    (OperationalError(1044, "Access denied for user to database"), OUTAGE),
    (OperationalError(1045, "Access denied for user"), OUTAGE),
    (OperationalError(1142, "INSERT command denied to user"), OUTAGE),
    (OperationalError(3159, "Connections using insecure transport are prohibited"), OUTAGE),
    (OperationalError(1049, "Unknown database"), OUTAGE),
    (ProgrammingError(1146, "Table 'orders' doesn't exist"), OUTAGE),
    (OperationalError(1054, "Unknown column"), OUTAGE),
    (OperationalError(1047, "WSREP has not yet prepared node for application use"), OUTAGE),
    (OperationalError(1053, "Server shutdown in progress"), OUTAGE),
    (OperationalError(1290, "The server is running with the --read-only option"), OUTAGE),
    (OperationalError(1792, "Cannot execute statement in a READ ONLY transaction"), OUTAGE),
    (OperationalError(1836, "Running in read-only mode"), OUTAGE),
    (InternalError(1021, "Disk full"), OUTAGE),
    (OperationalError(1114, "The table 'orders' is full"), OUTAGE),
    (OperationalError(1213, "Deadlock found when trying to get lock"), TRANSIENT),
    (OperationalError(1205, "Lock wait timeout exceeded"), TRANSIENT),
    (OperationalError(1020, "Record has changed since last read in table 'orders'"), TRANSIENT),
    (OperationalError(1317, "Query execution was interrupted"), TRANSIENT),
    (OperationalError(1927, "Connection was killed"), TRANSIENT),
    (OperationalError(1969, "Query execution was interrupted (max_statement_time exceeded)"), TRANSIENT),
    (IntegrityError(1062, "Duplicate entry"), NEITHER),
    (IntegrityError(1048, "Column 'status' cannot be null"), NEITHER),
    (OperationalError(4025, "CONSTRAINT `ck_orders_quantity_positive` failed"), NEITHER),
    (DataError(1264, "Out of range value for column"), NEITHER),
    (DataError(1406, "Data too long for column"), NEITHER),
    (OperationalError(1366, "Incorrect string value"), NEITHER),
    (ProgrammingError(1064, "You have an error in your SQL syntax"), NEITHER),
    (InternalError("Packet sequence number wrong - got 1 expected 0"), OUTAGE),
    (OperationalError(), OUTAGE),
    (OperationalError("no number"), OUTAGE),
    (OperationalError(9001, "Max connect timeout reached while reaching hostgroup 0"), OUTAGE),
    (OperationalError(9006, "ProxySQL Error: connection is locked to hostgroup"), OUTAGE),
    (InternalError(999, "of nobody's list"), OUTAGE),
    (OperationalError(1153, "Got a packet bigger than 'max_allowed_packet' bytes"), OUTAGE),
    (OperationalError(1300, "Invalid utf8mb4 character string"), NEITHER),
    (OperationalError(3819, "Check constraint is violated"), NEITHER),
]

ids = [f"{type(error).__name__} {error.args[0] if error.args else ''}" for error, _ in MARIADB]


def kind_of(error):
    if is_transient(error):
        assert is_outage(error), "what goes on failing may be an outage"
        return TRANSIENT
    return OUTAGE if is_outage(error) else NEITHER


def wrapped(error):
    """The error as SQLAlchemy raises it."""
    return DBAPIError.instance("INSERT INTO orders", {}, error, Error)


@pytest.mark.parametrize(("error", "kind"), MARIADB, ids=ids)
def test_a_mariadb_error_is_classified_by_its_number(error, kind):
    assert kind_of(error) == kind


@pytest.mark.parametrize(("error", "kind"), MARIADB, ids=ids)
def test_sqlalchemys_wrapping_changes_nothing(error, kind):
    assert isinstance(wrapped(error), DBAPIError)
    assert kind_of(wrapped(error)) == kind


def test_a_pool_without_a_free_connection_is_an_outage():
    assert kind_of(PoolTimeout("QueuePool limit of size 5 overflow 10 reached")) == OUTAGE


@pytest.mark.parametrize(
    "error",
    [
        ValueError(2003),
        OSError(2003, "not the driver's"),
        RuntimeError(1205),
        StatementError("a bad parameter", "INSERT", {}, ValueError("no such table")),
    ],
)
def test_an_error_that_is_not_the_drivers_is_neither(error):
    assert kind_of(error) == NEITHER


@pytest.fixture
def folder(tmp_path):
    """A folder with a database that has one table."""
    with sqlite3.connect(tmp_path / "orders.db") as connection:
        connection.execute("CREATE TABLE orders (quantity INTEGER CHECK (quantity > 0))")
    connection.close()
    return tmp_path


def provoked(url, statement="INSERT INTO orders VALUES (1)", **arguments):
    """The error that SQLAlchemy raises for a statement; it must raise one."""
    engine = create_engine(url, connect_args=arguments)
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    except DBAPIError as error:
        return error
    finally:
        engine.dispose()
    raise AssertionError("no error")


def test_a_locked_sqlite_file_is_transient(folder):
    holder = sqlite3.connect(folder / "orders.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    error = provoked(f"sqlite:///{folder}/orders.db", timeout=0)
    holder.close()
    assert "locked" in str(error)
    assert kind_of(error) == TRANSIENT


def test_a_sqlite_file_without_its_tables_is_an_outage(tmp_path):
    error = provoked(f"sqlite:///{tmp_path}/empty.db")
    assert "no such table" in str(error)
    assert kind_of(error) == OUTAGE


@pytest.mark.parametrize(
    "statement", ["INSERT INTO orders (price) VALUES (1)", "SELECT price FROM orders"], ids=["insert", "select"]
)
def test_a_sqlite_file_without_the_newest_columns_is_an_outage(folder, statement):
    assert kind_of(provoked(f"sqlite:///{folder}/orders.db", statement)) == OUTAGE


def test_a_read_only_sqlite_file_is_an_outage(folder):
    error = provoked(f"sqlite:///file:{folder}/orders.db?mode=ro&uri=true")
    assert "readonly" in str(error)
    assert kind_of(error) == OUTAGE


def test_a_missing_folder_is_an_outage(tmp_path):
    error = provoked(f"sqlite:///{tmp_path}/missing/orders.db")
    assert "unable to open" in str(error)
    assert kind_of(error) == OUTAGE


def test_a_file_that_is_no_database_is_an_outage(tmp_path):
    (tmp_path / "orders.db").write_bytes(b"something else entirely" * 100)
    assert kind_of(provoked(f"sqlite:///{tmp_path}/orders.db")) == OUTAGE


def test_a_full_disk_is_an_outage(folder):
    engine = create_engine(f"sqlite:///{folder}/orders.db")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA max_page_count = 2"))
        with pytest.raises(DBAPIError, match="full") as full:
            connection.execute(text("INSERT INTO orders VALUES (:blob)"), {"blob": "x" * 100_000})
    engine.dispose()
    assert kind_of(full.value) == OUTAGE


def test_a_violated_constraint_is_the_orders_own_fault(folder):
    assert kind_of(provoked(f"sqlite:///{folder}/orders.db", "INSERT INTO orders VALUES (0)")) == NEITHER


def test_a_mistake_in_the_sql_is_no_outage(folder):
    assert kind_of(provoked(f"sqlite:///{folder}/orders.db", "INSERT INTO")) == NEITHER


def test_a_server_that_nobody_runs_is_an_outage():
    engine = connect("mysql+pymysql://orders@127.0.0.1:1/orders")
    with pytest.raises(DBAPIError) as refused, engine.connect():
        pass
    engine.dispose()
    assert kind_of(refused.value) == OUTAGE
