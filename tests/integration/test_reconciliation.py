"""Reconciliation: what each accepted order has come to; of lost ones each is named, and no other."""

import json
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import event, insert, text, update

from app import create_app
from app.reconciliation import Reconciler, Records
from app.services import Services
from celery_sqs.dlq import DeadMessages
from celery_sqs.dlq.tables import dead_messages, repair_items, scans
from celery_sqs.monitor import EventReader, task_state, workers
from config.queues import ORDER_DLQ, ORDER_QUEUE
from orders.identity import Identity
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.dead_orders import a_failure
from tests.unit.fakes import FakeQueue
from tests.unit.samples import an_arrival, an_order
from tests.unit.workbench.fakes import Browser

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(hours=60)
IN_BETWEEN = NOW - timedelta(hours=40)
LATELY = NOW - timedelta(hours=20)
A_WEEK = (NOW - timedelta(days=7), NOW + timedelta(minutes=1))

IDENTITY = Identity(make_settings().order_id_secret)


@pytest.fixture
def put(engine):
    """A function that puts rows into a table."""

    def into(table, *rows):
        with engine.begin() as connection:
            connection.execute(insert(table), [dict(row) for row in rows])

    return into


@pytest.fixture
def scanned(put):
    """The DLQ was scanned just now."""
    row = {"began_at": NOW, "ended_at": NOW, "found": 0, "new": 0, "gone": 0}
    put(scans, *(row | {"queue": name} for name in {ORDER_QUEUE.name, make_settings().queue_name}))


@pytest.fixture
def reconciler(engine, store):
    return Reconciler(Records(EventReader(engine), DeadMessages(engine), store), store)


def sent(order_id, at=LONG_AGO, **changes):
    row = {"task_id": str(uuid4()), "version": 0, "name": "persist_order", "state": "PENDING", "receive_count": 0}
    row |= {"subject": str(order_id), "args": "", "kwargs": "", "sent_at": at, "changed_at": at}
    return row | {"received_at": None, "finished_at": None, "closed_at": None} | changes


def dead(order_id, sent_at=LONG_AGO, gone_at=None):
    row = {"message_id": f"m-{order_id}", "body": "{}", "attributes": "{}", "task": "persist_order", "task_id": "t"}
    row |= {"subject": str(order_id), "fingerprint": "0", "kind": "own", "error_class": "", "error": ""}
    return row | {"sent_at": sent_at, "seen_at": sent_at, "gone_at": gone_at, "queue": ORDER_QUEUE.name}


def repaired(order_id, state, at):
    row = {"repair_id": str(uuid4()), "message_id": f"m-{order_id}", "state": state, "subject": str(order_id)}
    row |= {"task": "persist_order", "task_id": "t", "body": "{}", "error": "", "changed_at": at}
    return row | {"sent_at": None if state == "discarded" else at}


@pytest.fixture
def story(put, store):
    """One order of each fate, and two that are lost; returns their ids by name."""
    names = ("stored", "waits", "received", "retries", "in_the_dlq", "expired_there", "redriven", "by_the_console")
    names += ("discarded", "revoked", "lost", "redriven_and_lost", "sent_twice")
    ids = {name: IDENTITY.issue(1) for name in names}
    late = {"waits": {"at": LATELY}, "received": {"received_at": LATELY, "state": "RECEIVED"}}
    late["revoked"] = {"state": "REVOKED", "finished_at": IN_BETWEEN}
    put(task_state, *(sent(ids[name], **late.get(name, {})) for name in names), sent(ids["sent_twice"], LATELY))
    store.persist([an_arrival(an_order(order_id=ids["stored"]))])
    store.record_attempt(a_failure("m1", order_id=ids["retries"], final=False, failed_at=LATELY, next_visible_at=NOW))
    for name in ("in_the_dlq", "redriven_and_lost", "discarded", "redriven"):
        failed = a_failure(f"m-{ids[name]}", order_id=ids[name], failed_at=LONG_AGO, next_visible_at=LONG_AGO)
        store.record_attempt(failed)
    old = NOW - timedelta(seconds=ORDER_DLQ.retention, hours=1)
    put(
        dead_messages,
        dead(ids["in_the_dlq"]),
        dead(ids["expired_there"], old, old + timedelta(seconds=ORDER_DLQ.retention)),
        dead(ids["by_the_console"], gone_at=LATELY),
        *(dead(ids[name], gone_at=IN_BETWEEN) for name in ("redriven", "redriven_and_lost", "discarded")),
    )
    put(
        repair_items,
        repaired(ids["discarded"], "discarded", IN_BETWEEN),
        repaired(ids["redriven"], "sent", LATELY),
        repaired(ids["redriven_and_lost"], "sent", IN_BETWEEN),
    )
    return ids


