"""Commands to workers and their replies, through the tables of each kind of database."""

import functools
import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, update

from celery_sqs.monitor.control import DatabaseUnavailable
from celery_sqs.monitor.control.client import MIN_TIMEOUT
from celery_sqs.monitor.control.commands import CLOCK_SKEW, REPLY_RETENTION, Command, CommandStore
from celery_sqs.monitor.control.panel import handle
from celery_sqs.monitor.tables import commands, metadata, replies
from tests.polling import poll

NOW = datetime.now(UTC)


def count(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar()


def send(engine, **changes):
    """Put a command into the table, as somebody may who has the database; returns its ticket."""
    row = {
        "ticket": str(uuid.uuid4()),
        "method": "ping",
        "arguments": "{}",
        "destination": None,
        "sent_at": datetime.now(UTC),
        "expires_at": datetime.now(UTC) + timedelta(minutes=1),
    }
    with engine.begin() as connection:
        connection.execute(insert(commands), row | changes)
    return (row | changes)["ticket"]


def test_all_workers_that_live_answer_and_nobody_waits_for_the_dead(control, start_worker, engine):
    for name in ("w1@here", "w2@here"):
        start_worker(name)
    start_worker("stopped@here", answer=None, stopped_at=NOW)
    start_worker("killed@here", answer=None, seen_at=NOW - timedelta(minutes=1))
    asked_at = time.monotonic()
    assert control.inspect().ping() == {"w1@here": {"ok": "ping"}, "w2@here": {"ok": "ping"}}
    assert time.monotonic() - asked_at < MIN_TIMEOUT
    assert (count(engine, commands), count(engine, replies)) == (0, 0)


def test_only_the_workers_that_are_meant_answer(control, start_worker):
    for name in ("w1@here", "w2@here", "w3@there"):
        start_worker(name)
    assert control.inspect(["w2@here"]).ping() == {"w2@here": {"ok": "ping"}}
    assert control.inspect("w2@here").ping() == {"ok": "ping"}
    assert set(control.inspect(pattern="*@here").ping()) == {"w1@here", "w2@here"}
    replies_seen = []
    assert len(control.ping(limit=1, callback=replies_seen.append)) == len(replies_seen) == 1


def test_a_worker_that_does_not_answer_in_time_is_left_out(control, start_worker):
    start_worker("w1@here")
    start_worker("silent@here", answer=None)
    asked_at = time.monotonic()
    assert control.inspect(timeout=0.1).ping() == {"w1@here": {"ok": "ping"}}
    assert time.monotonic() - asked_at >= MIN_TIMEOUT


def test_arguments_arrive(control, start_worker):
    start_worker("w1@here", answer=lambda command: command.arguments)
    assert control.inspect().registered("rate_limit") == {"w1@here": {"taskinfoitems": ["rate_limit"]}}


def test_a_command_that_was_sent_before_the_worker_began_is_not_answered(control, start_worker, engine):
    asked = []
    early = send(engine, sent_at=datetime.now(UTC) - timedelta(seconds=CLOCK_SKEW + 1))
    start_worker("w1@here", answer=lambda command: asked.append(command.ticket))
    late = send(engine)
    poll(lambda: asked, 10, "the worker answers")
    assert asked == [late] != [early]


def test_a_command_that_has_expired_is_not_answered(start_worker, engine):
    asked = []
    start_worker("w1@here", answer=lambda command: asked.append(command.ticket))
    send(engine, expires_at=NOW - timedelta(seconds=1))
    late = send(engine)
    poll(lambda: asked, 10, "the worker answers")
    assert asked == [late]


@pytest.mark.parametrize("method", ["shutdown", "add_consumer", "no_such_thing"])
def test_a_worker_does_not_obey_what_somebody_else_wrote_into_the_table(start_worker, engine, method):
    start_worker("w1@here", answer=functools.partial(handle, None, True))
    ticket = send(engine, method=method)
    answers = poll(lambda: CommandStore(engine).replies(ticket), 10, "the worker answers")
    assert "not possible here" in answers["w1@here"]["error"]


@pytest.mark.parametrize("nonsense", [{"arguments": "no JSON"}, {"arguments": "[1]"}, {"destination": '"w1@here"'}])
def test_nonsense_in_the_table_hides_no_command(control, start_worker, engine, nonsense):
    start_worker("w1@here")
    send(engine, **nonsense)
    assert control.inspect().ping() == {"w1@here": {"ok": "ping"}}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda _: ["half a pair: \ud83d", "ümlaut 😀"], ["half a pair: \ud83d", "ümlaut 😀"]),
        (lambda _: {"when": NOW}, {"when": repr(NOW)}),
        (lambda _: {}["missing"], {"error": "KeyError('missing')"}),
        (lambda _: {(1, 2): 3}, {"error": "the reply cannot be written as JSON: TypeError('keys must be str, int, "}),
        (lambda _: "x" * 9_000_000, {"error": "the reply has 9000002 characters, more than 8000000"}),
    ],
    ids=["any-text", "an-object", "an-error", "not-json", "too-long"],
)
def test_whatever_a_handler_says_arrives_or_is_explained(control, start_worker, answer, expected):
    start_worker("w1@here", answer=answer)
    [reply] = control.inspect(timeout=10).report().values()
    if isinstance(expected, dict) and "error" in expected:
        assert reply["error"].startswith(expected["error"])
    else:
        assert reply == expected


def test_what_a_dead_client_left_behind_goes_with_the_next_one(control, start_worker, engine):
    start_worker("w1@here")
    ticket = send(engine, expires_at=NOW - timedelta(seconds=1))
    CommandStore(engine).reply(ticket, "w1@here", "to nobody")
    with engine.begin() as connection:
        connection.execute(update(replies).values(replied_at=NOW - timedelta(seconds=REPLY_RETENTION + 1)))
    control.inspect().ping()
    assert (count(engine, commands), count(engine, replies)) == (0, 0)


def test_of_two_workers_with_one_name_the_first_reply_stays(engine):
    both = CommandStore(engine)
    ticket = str(uuid.uuid4())
    for reply in ("first", "second"):
        both.reply(ticket, "w1@here", reply)
    assert both.replies(ticket) == {"w1@here": "first"}


def test_a_database_without_the_tables_is_an_error_that_the_listener_outlives(
    control, start_worker, administrator, caplog
):
    start_worker("w1@here")
    metadata.drop_all(administrator, tables=[commands])
    with pytest.raises(DatabaseUnavailable):
        control.inspect().ping()
    poll(lambda: "no answers to remote control" in caplog.text, 10, "the listener has noticed")
    metadata.create_all(administrator, tables=[commands])
    assert control.inspect().ping() == {"w1@here": {"ok": "ping"}}
    assert (
        caplog.text.count("no answers to remote control for now")
        == caplog.text.count("answers to remote control again")
        == 1
    )


def test_a_command_outlives_its_senders_timeout_by_the_skew_of_clocks(engine):
    to_all = Command.new("ping", {})
    CommandStore(engine).send(to_all, timeout=3)
    assert CommandStore(engine).pending(NOW) == [to_all]
    with engine.connect() as connection:
        row = connection.execute(select(commands)).one()
    assert timedelta(seconds=13) == row.expires_at - row.sent_at
