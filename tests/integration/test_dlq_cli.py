"""`flask dlq` and `flask orders`: what they print, what they ask, and how they end."""

import json
import sys
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from app import create_app
from orders.database import connect
from orders.store import OrderStore
from tests.conftest import make_settings
from tests.dead_orders import FakeWorker, a_failure, bury, bury_copy, in_all, order_body, order_id_of
from tests.unit.fakes import FakeQueue

NOWHERE = "http://127.0.0.1:1"
AWAY = {"sqs_endpoint": NOWHERE, "sqs_queue_url": f"{NOWHERE}/0/work", "sqs_dlq_url": f"{NOWHERE}/0/dlq"}


@pytest.fixture
def database_url(empty_database, tmp_path):
    """One database is enough: what differs between the two is below the commands."""
    (tmp_path / "orders.db").write_bytes(empty_database)
    return f"sqlite:///{tmp_path}/orders.db"


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def run(emulator, queues, database_url):
    """A function that runs a command; returns its exit code, its output and what is on stderr."""

    def run(*arguments, stdin=None, **changes):
        addresses = {"sqs_endpoint": emulator.url, "sqs_queue_url": queues.url, "sqs_dlq_url": queues.dlq_url}
        app = create_app(make_settings(**{**addresses, "database_url": database_url, **changes}), queue=FakeQueue())
        with app.app_context():
            ended = app.test_cli_runner().invoke(args=arguments, input=stdin)
        assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
        return ended.exit_code, ended.stdout, ended.stderr

    return run


@pytest.fixture
def _worker(engine, queues):
    with FakeWorker(engine, queues).at_work():
        yield


def documents(output):
    return [json.loads(line) for line in output.splitlines()]


class TestScanning:
    def test_ls_shows_groups_and_the_messages_of_one(self, run, engine, queues):
        [one, other] = bury(queues, [order_body(), order_body()])
        OrderStore(engine).record_attempt(a_failure(one))
        code, output, _ = run("dlq", "ls", "--json")
        [document] = documents(output)
        assert (code, document["count"]) == (0, 2)
        [group] = [group for group in document["found"] if group["error_class"] == "InvalidOrder"]
        code, output, _ = run("dlq", "ls", "--group", group["fingerprint"])
        assert (code, one in output, other in output) == (0, True, False)
        code, output, _ = run("dlq", "ls")
        assert (code, group["fingerprint"] in output, "InvalidOrder" in output) == (0, True, True)

    def test_an_empty_dlq_says_so(self, run):
        assert run("dlq", "ls") == (0, "none\n", "")

    @pytest.mark.parametrize("options", [[], ["--json"]])
    def test_a_group_that_there_is_not_is_said_to_be_none(self, run, options):
        there_is_not = "dlq: there is no group nope in the DLQ; ls shows those that there are\n"
        assert run("dlq", "ls", "--group", "nope", *options) == (1, "", there_is_not)

    def test_show_tells_a_message_why_it_died_and_what_a_dry_run_says(self, run, queues):
        body = order_body(quantity=0)
        [message_id] = bury(queues, [body])
        code, output, _ = run("dlq", "show", message_id)
        assert code == 0
        assert f'"orderId": "{order_id_of(body)}"' in output
        assert "its workers died" in output
        assert "no valid order: quantity" in output
        [document] = documents(run("dlq", "show", message_id, "--json")[1])
        assert (document["message"]["body"], document["dry_run"]["accepted"]) == (body, False)

    def test_a_terminal_obeys_nothing_that_a_message_says(self, run, queues):
        [message_id] = bury(queues, ['{"a": "\\u001b[2J\\u0007"} \x85 \u202e'])
        for arguments in (["show", message_id], ["ls"], ["dry-run", message_id]):
            _, output, _ = run("dlq", *arguments)
            assert not {"\x1b", "\x07", "\x85", "\u202e"} & set(output)

    def test_dry_run_counts_what_would_pass_and_names_what_would_not(self, run, queues):
        bad = bury(queues, [order_body(), order_body(), order_body(quantity=0)])[-1]
        code, output, _ = run("dlq", "dry-run", "--all")
        assert code == 1
        assert "3 tried: 2 would be accepted" in output
        assert "2 would be stored" in output
        assert bad in output
        [document] = documents(run("dlq", "dry-run", bad, "--json")[1])
        assert (document["accepted"], document["refused"]) == (0, 1)
        assert in_all(queues, queues.url) == 0