def named(found):
    return {each.order_id for each in found.missing}


@pytest.mark.usefixtures("scanned")
class TestOneOfEachFate:
    def test_each_is_counted_once_and_the_lost_ones_are_named(self, reconciler, story):
        found = reconciler.reconcile(*A_WEEK)
        assert named(found) == {str(story["lost"]), str(story["redriven_and_lost"])}
        assert found.fates == {"stored": 1, "waiting": 6, "dead": 2, "discarded": 2, "missing": 2}
        assert found.accepted == len(story)

    def test_a_window_holds_what_was_accepted_within(self, reconciler, story):
        found = reconciler.reconcile(LATELY, A_WEEK[1])
        assert (found.accepted, found.fates["waiting"], found.adds_up) == (1, 1, True)

    def test_while_old_messages_are_renewed_nobody_is_missing_but_where_the_queue_was_empty(
        self, reconciler, story, put, engine
    ):
        put(workers, a_worker(renewed_at=LATELY))
        assert not named(reconciler.reconcile(*A_WEEK))
        closed = update(task_state).where(task_state.c.subject == str(story["lost"]))
        with engine.begin() as connection:
            connection.execute(closed.values(state="UNKNOWN", closed_at=IN_BETWEEN))
        assert named(reconciler.reconcile(*A_WEEK)) == {str(story["lost"])}

    def test_the_list_is_kept_up_to_date_and_one_that_comes_late_leaves_it(self, reconciler, story, store):
        for _ in range(2):
            reconciler.refresh()
            assert {row.order_id for row in store.missing.newest(9)} == {
                str(story["lost"]),
                str(story["redriven_and_lost"]),
            }
        store.persist([an_arrival(an_order(order_id=story["lost"]))])
        reconciler.refresh()
        assert [row.order_id for row in store.missing.newest(9)] == [str(story["redriven_and_lost"])]
        assert (store.missing.count(), store.missing.count(NOW + timedelta(days=1))) == (1, 0)

    def test_what_is_listed_stays_when_its_events_are_deleted(self, reconciler, story, store, engine):
        reconciler.refresh()
        with engine.begin() as connection:
            connection.execute(task_state.delete())
        reconciler.refresh()
        assert store.missing.count() == 2


def test_without_a_scan_of_the_dlq_nobody_is_missing(reconciler, story, store):
    found = reconciler.reconcile(*A_WEEK)
    assert (found.before, found.adds_up, found.fates["waiting"]) == (None, True, 8)
    reconciler.refresh()
    assert store.missing.count() == 0


def a_worker(**changes):
    row = {"name": "w@h", "pid": 1, "started_at": LONG_AGO, "seen_at": NOW, "heartbeat": 5.0, "active": 0}
    row |= {"processed": 0, "load_average": "[]", "software": "{}", "in_flight": 0, "oldest_in_flight_seconds": 0.0}
    return row | {"last_poll_seconds": 0.0, "outage": False, "dropped": 0} | changes


