"""`celery -A shop sqs dlq`: the commands of a DLQ for any app, by its settings alone."""

import json
import re
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from celery_sqs.cli import EXTRAS, sqs
from orders.store import OrderStore
from tasks.application import create_celery
from tests.conftest import make_settings
from tests.dead_orders import a_failure, bury, in_all, order_body
from tests.emulator import Queues
from tests.shop import SEND_MAIL, make_shop


@pytest.fixture
def shop(emulator, queues, tmp_path):
    return make_shop(tmp_path, queues.url, endpoint_url=emulator.url)


def run(app, *arguments, stdin=None):
    """Run `celery -A shop sqs ...`; returns its exit code, its output and what is on stderr."""
    ended = CliRunner().invoke(sqs, arguments, obj=SimpleNamespace(app=app), input=stdin)
    assert ended.exception is None or isinstance(ended.exception, SystemExit), ended.exception
    return ended.exit_code, ended.stdout, ended.stderr


def mail(queues, name="Ada"):
    """Put a call into the DLQ; returns its message id."""
    names = {"celery_task": SEND_MAIL, "celery_id": f"task-of-{name}"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in names.items()}
    [message_id] = bury(queues, [json.dumps([[f"Dear {name}"], {}, {}])], **attributes)
    return message_id


def test_dead_messages_of_any_task_are_listed_shown_and_tried(shop, queues):
    message_id = mail(queues)
    code, output, _ = run(shop, "dlq", "ls", "--json")
    assert (code, json.loads(output)["count"]) == (0, 1)
    code, output, _ = run(shop, "dlq", "show", message_id)
    assert (code, f"{SEND_MAIL} task-of-Ada" in output, '"Dear Ada"' in output) == (0, True, True)
    code, output, _ = run(shop, "dlq", "dry-run", "--all")
    assert (code, "1 tried: 1 would be accepted" in output) == (0, True)


def test_a_discard_is_asked_done_and_on_record(shop, queues):
    message_id = mail(queues)
    code, output, errors = run(shop, "dlq", "discard", message_id, "--reason", "spam", "--as", "ada", stdin="y\n")
    assert (code, "discard of 1 message by ada: done" in output) == (0, True)
    assert re.search(r"go on with sqs dlq resume [0-9a-f-]{36}\n", errors)
    assert in_all(queues, queues.dlq_url) == 0
    [entry] = json.loads(run(shop, "dlq", "log", "--json")[1])
    assert (entry["reason"], entry["discarded"]) == ("spam", 1)


def test_an_edited_call_is_sent_as_what_it_is(shop, queues, tmp_path):
    message_id = mail(queues)
    (tmp_path / "body.json").write_text('[["Dear Bob"], {}, {}]')
    shop.tasks[SEND_MAIL].__class__.are_done = lambda self, calls: [call.args == ["Dear Bob"] for call in calls]
    code, output, _ = run(
        shop, "dlq", "edit", message_id, "--body", str(tmp_path / "body.json"), "--yes", "--reason", "r"
    )
    assert (code, "1 confirmed" in output) == (0, True)
    [message] = queues.peek(queues.url)
    assert (message["Body"], message["MessageAttributes"]["celery_task"]["StringValue"]) == (
        '[["Dear Bob"],{},{}]',
        SEND_MAIL,
    )


def test_the_order_intakes_messages_have_their_reasons(engine, emulator, queues):
    [message_id] = bury(queues, [order_body()])
    OrderStore(engine).record_attempt(a_failure(message_id))
    url = engine.url.render_as_string(hide_password=False)
    settings = make_settings(database_url=url, sqs_endpoint=emulator.url, sqs_queue_url=queues.url)
    [group] = json.loads(run(create_celery(settings), "dlq", "ls", "--json")[1])["found"]
    assert (group["kind"], group["error_class"]) == ("permanent", "InvalidOrder")