class TestRepairing:
    @pytest.mark.usefixtures("_worker")
    def test_rescue_sends_what_is_dead_with_attempts_left_and_no_other(self, run, engine, queues):
        [_, dead] = bury(queues, [order_body(), order_body()])
        OrderStore(engine).record_attempt(a_failure(dead))
        code, output, _ = run("dlq", "rescue", "--as", "ada")
        assert (code, "rescue of 1 message by ada: done" in output, "1 confirmed" in output) == (0, True, True)
        assert run("dlq", "rescue") == (0, "nothing is dead with attempts left\n", "")
        assert (run("dlq", "rescue", "--json")[1], in_all(queues, queues.dlq_url)) == ("[]\n", 1)

    def test_a_renewed_message_is_shown_by_its_first_id_and_its_kind_in_words(self, run, queues):
        bury_copy(queues, order_body())
        code, output, _ = run("dlq", "show", "first")
        assert (code, "lost: its worker was killed" in output, "would be stored" in output) == (0, True, True)

    @pytest.mark.usefixtures("_worker")
    def test_redrive_asks_sends_and_confirms(self, run, queues):
        bury(queues, [order_body() for _ in range(7)])
        code, output, _ = run("dlq", "redrive", "--all", "--as", "ada", "--reason", "mended", stdin="y\n")
        assert code == 0
        assert "Redrive 7 messages, 5 of them first?" in output
        assert "7 confirmed" in output
        assert in_all(queues, queues.dlq_url) == 0

    def test_who_says_no_has_done_nothing(self, run, queues):
        bury(queues, [order_body()])
        assert run("dlq", "redrive", "--all", "--reason", "r", stdin="n\n")[0] == 1
        assert run("dlq", "log", "--json")[1] == "[]\n"
        assert in_all(queues, queues.dlq_url) == 1

    @pytest.mark.usefixtures("_worker")
    def test_as_json_it_prints_progress_line_by_line_and_nothing_else(self, run, queues):
        bury(queues, [order_body() for _ in range(7)])
        code, output, errors = run("dlq", "redrive", "--all", "--yes", "--json", "--canaries", "2", "--reason", "r")
        assert (code, errors) == (0, "")
        lines = documents(output)
        assert (lines[-1]["state"], lines[-1]["confirmed"]) == ("done", 7)

    @pytest.mark.usefixtures("_worker")
    def test_a_stopped_redrive_ends_with_1_and_says_why(self, run, queues):
        bury(queues, [order_body(quantity=0) for _ in range(4)])
        code, output, _ = run("dlq", "redrive", "--all", "--yes", "--canaries", "1", "--reason", "r")
        assert code == 1
        assert "stopped" in output
        assert "InvalidOrder" in output

    @pytest.mark.usefixtures("_worker")
    def test_edit_shows_the_difference_and_sends_it(self, run, queues, tmp_path):
        body = order_body(quantity=0, totalPrice=99.50)
        [message_id] = bury(queues, [body.replace("99.5", "99.50")])
        (tmp_path / "mended.json").write_text(body.replace('"quantity": 0', '"quantity": 3').replace("99.5", "99.50"))
        code, output, _ = run(
            "dlq", "edit", message_id, "--body", str(tmp_path / "mended.json"), "--reason", "r", stdin="y\n"
        )
        assert code == 0, output
        assert '-  "quantity": 0,\n+  "quantity": 3,\n' in output
        assert '   "totalPrice": 99.50,' in output, "every digit as it was"
        [document] = documents(run("orders", "where", order_id_of(body), "--json")[1])
        assert document["state"] == "persisted"

    @pytest.mark.usefixtures("_worker")
    def test_edit_opens_an_editor(self, run, queues, monkeypatch):
        [message_id] = bury(queues, [order_body(quantity=0)])
        change = "import sys, pathlib; p = pathlib.Path(sys.argv[1]); p.write_text(p.read_text().replace(': 0', ': 3'))"
        monkeypatch.setenv("EDITOR", f'{sys.executable} -c "{change}"')
        code, output, _ = run("dlq", "edit", message_id, "--yes", "--reason", "r")
        assert (code, "1 confirmed" in output) == (0, True)

    def test_an_edit_that_would_fail_again_is_refused_before_anything_is_asked(self, run, queues, tmp_path):
        [message_id] = bury(queues, [order_body(quantity=0)])
        (tmp_path / "still.json").write_text(order_body())
        code, output, errors = run("dlq", "edit", message_id, "--body", str(tmp_path / "still.json"), "--reason", "r")
        assert (code, output) == (1, "")
        assert "has to stay so" in errors

    def test_discard_needs_a_reason_and_is_on_record(self, run, queues):
        [message_id] = bury(queues, ["poison"])
        assert run("dlq", "discard", message_id, "--yes")[0] == 2
        assert run("dlq", "discard", message_id, "--yes", "--reason", "rubbish", "--as", "ada")[0] == 0
        assert in_all(queues, queues.dlq_url) == 0
        code, output, _ = run("dlq", "log")
        assert code == 0
        assert "ada" in output
        assert "rubbish" in output
        [[entry]] = documents(run("dlq", "log", "--json")[1])
        [document] = documents(run("dlq", "log", entry["id"], "--json")[1])
        assert [item["body"] for item in document["items"]] == ["poison"]
        assert message_id in run("dlq", "log", entry["id"])[1]

    def test_resume_of_what_is_done_does_nothing(self, run, queues):
        bury(queues, ["poison"])
        run("dlq", "discard", "--all", "--yes", "--reason", "rubbish")
        [[entry]] = documents(run("dlq", "log", "--json")[1])
        [document] = documents(run("dlq", "resume", entry["id"], "--json")[1])
        assert (document["state"], document["discarded"]) == ("done", 1)