class TestWhatIsShown:
    @pytest.fixture
    def database_url(self, empty_database, tmp_path):
        (tmp_path / "orders.db").write_bytes(empty_database)
        return f"sqlite:///{tmp_path}/orders.db"

    @pytest.fixture
    def app(self, database_url, story, scanned):
        return create_app(make_settings(database_url=database_url, task_events=True), queue=FakeQueue())

    @pytest.fixture
    def refreshed(self, app, reconciler):
        reconciler.refresh()

    @pytest.mark.usefixtures("refreshed")
    def test_the_customer_is_answered_at_once_also_one_that_prefers_to_wait(self, app, story, token):
        began = time.monotonic()
        headers = token(1) | {"Prefer": "wait=30"}
        answer = app.test_client().get(f"/api/v1/orders/{story['lost']}", headers=headers)
        assert (answer.status_code, answer.json["state"], answer.json["attempts"]) == (200, "missing", 0)
        assert time.monotonic() - began < 25

    @pytest.mark.usefixtures("refreshed")
    def test_the_state_follows_the_facts_and_not_the_list_alone(self, app, story, token, store):
        def state():
            return app.test_client().get(f"/api/v1/orders/{story['lost']}", headers=token(1)).json["state"]

        store.record_attempt(a_failure("m9", order_id=story["lost"], final=False, receive_count=1))
        assert state() == "retrying"
        store.persist([an_arrival(an_order(order_id=story["lost"]))])
        assert state() == "persisted"

    @pytest.mark.usefixtures("refreshed")
    def test_an_operator_finds_it_on_a_page_that_leads_to_its_time_line(self, app, story):
        browser = Browser(app)
        browser.sign_in()
        page = browser.http.get("/monitor/lists/missing").text
        assert f"/monitor/orders/{story['lost']}" in page
        assert str(story["waits"]) not in page
        assert "/monitor/lists/missing" in browser.http.get("/monitor/repairs").text
        assert browser.http.get("/monitor/lists/missing.json").json["count"] == 2
        assert browser.http.get("/monitor/lists/others").status_code == 404
        timeline = browser.http.get(f"/monitor/orders/{story['lost']}.json").json["timeline"]
        assert (timeline["state"], timeline["entries"][-1]["what"]) == ("missing", "missing")

    def test_to_get_an_order_without_trouble_takes_two_statements_as_before(self, app, story, token):
        statements = []
        engine = app.extensions[Services.NAME].engine
        event.listen(engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        answer = app.test_client().get(f"/api/v1/orders/{story['waits']}", headers=token(1))
        assert (answer.json["state"], len(statements)) == ("queued", 2)

    def run(self, app, *arguments):
        with app.app_context():
            ended = app.test_cli_runner().invoke(args=["orders", "reconcile", *arguments])
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, ended.stdout, ended.stderr

    def test_the_command_counts_and_names_and_ends_with_1(self, app, story):
        code, output, _ = self.run(app)
        assert code == 1
        assert f"missing: {story['lost']}" in output
        assert [each for each in output.splitlines() if each.startswith("waiting")] == ["waiting               6"]
        code, output, _ = self.run(app, "--json")
        document = json.loads(output)
        assert (code, document["accepted"], document["fates"]["missing"]) == (1, len(story), 2)

    def test_the_command_ends_with_0_where_everything_adds_up(self, app):
        assert self.run(app, "--since", LATELY.isoformat())[0] == 0

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--since", "yesterday"], "--since: yesterday is no time like 2026-01-24T12:00:00Z"),
            (["--since", "2026-01-24", "--until", "2026-01-23"], "is not before --until"),
        ],
        ids=["no time", "the wrong way round"],
    )
    def test_the_command_refuses_in_one_line(self, app, arguments, reason):
        code, output, error = self.run(app, *arguments)
        assert (code, output, len(error.splitlines())) == (2, "", 1)
        assert reason in error

    def test_more_than_are_named_are_counted(self, app, put):
        put(task_state, *(sent(uuid4(), IN_BETWEEN) for _ in range(120)))
        code, output, _ = self.run(app)
        assert (code, output.count("missing: "), output.splitlines()[-1]) == (1, 100, "and 22 more are missing")


@pytest.mark.long
@pytest.mark.alone
@pytest.mark.usefixtures("scanned")
@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_five_lost_among_100_000_are_found_within_ten_seconds_and_no_other(engine, reconciler, put):
    ids = [str(uuid4()) for _ in range(100_000)]
    lost = set(ids[10_000::20_000])
    rows = [
        sent(order_id, LONG_AGO + timedelta(milliseconds=number), state="PENDING" if order_id in lost else "SUCCESS")
        for number, order_id in enumerate(ids)
    ]
    for start in range(0, len(rows), 10_000):
        put(task_state, *rows[start : start + 10_000])
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO orders SELECT subject, 1, 'Widget', 1, 1, 'pending', sent_at, sent_at, 1, 'w', task_id"
                " FROM task_state WHERE state = 'SUCCESS'"
            )
        )
    began = time.monotonic()
    found = reconciler.reconcile(*A_WEEK)
    took = time.monotonic() - began
    assert named(found) == lost
    assert found.fates == {"stored": 99_995, "waiting": 0, "dead": 0, "discarded": 0, "missing": 5}
    assert took < 10, f"{took:.1f} s"
    reconciler.refresh()
    assert {row.order_id for row in OrderStore(engine).missing.newest(100)} == lost
