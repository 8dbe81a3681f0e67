"""What the integration tests share: a store on a fresh database of each kind."""

from datetime import UTC, datetime

import pytest
from celery import Celery
from sqlalchemy import insert

from celery_sqs.monitor.control.commands import CommandStore
from celery_sqs.monitor.control.listener import CommandListener
from celery_sqs.monitor.tables import workers
from orders.database import connect
from orders.store import OrderStore


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def administrator(administrator_url):
    """An engine that may change the tables."""
    engine = connect(administrator_url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine):
    return OrderStore(engine)


@pytest.fixture
def control(database_url):
    app = Celery("asking", control="celery_sqs.monitor.control:Control", set_as_current=False)
    app.conf.update(sqs_monitor_database=database_url, sqs_monitor_revoke=True)
    return app.control


@pytest.fixture
def start_worker(engine):
    """A function that puts a worker on record, and starts its listener unless it is not to answer."""
    started = []

    def start(name, answer=lambda command: {"ok": command.method}, may_revoke=False, **changes):
        row = {
            "name": name,
            "pid": 1,
            "started_at": datetime.now(UTC),
            "seen_at": datetime.now(UTC),
            "stopped_at": None,
            "heartbeat": 5.0,
            "active": 0,
            "processed": 0,
            "load_average": "[]",
            "software": "{}",
            "in_flight": 0,
            "oldest_in_flight_seconds": 0.0,
            "last_poll_seconds": 0.0,
            "outage": False,
            "dropped": 0,
        }
        with engine.begin() as connection:
            connection.execute(insert(workers), row | changes)
        if answer is not None:
            listener = CommandListener(
                CommandStore(engine), name, answer, lambda call: call(), may_revoke, poll_interval=0.05
            )
            started.append(listener)
            started[-1].start()
        return name

    yield start
    for listener in started:
        listener.stop()
        listener._thread.join(10)
