"""What is revoked is kept in a table of each kind of database, and known to every worker, whenever it starts."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from celery.worker import state
from sqlalchemy import func, insert, select, update

from celery_sqs.monitor.control import NotDone, listener
from celery_sqs.monitor.control.commands import CLOCK_SKEW, MAX_COMMANDS, Command, CommandStore
from celery_sqs.monitor.housekeeping.purge import purge
from celery_sqs.monitor.tables import commands, replies
from celery_sqs.monitor.tables import revocations as kept
from celery_sqs.tasks.revocations import RETENTION, revocations
from tests.polling import poll

WORKER = "w1@here"


@pytest.fixture(autouse=True)
def _nothing_is_revoked():
    yield
    revocations._known.clear()
    state.reset_state()


def count(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar()


@pytest.mark.long
def test_a_call_that_is_revoked_while_no_worker_runs_is_known_to_one_that_starts(control, start_worker):
    assert control.revoke(["one", "two"]) == []
    assert control.revoke_by_stamped_headers({"customer": ["7"]}) == []
    start_worker(WORKER, may_revoke=True)
    assert {"one", "two"} <= set(revocations._known)
    assert state.revoked_stamps == {"customer": ["7"]}
    assert {"one", "two"} <= set(state.revoked)
    assert "@" in revocations.origin("one")
    assert datetime.now(UTC).strftime("%Y-%m-%d") in revocations.origin("one")


def test_a_worker_that_runs_knows_it_before_its_answer(control, start_worker):
    known = []
    start_worker(WORKER, answer=lambda _: known.append("one" in revocations) or {"ok": ""}, may_revoke=True)
    assert control.revoke("one") == [{WORKER: {"ok": ""}}]
    assert known == [True]


def test_a_worker_that_has_just_started_finds_the_command_after_the_others_have_answered(control, start_worker, engine):
    start_worker(WORKER, may_revoke=True)
    control.revoke("one")
    assert (count(engine, commands), count(engine, replies)) == (1, 0)
    with engine.begin() as connection:
        connection.execute(update(commands).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    control.ping()
    assert count(engine, commands) == 0


def test_what_is_for_some_workers_only_is_not_kept(control, start_worker, engine):
    start_worker(WORKER, may_revoke=True)
    control.revoke("one", destination=[WORKER])
    assert "one" in revocations
    assert count(engine, kept) == 0


def test_a_worker_that_may_not_be_told_learns_nothing(control, start_worker):
    control.revoke("one")
    start_worker(WORKER, may_revoke=False)
    control.revoke("two")
    assert len(revocations) == 0


def test_a_question_is_not_kept(control, start_worker, engine):
    start_worker(WORKER, may_revoke=True)
    control.inspect().hello("w2@here", revoked=["one"])
    assert count(engine, kept) == 0


def test_a_revocation_is_kept_as_long_as_a_message_and_then_purged(control, engine):
    CommandStore(engine).send(Command.new("revoke", {"task_id": "one"}), timeout=1)
    with engine.connect() as connection:
        row = connection.execute(select(kept)).one()
    assert abs(row.expires_at - datetime.now(UTC) - timedelta(seconds=RETENTION)) < timedelta(minutes=1)
    purge(engine, datetime.now(UTC), lambda: True)
    assert count(engine, kept) == 1
    with engine.begin() as connection:
        connection.execute(update(kept).values(expires_at=datetime.now(UTC)))
    assert CommandStore(engine).revocations() == []
    purge(engine, datetime.now(UTC), lambda: True)
    assert count(engine, kept) == 0


def test_thousands_of_calls_are_one_command(control, start_worker):
    start_worker(WORKER, may_revoke=True)
    task_ids = [str(uuid.uuid4()) for _ in range(5000)]
    control.revoke(task_ids)
    assert set(revocations._known) == set(task_ids)


def test_a_command_that_nobody_saw_in_an_outage_is_known_after_it(start_worker, engine, monkeypatch):
    monkeypatch.setattr(listener, "MISSED_AFTER", 0.0)
    start_worker(WORKER, may_revoke=True)
    CommandStore(engine).send(Command.new("revoke", {"task_id": "one"}), timeout=-60)
    poll(lambda: "one" in revocations, 10, "the worker has looked again")


def test_more_commands_than_one_query_returns_are_all_known(start_worker, engine):
    start_worker(WORKER, may_revoke=True)
    store = CommandStore(engine)
    now = datetime.now(UTC)
    many = [
        {
            "ticket": str(uuid.uuid4()),
            "method": "ping",
            "arguments": "{}",
            "sent_at": now,
            "expires_at": now + timedelta(minutes=1),
        }
        for _ in range(MAX_COMMANDS)
    ]
    with engine.begin() as connection:
        connection.execute(insert(commands), many)
    store.send(Command.new("revoke", {"task_id": "one"}), timeout=-60)
    poll(lambda: "one" in revocations, 10, "the worker has looked again")


def test_a_command_whose_senders_clock_is_late_reaches_a_worker_that_has_just_started(start_worker, engine):
    start_worker(WORKER, may_revoke=True)
    CommandStore(engine).send(Command.new("revoke", {"task_id": "one"}, [WORKER]), timeout=60)
    with engine.begin() as connection:
        connection.execute(update(commands).values(sent_at=datetime.now(UTC) - timedelta(seconds=CLOCK_SKEW - 2)))
    poll(lambda: "one" in revocations, 10, "the worker has found it")


def test_nonsense_in_the_table_ends_no_worker_and_hides_nothing(control, start_worker, engine, caplog):
    rows = [("revoke", "no JSON"), ("revoke", "{}"), ("revoke_by_stamped_headers", '{"headers": 1}')]
    later = datetime.now(UTC) + timedelta(days=1)
    with engine.begin() as connection:
        for method, arguments in rows:
            row = {"ticket": str(uuid.uuid4()), "method": method, "arguments": arguments, "expires_at": later}
            connection.execute(insert(kept), row)
    control.revoke("one")
    start_worker(WORKER, may_revoke=True)
    assert "one" in revocations
    assert caplog.text.count("revokes nothing") == 2


def test_what_a_worker_cannot_do_is_an_error_of_the_call(control, start_worker):
    start_worker(WORKER, answer=lambda _: {"error": "it runs in a batch"}, may_revoke=True)
    with pytest.raises(NotDone, match="revoke: w1@here: it runs in a batch"):
        control.revoke("one", terminate=True)


def test_a_pattern_is_refused_as_all_workers_would_do_it(control, engine):
    with pytest.raises(NotDone, match="destination"):
        control.revoke("one", pattern="w1@*")
    assert count(engine, kept) == 0


@pytest.mark.parametrize("task_id", ["", [], ["one", ""], 5, None], ids=repr)
def test_what_is_no_id_is_refused_by_name_and_kept_by_nobody(control, engine, task_id):
    with pytest.raises(NotDone, match=r"revoke: task_id: .* is no id of a call"):
        control.revoke(task_id)
    assert count(engine, kept) == 0


@pytest.mark.parametrize("signal", ["SIGNOPE", "abc", "term"])
def test_so_is_a_signal_that_there_is_not(control, engine, signal):
    with pytest.raises(NotDone, match=f"revoke: signal: there is no '{signal}'"):
        control.revoke("one", terminate=True, signal=signal)
    assert count(engine, kept) == 0


def test_and_stamps_without_a_header(control, engine):
    with pytest.raises(NotDone, match="headers: there is none"):
        control.revoke_by_stamped_headers({})
    assert count(engine, kept) == 0


def test_an_answer_may_take_its_time_and_the_main_thread_does_not_wait(control, start_worker):
    start_worker(WORKER, answer=lambda _: lambda: time.sleep(0.2) or {"ok": "late"}, may_revoke=True)
    assert control.revoke("one") == [{WORKER: {"ok": "late"}}]


def test_a_database_that_does_not_answer_does_not_keep_a_worker_from_starting(caplog, monkeypatch):
    class Hanging:
        def revocations(self):
            time.sleep(1)
            return []

        def pending(self, since):
            return []

    monkeypatch.setattr(listener, "START_TIMEOUT", 0.1)
    late = listener.CommandListener(Hanging(), WORKER, None, lambda call: call(), may_revoke=True)
    late.start()
    late.stop()
    assert "the worker starts as if nothing were revoked" in caplog.text
