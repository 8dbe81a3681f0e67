"""A login of web alone, on a real MariaDB: all of the API works with it, and it can change no order."""

import re
import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import func, insert, make_url, select, text
from sqlalchemy.exc import OperationalError

from app import create_app
from app.cli.database import WEB_RIGHTS
from celery_sqs.dlq.tables import scans
from celery_sqs.monitor import task_state
from celery_sqs.monitor.tables import task_minutes
from orders.database import connect
from orders.grants import RIGHTS, Refused, grant
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.dead_orders import a_failure
from tests.polling import poll
from tests.unit.samples import an_arrival, an_order

PASSWORD = "a-password-for-web-alone"
PATH = "/api/v1/orders"
ORDER = {"productName": "Widget", "quantity": 2, "totalPrice": 99.9}
USER_ID = 7
METRICS_PORT = 9  # nothing listens on it: the request says that it came there


@pytest.fixture
def url(mariadb_server):
    return make_url(mariadb_server.fresh())


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
def administrator(url, engine_of):
    return engine_of(url)


@pytest.fixture
def user():
    """A user that is not there yet."""
    return f"web-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def web_url(url, user, administrator):
    """The database's URL for a login of web."""
    grant(administrator, user, PASSWORD, WEB_RIGHTS)
    return url.set(username=user, password=PASSWORD)


@pytest.fixture
def api(web_url, emulator, queues, token):
    """A function that asks web, which logs in so."""
    app = create_app(
        make_settings(
            sqs_endpoint=emulator.url,
            sqs_queue_url=queues.url,
            sqs_dlq_url=queues.dlq_url,
            database_url=web_url.render_as_string(hide_password=False),
            operators={},
            task_events=True,
            metrics_port=METRICS_PORT,
        )
    )
    client = app.test_client()

    def ask(method, path, headers=None, **arguments):
        return client.open(path, method=method, headers=token(USER_ID) | (headers or {}), **arguments)

    return ask


def accepted(answer):
    """The order that web has accepted."""
    assert answer.status_code == 202, answer.text
    return an_order(order_id=UUID(answer.get_json()["orderId"]), user_id=USER_ID)  # with the content of ORDER


def test_all_of_the_api_works_with_it(api, administrator, queues):
    store, queue = OrderStore(administrator), queues.url.rpartition("/")[2]
    first = accepted(api("POST", PATH, json=ORDER, headers={"Idempotency-Key": "one", "Prefer": "wait=1"}))
    store.persist([an_arrival(first)])
    again = api("POST", PATH, json=ORDER, headers={"Idempotency-Key": "one", "Prefer": "wait=10"})
    assert (again.status_code, again.get_json()["state"]) == (200, "persisted")
    other = api("POST", PATH, json=ORDER | {"quantity": 3}, headers={"Idempotency-Key": "one"})
    assert other.status_code == 422
    second = accepted(api("POST", PATH, json=ORDER))
    at_second = f"{PATH}/{second.order_id}"
    assert api("GET", at_second).get_json()["state"] == "queued"
    store.record_attempt(a_failure("m", order_id=second.order_id, kind="own", receive_count=1, final=False))
    assert api("GET", at_second).get_json()["state"] == "retrying"
    store.record_attempt(a_failure("m", order_id=second.order_id))
    assert api("GET", at_second).get_json()["state"] == "dead"
    assert [each["orderId"] for each in api("GET", PATH).get_json()["orders"]] == [str(first.order_id)]
    assert api("GET", "/healthz").status_code == 200
    assert api("GET", "/readyz").get_json() == {"queue": "ok", "database": "ok"}
    with administrator.begin() as connection:
        connection.execute(insert(scans), {"queue": queue, "ended_at": datetime.now(UTC)})
    gauges = api("GET", "/metrics", environ_overrides={"SERVER_PORT": str(METRICS_PORT)}).text
    assert "\norder_store_up 1.0\n" in gauges
    assert f'\nsqs_dlq_scan_age_seconds{{queue="{queue}"}}' in gauges
    poll(lambda: rows_of(administrator, task_state) == 2, 20, "web's events are written")
    assert rows_of(administrator, task_minutes) >= 1