class TestSeveralQueues:
    @pytest.fixture
    def parcels(self, emulator):
        queues = Queues.fresh(emulator, 30)
        yield queues
        queues.delete()

    @pytest.fixture
    def shop(self, emulator, queues, parcels, tmp_path):
        return make_shop(tmp_path, queues.url, {"parcels": parcels.url}, endpoint_url=emulator.url)

    def test_all_are_listed_each_line_with_its_queue(self, shop, queues, parcels):
        mail(queues)
        mail(parcels, "Bob")
        code, output, _ = run(shop, "dlq", "ls")
        header, *lines = [line.split() for line in output.splitlines()]
        assert (code, header[:2], {line[0] for line in lines}) == (0, ["QUEUE", "GROUP"], {"mail", "parcels"})
        found = json.loads(run(shop, "dlq", "ls", "--json")[1])
        assert (found["count"], {group["queue"] for group in found["found"]}) == (2, {"mail", "parcels"})
        alone = json.loads(run(shop, "dlq", "--queue", "parcels", "ls", "--json")[1])
        assert [group["queue"] for group in alone["found"]] == ["parcels"]
        assert "QUEUE" not in run(shop, "dlq", "--queue", "parcels", "ls")[1]

    def test_a_selection_of_several_queues_is_asked_which(self, shop, queues, parcels):
        message_ids = [mail(queues), mail(parcels)]
        [group, _] = json.loads(run(shop, "dlq", "ls", "--json")[1])["found"]
        for selection in (["--all"], ["--group", group["fingerprint"]], message_ids):
            code, output, errors = run(shop, "dlq", "dry-run", *selection)
            assert (code, output) == (2, "")
            assert "Name one queue by --queue: mail, parcels." in errors
        code, output, errors = run(shop, "dlq", "dry-run", "--group", "0" * 16)
        assert (code, output) == (1, "")
        assert errors.startswith("dlq: there is no group 0000000000000000 in the DLQ")

    def test_what_is_done_is_done_in_the_messages_queue_and_on_record_under_it(self, shop, queues, parcels):
        message_id = mail(parcels)
        code, *_ = run(shop, "dlq", "discard", message_id, "--reason", "spam", "--as", "ada", "--yes")
        assert (code, in_all(parcels, parcels.dlq_url)) == (0, 0)
        mail(queues)
        message_id = mail(parcels)
        shop.tasks[SEND_MAIL].__class__.are_done = lambda self, calls: [True for _ in calls]
        code, *_ = run(shop, "dlq", "--queue", "parcels", "redrive", "--all", "--reason", "mended", "--yes")
        assert (code, in_all(queues, queues.dlq_url), parcels.waiting(), queues.waiting()) == (0, 1, 1, 0)
        log = json.loads(run(shop, "dlq", "log", "--json")[1])
        assert [(entry["queue"], entry["action"]) for entry in log] == [("parcels", "redrive"), ("parcels", "discard")]
        assert run(shop, "dlq", "log")[1].split()[0] == "QUEUE"
        assert json.loads(run(shop, "dlq", "--queue", "mail", "log", "--json")[1]) == []


class TestWhatIsMissing:
    def test_an_unknown_queue_is_named(self, shop):
        code, output, errors = run(shop, "dlq", "--queue", "nowhere", "ls")
        assert (code, output) == (78, "")
        assert "no queue 'nowhere'" in errors

    def test_without_a_database_the_setting_is_named(self, shop):
        shop.conf.sqs_monitor_database = None
        code, output, errors = run(shop, "dlq", "ls")
        assert (code, output, len(errors.splitlines())) == (78, "", 1)
        assert "sqs_monitor_database" in errors

    def test_without_its_tables_it_says_so_in_one_line(self, shop, tmp_path):
        (tmp_path / "shop.db").unlink()
        code, output, errors = run(shop, "dlq", "log")
        assert (code, output, len(errors.splitlines())) == (2, "", 1)
        assert "celery -A APP sqs monitor upgrade" in errors

    @pytest.mark.parametrize("name", EXTRAS)
    def test_without_its_extra_a_command_says_which_one_it_needs(self, shop, monkeypatch, name):
        monkeypatch.setitem(sys.modules, EXTRAS[name].partition(":")[0], None)
        code, output, errors = run(shop, name, "ls", "--json")
        assert (code, output) == (1, "")
        extra = EXTRAS[name].split(".")[1]
        assert f"celery-sqs[{extra}]" in errors
        assert f"celery-sqs[{extra}]" in run(shop, "--help")[1]


@pytest.mark.parametrize("command", [["dry-run"], ["redrive", "--yes", "--reason", "r"]])
def test_a_group_that_is_none_is_named(shop, queues, command):
    mail(queues)
    code, _, errors = run(shop, "dlq", *command, "--group", "nope")
    assert (code, errors) == (1, "dlq: there is no group nope in the DLQ; ls shows those that there are\n")


def test_a_number_of_canaries_that_is_none_is_named(shop):
    code, _, errors = run(shop, "dlq", "redrive", "--all", "--reason", "r", "--canaries", "x")
    assert (code, "'x' is not a number of messages to send first" in errors) == (2, True)
