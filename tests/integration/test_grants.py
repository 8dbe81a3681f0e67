"""The services' login: made, given a new password and limited, by an administrator on a real MariaDB.

That all the services do needs no more rights than it has, every other test shows: it is the user that they log in as.
"""

import uuid

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from app import create_app
from orders.database import connect
from orders.grants import RIGHTS, Refused, grant
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.unit.samples import an_arrival

HARD = "p'@/\"\\`%s:x #é☕"


@pytest.fixture
def url(mariadb_server):
    """A database's URL for an administrator who is not root."""
    url = make_url(mariadb_server.fresh())
    mariadb_server.execute("CREATE USER IF NOT EXISTS chief IDENTIFIED BY 'of-all'")
    mariadb_server.execute("GRANT ALL ON *.* TO chief WITH GRANT OPTION")
    return url.set(username="chief", password="of-all")


@pytest.fixture
def user():
    """A user that is not there yet."""
    return f"svc-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def engine_of():
    """A function that makes an engine for a URL."""
    engines = []

    def make(url):
        engines.append(connect(url.render_as_string(hide_password=False)))
        return engines[-1]

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def run(url):
    """A function that runs `flask database grant` as the administrator."""

    def command(*arguments, at=url, **environment):
        database_url = at.render_as_string(hide_password=False)
        app = create_app(make_settings(database_url=database_url))
        with app.app_context():
            return app.test_cli_runner().invoke(args=["database", "grant", *arguments], env=environment)

    return command


def test_a_user_is_made_that_can_do_what_the_services_do(url, user, engine_of):
    assert grant(engine_of(url), user, HARD) == f"{user} created: {RIGHTS} on {url.database}"
    store = OrderStore(engine_of(url.set(username=user, password=HARD)))
    assert store.writable()
    assert store.persist([an_arrival()])


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE orders",
        "TRUNCATE TABLE orders",
        "ALTER TABLE orders DROP COLUMN worker",
        "CREATE TABLE another (id INT)",
        "CREATE TRIGGER refuse BEFORE INSERT ON orders FOR EACH ROW SET NEW.quantity = 1",
        "LOCK TABLES orders READ",
        "SELECT * FROM mysql.user",
        "CREATE USER another",
        "SET GLOBAL read_only = 1",
    ],
)
def test_it_can_do_nothing_else(url, user, engine_of, statement):
    grant(engine_of(url), user, HARD)
    service = engine_of(url.set(username=user, password=HARD))
    with service.connect() as connection, pytest.raises(OperationalError, match=r"denied"):
        connection.execute(text(statement))


def test_its_rights_end_at_a_name_that_only_looks_alike(url, user, engine_of, mariadb_server):
    for name in ("odd_d%b`:x", "oddXdanyb`:x"):
        mariadb_server.execute(f"CREATE DATABASE IF NOT EXISTS `{name.replace('`', '``')}`")
    grant(engine_of(url.set(database="odd_d%b`:x")), user, HARD)
    with engine_of(url._replace(username=user, password=HARD, database=None)).connect() as connection:
        shown = set(connection.execute(text("SHOW DATABASES")).scalars())
    assert shown == {"information_schema", "odd_d%b`:x"}


def test_a_second_time_changes_nothing_but_the_password_and_open_connections_live_on(url, user, engine_of):
    administrator = engine_of(url)
    grant(administrator, user, "the-first")
    with engine_of(url.set(username=user, password="the-first")).connect() as before:
        before.execute(text("SELECT 1"))
        assert grant(administrator, user, "the-second") == f"{user} given this password: {RIGHTS} on {url.database}"
        assert before.execute(text("SELECT COUNT(*) FROM orders")).scalar_one() == 0
    assert OrderStore(engine_of(url.set(username=user, password="the-second"))).writable()
    assert not OrderStore(engine_of(url.set(username=user, password="the-first"))).reachable()


def test_no_statement_has_the_password(url, user, engine_of, mariadb_server):
    mariadb_server.execute("SET GLOBAL log_output = 'TABLE'")
    mariadb_server.execute("SET GLOBAL general_log = 1")
    try:
        grant(engine_of(url), user, "n0t-to-be-seen")
    finally:
        mariadb_server.execute("SET GLOBAL general_log = 0")
    logged = mariadb_server.execute(f"SELECT argument FROM mysql.general_log WHERE argument LIKE '%{user}%'")
    assert len(logged) >= 2
    assert "n0t-to-be-seen" not in str(logged)


@pytest.mark.parametrize(
    ("changes", "user", "password", "why"),
    [
        ({}, "chief", HARD, "chief is the administrator"),
        ({}, "a user", HARD, "a user's name has"),
        ({}, "", HARD, "a user's name has"),
        ({}, "x" * 81, HARD, "a user's name has"),
        ({}, "svc'@'%", HARD, "a user's name has"),
        ({}, "svc", "", "svc needs a password"),
        ({"database": None}, "svc", HARD, "names no database"),
    ],
)
def test_what_is_refused(url, engine_of, mariadb_server, changes, user, password, why):
    before = mariadb_server.execute("SELECT user, host, authentication_string FROM mysql.user")
    with pytest.raises(Refused, match=why):
        grant(engine_of(url._replace(**changes)), user, password)
    assert mariadb_server.execute("SELECT user, host, authentication_string FROM mysql.user") == before


def test_sqlite_is_refused():
    engine = create_engine("sqlite://")
    with pytest.raises(Refused, match="SQLite knows no users"):
        grant(engine, "svc", HARD)
    engine.dispose()


def test_the_command_says_in_one_line_what_it_did_and_not_the_password(url, user, run):
    done = run(SERVICE_DATABASE_USER=user, SERVICE_DATABASE_PASSWORD=HARD)
    assert (done.exit_code, done.output) == (0, f"database: {user} created: {RIGHTS} on {url.database}\n")


def test_the_command_says_in_one_line_why_it_did_nothing(url, user, run):
    refused = run("--user", "chief", "--password", HARD)
    assert refused.exit_code == 1
    assert refused.output.startswith("Error: chief is the administrator")
    away = run("--user", user, "--password", HARD, at=url.set(port=1))
    assert away.exit_code == 2
    assert away.output.startswith("database: the database cannot be used:")
    run("--user", user, "--password", "of-its-own")
    denied = run("--user", "another", "--password", HARD, at=url.set(username=user, password="of-its-own"))
    assert denied.exit_code == 2
    assert "denied" in denied.output
    for ended in (refused, away, denied):
        assert HARD not in ended.output
        assert len(ended.output.splitlines()) == 1


@pytest.mark.parametrize("missing", ["user", "password"])
def test_the_command_asks_for_both(run, missing):
    variables = {"SERVICE_DATABASE_USER": "svc", "SERVICE_DATABASE_PASSWORD": HARD}
    variables[f"SERVICE_DATABASE_{missing.upper()}"] = ""
    ended = run(**variables)
    assert ended.exit_code == 2
    assert f"SERVICE_DATABASE_{missing.upper()}" in ended.output