def rows_of(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE orders SET quantity = 1",
        "DELETE FROM orders",
        "INSERT INTO orders (order_id) VALUES ('o')",
        "DELETE FROM attempts",
        "INSERT INTO probes (id) VALUES ('p')",
        "INSERT INTO repair_items (repair_id) VALUES ('r')",
        "UPDATE dead_messages SET body = ''",
        "DELETE FROM task_state",
        "SELECT * FROM commands",
        "INSERT INTO commands (ticket) VALUES ('t')",
        "INSERT INTO pauses (id) VALUES ('p')",
        "DROP TABLE orders",
    ],
)
def test_it_can_do_nothing_else(web_url, engine_of, statement):
    with engine_of(web_url).connect() as connection, pytest.raises(OperationalError, match=r"denied"):
        connection.execute(text(statement))


@pytest.fixture
def nobody(mariadb_server):
    """Accounts without a name end with the test."""
    yield
    mariadb_server.execute("DROP USER IF EXISTS ``@`%`")


@pytest.mark.usefixtures("nobody")
@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["GRANT SELECT, INSERT, UPDATE ON {database}.* TO `{user}`"], "SELECT, INSERT, UPDATE ON "),
        (["GRANT UPDATE ON *.* TO `{user}`"], "UPDATE ON *.*"),
        (["GRANT SELECT, UPDATE, DELETE ON {database}.orders TO `{user}`"], "UPDATE, DELETE ON "),
        (["GRANT ALL ON `order%`.* TO `{user}`"], "ALL PRIVILEGES ON `order%`.*"),
        (["GRANT UPDATE (user_id, quantity) ON {database}.orders TO `{user}`"], "UPDATE (`"),
        (["GRANT SELECT ON {database}.orders TO `{user}` WITH GRANT OPTION"], "GRANT OPTION ON "),
        (["GRANT USAGE ON *.* TO `{user}` WITH GRANT OPTION"], "GRANT OPTION ON *.*"),
        (["GRANT INSERT ON {database}.commands TO `{user}`"], "INSERT ON "),
        (["GRANT UPDATE ON mysql.* TO `{user}`"], "UPDATE ON `mysql`.*"),
        (
            [
                "CREATE ROLE `{user}-role`",
                "GRANT DELETE ON {database}.orders TO `{user}-role`",
                "GRANT `{user}-role` TO `{user}`",
                "SET DEFAULT ROLE `{user}-role` FOR `{user}`",
            ],
            "`{user}-role`",
        ),
        (["GRANT PROXY ON root@localhost TO `{user}`"], "PROXY ON `root`@`localhost`"),
        (
            [
                "CREATE PROCEDURE {database}.empty_orders() DELETE FROM orders",
                "GRANT EXECUTE ON PROCEDURE {database}.empty_orders TO `{user}`",
            ],
            "EXECUTE ON PROCEDURE ",
        ),
        (
            ["CREATE USER `{user}`@`127.0.0.1`", "GRANT DELETE ON {database}.orders TO `{user}`@`127.0.0.1`"],
            "DELETE ON ",
        ),
        (["GRANT DELETE ON {database}.orders TO PUBLIC"], "DELETE ON "),
        (["CREATE USER ``@`%`", "GRANT DELETE ON {database}.* TO ``@`%`"], "DELETE ON "),
    ],
)
def test_a_login_that_may_do_more_by_whatever_grant_is_refused_until_what_is_named_is_revoked(
    mariadb_server, url, administrator, user, statements, named
):
    mariadb_server.execute(f"CREATE USER `{user}` IDENTIFIED BY 'of-before'")
    for statement in statements:
        mariadb_server.execute(statement.format(user=user, database=url.database))
    reason = why_refused(administrator, user)
    assert f"{user} may do more, by GRANT {named.format(user=user)}" in reason
    assert not re.search(r"\n|IDENTIFIED", reason)
    mariadb_server.execute(reason.partition("first run ")[2])
    assert grant(administrator, user, PASSWORD, WEB_RIGHTS).startswith(f"{user} given this password: orders: SELECT; ")


