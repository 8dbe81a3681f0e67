"""Migrating a database that has rows in it keeps them all."""

import os
import subprocess
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text

from celery_sqs.dlq import DeadMessages, RepairLog
from celery_sqs.monitor import EventReader
from config.queues import ORDER_QUEUE
from tests.mariadb import migrate
from tests.processes import BIN, ROOT, free_port

FAILED_AT = datetime(2026, 1, 24, 12, 0, 0, 123_456, tzinfo=UTC)
OLD_ATTEMPT = text(
    "INSERT INTO attempts"
    " (order_id, task, task_id, error_class, message, traceback, receive_count, worker, final, failed_at) VALUES"
    " (:order_id, 'persist_order', :task_id, 'ValueError', 'text', '', :receive_count, 'w', 0, :failed_at)"
)

OLD_DEAD_MESSAGE = text(
    "INSERT INTO dead_letters (message_id, body, attributes, task, task_id, order_id, fingerprint, kind, error_class,"
    " error, sent_at, seen_at)"
    " VALUES ('m1', '{}', '{}', 'persist_order', 't', :order_id, '0', 'own', '', '', :now, :now)"
)
OLD_SCAN = text("INSERT INTO looks (queue, began_at, ended_at, found, gone) VALUES ('dlq', :now, :now, 1, 0)")
OLD_ITEM = text(
    "INSERT INTO repair_items (repair_id, message_id, state, order_id, task, task_id, body, sent_at, changed_at, error)"
    " VALUES ('r', 'm1', 'sent', :order_id, 'persist_order', 't', '{}', :now, :now, '')"
)


OLD_REPAIR = text(
    "INSERT INTO repairs (id, action, operator, reason, state, note, canaries, began_at)"
    " VALUES ('r', 'redrive', 'ada', '', 'done', '', 0, :now)"
)

OLD_WORKER = text(
    "INSERT INTO workers"
    " (name, pid, started_at, seen_at, heartbeat, active, processed, load_average, software,"
    " held, oldest_held_seconds, last_poll_seconds, outage, dropped) VALUES"
    " ('w@h', 7, '2026-01-24', '2026-01-24', 5, 1, 2, '[]', '{}', 3, 4.5, 1, 0, 0)"
)


@pytest.fixture
def downgrade(administrator):
    """A function that takes the tables back to a revision."""

    def to(revision):
        with administrator.connect() as connection:
            alembic = Config(toml_file=ROOT / "pyproject.toml")
            alembic.attributes["connection"] = connection
            command.downgrade(alembic, revision)

    return to


@pytest.fixture
def old_attempts(administrator, downgrade):
    """A function that keeps attempts as the first migration's tables do, given their task ids and receive counts."""
    downgrade("0001")

    def keep(order_id, attempts):
        common = {"order_id": str(order_id), "failed_at": FAILED_AT.replace(tzinfo=None)}
        with administrator.begin() as connection:
            for task_id, receive_count in attempts:
                connection.execute(OLD_ATTEMPT, {**common, "task_id": task_id, "receive_count": receive_count})

    return keep


def test_attempts_on_record_get_what_is_known_of_them(store, administrator_url, old_attempts):
    order_id = uuid4()
    old_attempts(order_id, [("a-task", 1), ("a-task", 2)])
    migrate(administrator_url)
    stored = store.attempts_of(order_id)
    assert [(attempt.message_id, attempt.receive_count) for attempt in stored] == [("a-task", 1), ("a-task", 2)]
    assert {(attempt.kind, attempt.failed_at, attempt.next_visible_at) for attempt in stored} == {
        ("own", FAILED_AT, FAILED_AT)
    }


def test_an_attempt_that_was_on_record_twice_stays_there_twice(store, administrator_url, old_attempts):
    order_id = uuid4()
    old_attempts(order_id, [("a-task", 1), ("a-task", 1), ("x" * 255, 1), ("x" * 255, 1)])
    migrate(administrator_url)
    stored = store.attempts_of(order_id)
    assert [attempt.task_id for attempt in stored] == ["a-task", "a-task", "x" * 255, "x" * 255]
    assert len({attempt.message_id for attempt in stored}) == 4
    assert (stored[0].message_id, stored[2].message_id) == ("a-task", "x" * 255)


def test_a_worker_on_record_keeps_what_it_has_in_flight(engine, administrator, administrator_url, downgrade):
    downgrade("0003")
    with administrator.begin() as connection:
        connection.execute(OLD_WORKER)
    migrate(administrator_url)
    [worker] = EventReader(engine).workers()
    assert (worker.name, worker.pid, worker.in_flight, worker.oldest_in_flight_seconds) == ("w@h", 7, 3, 4.5)
    downgrade("0003")
    with administrator.connect() as connection:
        assert connection.execute(text("SELECT name, held, oldest_held_seconds FROM workers")).all() == [
            ("w@h", 3, 4.5)
        ]


def test_what_is_known_of_the_dlq_is_kept_under_its_new_names(administrator, administrator_url):
    with administrator.connect() as connection:
        alembic = Config(toml_file=ROOT / "pyproject.toml")
        alembic.attributes["connection"] = connection
        command.downgrade(alembic, "0003")
    order_id, now = str(uuid4()), FAILED_AT.replace(tzinfo=None)
    with administrator.begin() as connection:
        for statement in (OLD_DEAD_MESSAGE, OLD_SCAN, OLD_ITEM, OLD_REPAIR):
            connection.execute(statement, {"order_id": order_id, "now": now})

    migrate(administrator_url)

    [message] = DeadMessages(administrator).of_subject(order_id)
    assert (message.message_id, message.body, message.seen_at, message.gone_at) == ("m1", "{}", FAILED_AT, None)
    assert DeadMessages(administrator).scanned_at() == FAILED_AT
    log = RepairLog(administrator)
    assert log.sent_again(["m1", "m2"]) == {"m1"}
    assert (message.queue, log.progress("r").queue) == (ORDER_QUEUE.name, ORDER_QUEUE.name)


def test_a_database_that_is_not_there_is_one_line_that_names_the_setting():
    url = f"mysql+pymysql://nobody:the-secret@127.0.0.1:{free_port()}/orders"
    environment = os.environ | {"APP_ENV": "development", "DATABASE_URL": url}
    command_line = [BIN / "alembic", "upgrade", "head"]
    ended = subprocess.run(command_line, check=False, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("DATABASE_URL: no connection to the database: ")
    assert "the-secret" not in line