class TestEnds:
    @pytest.mark.parametrize(
        "arguments",
        [
            ["dlq", "show", "never-heard-of"],
            ["dlq", "redrive", "never-heard-of", "--yes", "--reason", "r"],
            ["dlq", "redrive", "--all", "--yes", "--reason", "r"],
            ["dlq", "redrive", "--all", "--yes", "--reason", " "],
            ["dlq", "resume", "never-heard-of"],
            ["dlq", "log", "never-heard-of"],
            ["orders", "where", "never-heard-of"],
        ],
        ids=" ".join,
    )
    def test_what_is_not_there_ends_with_1_and_one_line(self, run, arguments):
        code, output, errors = run(*arguments)
        assert (code, output) == (1, "")
        assert len(errors.splitlines()) == 1

    @pytest.mark.parametrize(
        "arguments",
        [["dlq", "ls"], ["dlq", "show", "m1"], ["dlq", "dry-run", "--all"]],
        ids=" ".join,
    )
    def test_without_sqs_it_ends_with_2_and_one_line(self, run, arguments):
        code, output, errors = run(*arguments, **AWAY)
        assert (code, output) == (2, "")
        assert len(errors.splitlines()) == 1

    @pytest.mark.parametrize(
        "arguments", [["dlq", "ls"], ["dlq", "log"], ["orders", "where", "x"], ["dlq", "resume", "x"]], ids=" ".join
    )
    def test_without_the_database_it_ends_with_2_and_one_line(self, run, arguments):
        code, output, errors = run(*arguments, database_url="mysql+pymysql://orders:secret@127.0.0.1:1/orders")
        assert (code, output) == (2, "")
        assert len(errors.splitlines()) == 1
        assert "secret" not in errors

    @pytest.mark.parametrize(
        "arguments",
        [
            ["redrive", "--reason", "r"],
            ["redrive", "m1", "--all", "--reason", "r"],
            ["dry-run", "--group", "x", "--all"],
            ["redrive", "--all", "--json", "--reason", "r"],
            ["redrive", "--all", "--yes"],
            ["edit", "m1", "--yes"],
            ["discard", "--all", "--yes"],
        ],
        ids=" ".join,
    )
    def test_what_is_not_clear_is_asked_back(self, run, arguments):
        code, output, errors = run("dlq", *arguments)
        assert (code, output) == (2, "")
        assert "Error: " in errors


def test_orders_where_tells_the_story(run, engine):
    body = order_body()
    store = OrderStore(engine)
    store.record_attempt(a_failure("m1", order_id=UUID(order_id_of(body)), traceback="File x", message="bad \x1b[2J"))
    code, output, _ = run("orders", "where", order_id_of(body))
    assert code == 0
    assert f"order {order_id_of(body)} is dead" in output
    assert "failed" in output
    assert "File x" in output
    assert "\x1b" not in output


def test_what_is_old_is_purged_by_a_command(run, engine):
    store = OrderStore(engine)
    store.record_attempt(a_failure("a-message", failed_at=datetime.now(UTC) - timedelta(days=200)))
    deleted = "deleted: 1 failed attempts, 0 dead messages, 0 rows of repairs\n"
    assert run("orders", "purge") == (0, deleted, "")