def test_a_grant_option_is_named_when_all_privileges_are_revoked(mariadb_server, administrator, user):
    mariadb_server.execute(f"GRANT ALL ON `order%`.* TO `{user}` IDENTIFIED BY 'of-before' WITH GRANT OPTION")
    for named in ("ALL PRIVILEGES", "GRANT OPTION"):
        reason = why_refused(administrator, user)
        assert f"by GRANT {named} ON `order%`.* TO" in reason
        mariadb_server.execute(reason.partition("first run ")[2])
    grant(administrator, user, PASSWORD, WEB_RIGHTS)


def why_refused(administrator, user):
    with pytest.raises(Refused) as refused:
        grant(administrator, user, PASSWORD, WEB_RIGHTS)
    return str(refused.value)


def shown(server, user):
    return server.execute(f"SHOW GRANTS FOR `{user}`")


def test_rights_to_another_database_do_not_matter(mariadb_server, administrator, url, user):
    alike = url.database.replace("_", "X")
    mariadb_server.execute(f"CREATE USER `{user}`")
    mariadb_server.execute(f"GRANT ALL ON {alike}.* TO `{user}`")
    escaped = url.database.replace("_", r"\_")
    mariadb_server.execute(f"GRANT ALL ON `{escaped}a%`.* TO `{user}`")
    assert grant(administrator, user, PASSWORD, WEB_RIGHTS).startswith(f"{user} given this password")


@pytest.fixture
def run(url):
    """A function that runs `flask database grant` for a user, with an answer to what it asks."""
    app = create_app(make_settings(database_url=url.render_as_string(hide_password=False)))

    def command(user, *options, answer=None):
        with app.app_context():
            return app.test_cli_runner().invoke(
                args=["database", "grant", *options],
                env={"SERVICE_DATABASE_USER": user, "SERVICE_DATABASE_PASSWORD": PASSWORD},
                input=answer,
            )

    return command


@pytest.mark.parametrize("answer", ["n\n", None])
def test_a_limited_login_stays_so_unless_somebody_says_otherwise(mariadb_server, web_url, user, run, answer):
    before = shown(mariadb_server, user)
    asked = run(user, answer=answer)
    assert asked.exit_code == 1
    assert f"{user} has rights to a part of {web_url.database} alone" in asked.output
    assert shown(mariadb_server, user) == before


@pytest.mark.parametrize(("options", "answer"), [([], "y\n"), (["--yes"], None)])
def test_a_limited_login_gets_all_rights_where_that_is_wanted(web_url, user, run, options, answer):
    ended = run(user, *options, answer=answer)
    assert ended.exit_code == 0, ended.output
    assert ended.output.endswith(f"database: {user} given this password: {RIGHTS} on {web_url.database}\n")
    again = run(user)  # nothing to ask: it has them
    assert (again.exit_code, len(again.output.splitlines())) == (0, 1)


def test_a_database_without_tables_is_refused_before_anybody_is_made(mariadb_server, url, engine_of, user):
    with pytest.raises(Refused, match="lacks attempts, dead_messages"):
        grant(engine_of(url.set(database=mariadb_server.empty())), user, PASSWORD, WEB_RIGHTS)
    assert not mariadb_server.execute(f"SELECT 1 FROM mysql.user WHERE user = '{user}'")


def test_the_command_says_what_the_login_may_do(user, run):
    for done in ("created", "given this password"):  # again, as after a migration
        ended = run(user, "--web")
        assert ended.exit_code == 0, ended.output
        assert ended.output.startswith(f"database: {user} {done}: orders: SELECT; attempts: SELECT; ")
        assert RIGHTS not in ended.output
