"""A login of web alone, on a real MariaDB: all of the API works with it, and it can change no order."""

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


def test_a_login_that_may_do_more_is_not_limited_by_less_and_is_refused(administrator, user):
    grant(administrator, user, PASSWORD)
    with pytest.raises(Refused, match=f"{user} has rights to all tables"):
        grant(administrator, user, PASSWORD, WEB_RIGHTS)


def test_a_database_without_tables_is_refused_before_anybody_is_made(mariadb_server, url, engine_of, user):
    with pytest.raises(Refused, match="lacks attempts, dead_messages"):
        grant(engine_of(url.set(database=mariadb_server.empty())), user, PASSWORD, WEB_RIGHTS)
    assert not mariadb_server.execute(f"SELECT 1 FROM mysql.user WHERE user = '{user}'")


def test_the_command_says_what_the_login_may_do(url, user):
    app = create_app(make_settings(database_url=url.render_as_string(hide_password=False)))
    for done in ("created", "given this password"):  # again, as after a migration
        with app.app_context():
            ended = app.test_cli_runner().invoke(
                args=["database", "grant", "--web"],
                env={"SERVICE_DATABASE_USER": user, "SERVICE_DATABASE_PASSWORD": PASSWORD},
            )
        assert ended.exit_code == 0, ended.output
        assert ended.output.startswith(f"database: {user} {done}: orders: SELECT; attempts: SELECT; ")
        assert RIGHTS not in ended.output
