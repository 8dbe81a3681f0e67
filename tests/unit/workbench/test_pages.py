"""The workbench's pages: each shows what it is about, escapes what others wrote, and acts only as it was told."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from celery_sqs.monitor import task_minutes, workers
from tests.processes import ROOT
from tests.unit.workbench.fakes import (
    ORDER_ID,
    REPAIR_ID,
    a_message,
    a_progress,
    a_timeline,
    an_item,
    with_fakes,
)

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>'\""

PAGES = {
    "overview": "/monitor/",
    "orders": "/monitor/orders",
    "order": f"/monitor/orders/{ORDER_ID}",
    "queues": "/monitor/queues",
    "dlq": "/monitor/dlq",
    "group": "/monitor/dlq/groups/0123456789abcdef",
    "messages": "/monitor/dlq/messages",
    "message": "/monitor/dlq/messages/message-1",
    "dry run": "/monitor/dlq/dry-run?group=0123456789abcdef",
    "redrive": "/monitor/dlq/redrive?all=1",
    "discard": "/monitor/dlq/discard?message=message-1",
    "edit": "/monitor/dlq/messages/message-1/edit",
    "repairs": "/monitor/repairs",
    "repair": f"/monitor/repairs/{REPAIR_ID}",
}

STRANGE_BODIES = {
    "empty": "",
    "deep": "[" * 5000,
    "half a pair": "\ud800",
    "half a pair, escaped": '{"\\ud800": "\\ud800"}',
    "a key twice": '{"a": 1, "a": 2}',
    "long": "x" * 1_000_000,
    "no JSON": "NaN",
}


def json_of(page):
    path, _, query = page.partition("?")
    return f"{'/monitor/overview' if path == '/monitor/' else path}.json?{query}"


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_page_answers_and_has_a_heading_and_a_title(browser, page):
    answer = browser.http.get(page)
    assert answer.status_code == 200
    assert answer.content_type == "text/html; charset=utf-8"
    assert len(re.findall("<h1", answer.text)) == 1
    assert re.search(r"<title>[^<]+ · Order intake</title>", answer.text)


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_page_is_json_as_well(browser, page):
    answer = browser.http.get(json_of(page))
    assert (answer.status_code, answer.content_type) == (200, "application/json")
    assert answer.json["now"].endswith("Z")


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_no_page_has_script_or_style_of_its_own(browser, page):
    text = browser.http.get(page).text
    assert re.findall(r"<script(?! src=)", text) == []
    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|javascript:", text) == []
    assert re.findall(r'(?:src|href)="(?!/monitor/|#)[^"]*"', text) == []


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_what_others_wrote_is_escaped(browser, dlq, history, page):
    hostile = {"error": HOSTILE, "error_class": HOSTILE, "task": HOSTILE, "body": '{"productName": "<script>x"}'}
    attributes = {HOSTILE: {"DataType": "String", "StringValue": HOSTILE}}
    dlq.messages.kept = [a_message(attributes=attributes, **hostile), a_message(message_id="n", body=HOSTILE)]
    dlq.repairs.shown = a_progress(operator=HOSTILE, reason=HOSTILE, note=HOSTILE)
    dlq.repairs.listed = [an_item(error=HOSTILE, body=HOSTILE, new_body=HOSTILE)]
    entries = [type(entry)(at=entry.at, what=entry.what, detail={HOSTILE: HOSTILE, "error": HOSTILE})
               for entry in a_timeline().entries]  # fmt: skip
    history.known[ORDER_ID] = a_timeline(entries=entries, payload=HOSTILE, traceback=HOSTILE)
    text = browser.http.get(page).text
    assert re.findall("<script(?! src=)", text) == []
    assert "<img src=x" not in text


@pytest.mark.parametrize("page", ["/monitor/nowhere", f"/monitor/orders/{HOSTILE}", "/monitor/dlq/messages/x",
                                  "/monitor/repairs/x", "/monitor/dlq/groups/x", "/monitor/dlq/redrive"])  # fmt: skip
def test_what_is_not_there_is_a_page_that_says_so(browser, page):
    answer = browser.http.get(page)
    assert answer.status_code == 404
    assert answer.content_type == "text/html; charset=utf-8"
    assert "<h1" in answer.text
    assert "<script>" not in answer.text
    assert browser.http.get(page + ".json").content_type == "application/problem+json"


def test_the_documentation_shows_pictures_that_are_there():
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (ROOT / "docs" / "operating.md").read_text())
    assert pictures
    assert [picture for picture in pictures if not (ROOT / "docs" / picture).is_file()] == []


class TestOverview:
    def test_it_counts_the_last_hour_by_the_minute(self, browser, engine):
        minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=2)
        counted = {"sent": 9, "succeeded": 8, "retried": 2, "failed": 1, "took_le_0.1": 7, "took_le_60": 1}
        rows = [{"minute": minute, "task": "persist_order", "what": what, "count": n} for what, n in counted.items()]
        rows += [{**rows[0], "minute": minute - timedelta(minutes=70)}, {**rows[0], "task": "another"}]
        with engine.begin() as connection:
            connection.execute(insert(task_minutes), rows)
        told = browser.http.get("/monitor/overview.json").json
        assert told["totals"] == {"accepted": 9, "persisted": 8, "failed_attempts": 2, "dead": 1}
        assert len(told["minutes"]) == 60
        [busy] = [each for each in told["minutes"] if each["accepted"]]
        assert (busy["persisted"], busy["dead"]) == (8, 1)
        assert told["p50"]["seconds"] == pytest.approx(0.1 * 4 / 7)

    def test_it_shows_what_sqs_says(self, browser):
        text = browser.http.get("/monitor/").text
        assert "1,204" in text
        assert re.search(r'class="tile danger"><dt>In the DLQ</dt><dd><b><a href="/monitor/dlq">7</a>', text)

    @pytest.mark.parametrize(
        ("changes", "banner"),
        [
            ({}, None),
            ({"outage": True}, "Outage: 1 worker waits"),
            ({"stopped_at": datetime.now(UTC)}, "No worker is alive"),
            ({"seen_at": datetime.now(UTC) - timedelta(minutes=1)}, "No worker is alive"),
        ],
        ids=["all is well", "outage", "stopped", "killed"],
    )
    def test_it_says_when_something_is_wrong_with_the_workers(self, browser, engine, changes, banner):
        add_worker(engine, "w@h", **changes)
        text = browser.http.get("/monitor/").text
        assert "w@h" in text
        assert ('class="banner' in text) is (banner is not None)
        assert banner is None or banner in text

    def test_of_many_workers_those_in_trouble_come_first_and_most_are_folded_away(self, browser, engine):
        troubles = {"w20@h": {"seen_at": datetime.now(UTC) - timedelta(minutes=1)}, "w30@h": {"outage": True}}
        troubles["w02@h"] = {"stopped_at": datetime.now(UTC)}
        for number in range(40):
            add_worker(engine, f"w{number:02}@h", **troubles.get(f"w{number:02}@h", {}))
        text = browser.http.get("/monitor/").text
        assert re.findall(r"w\d\d@h(?=</span></th>)", text)[:3] == ["w20@h", "w30@h", "w00@h"]
        shown, folded = text.split("<summary>30 more</summary>")
        assert (shown.count("@h</span></th>"), folded.count("@h</span></th>")) == (10, 30)
        assert folded.index("w39@h") < folded.index("w02@h"), "what was stopped on purpose comes last"

    def test_an_outage_of_many_workers_names_a_few(self, browser, engine):
        for number in range(40):
            add_worker(engine, f"w{number:02}@h", outage=True)
        assert "w00@h, w01@h, w02@h and 37 more keep what they have in flight" in browser.http.get("/monitor/").text

    def test_without_the_database_it_shows_what_is_left(self, browser, app, monkeypatch):
        monkeypatch.setattr(app.extensions["order-intake"].database_probe, "healthy", lambda: False)
        answer = browser.http.get("/monitor/")
        assert answer.status_code == 200
        assert "The database does not answer" in answer.text
        assert "1,204" in answer.text
        assert browser.http.get("/monitor/overview.json").json["database"] is False

    def test_without_sqs_it_shows_what_is_left(self, browser, app, dlq):
        with_fakes(app, dlq)
        answer = browser.http.get("/monitor/")
        assert answer.status_code == 200
        assert "SQS does not answer" in answer.text


@pytest.mark.parametrize("page", ["/monitor/dlq", "/monitor/repairs", f"/monitor/orders/{ORDER_ID}"])
def test_a_page_that_needs_the_database_says_that_it_is_away(browser, app, monkeypatch, page):
    monkeypatch.setattr(app.extensions["order-intake"].database_probe, "healthy", lambda: False)
    answer = browser.http.get(page)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "The database does not answer" in answer.text
    assert browser.http.get(page + ".json").json["status"] == 503


class TestSearch:
    @pytest.mark.parametrize("named", [ORDER_ID, "task-1", f"  {ORDER_ID} "])
    def test_an_order_is_found_by_order_id_and_task_id(self, browser, named):
        answer = browser.http.get("/monitor/orders", query_string={"q": named}, follow_redirects=True)
        assert answer.status_code == 200
        assert f"Order {ORDER_ID}" in answer.text

    def test_a_dead_message_is_found_by_its_own_id(self, browser):
        answer = browser.http.get("/monitor/orders?q=message-1", follow_redirects=True)
        assert answer.request.path == "/monitor/dlq/messages/message-1"

    def test_what_is_unknown_is_named(self, browser):
        answer = browser.http.get("/monitor/orders?q=a/b c", follow_redirects=True)
        assert answer.status_code == 404
        assert "a/b c" in answer.text


class TestMessage:
    def test_a_body_that_is_json_is_indented_with_all_its_digits(self, browser, dlq):
        dlq.messages.kept = [a_message(body='{"totalPrice":99.90,"productName":"Gr\\u00fc\\u00dfe"}')]
        told = browser.http.get("/monitor/dlq/messages/message-1.json").json["body"]
        assert told["text"] == '{\n  "totalPrice": 99.90,\n  "productName": "Grüße"\n}'

    def test_a_body_with_control_characters_is_shown_in_hexadecimal_as_well(self, browser, dlq):
        dlq.messages.kept = [a_message(body="a\x00b")]
        told = browser.http.get("/monitor/dlq/messages/message-1.json").json["body"]
        assert told["is_json"] is False
        assert told["hex"] == f"00000000  {'61 00 62':<47}  a.b"

    @pytest.mark.parametrize(
        "body", ["", "[" * 5000, "\ud800", '{"\\ud800": "\\ud800"}', '{"a": 1, "a": 2}', "x" * 1_000_000, "NaN"]
    )
    def test_any_body_can_be_looked_at_and_edited(self, browser, dlq, body):
        dlq.messages.kept = [a_message(body=body)]
        for page in ("/monitor/dlq/messages/message-1", "/monitor/dlq/messages/message-1/edit"):
            answer = browser.http.get(page)
            assert answer.status_code == 200
            assert len(answer.data) < 300_000


class TestPaging:
    def test_messages_come_page_by_page(self, browser, dlq):
        dlq.messages.kept = [a_message(message_id=f"m-{number:03}") for number in range(120)]
        seen, page = [], "/monitor/dlq/groups/0123456789abcdef"
        while page:
            text = browser.http.get(page).text
            seen += re.findall(r">(m-\d+)<", text)
            found = re.search(r'href="([^"]+)" rel="next"', text)
            page = found and found[1].replace("&amp;", "&")
        assert seen == [message.message_id for message in dlq.messages.kept]


def add_worker(engine, name, **changes):
    """Have a worker on record that is well, but for these changes."""
    now = datetime.now(UTC)
    row = {"name": name, "pid": 1, "started_at": now, "seen_at": now, "stopped_at": None, "heartbeat": 5.0}
    row |= {"active": 1, "processed": 2, "load_average": "[0, 0, 0]", "software": "{}", "in_flight": 3}
    row |= {"oldest_in_flight_seconds": 0.5, "last_poll_seconds": 1.0, "outage": False, "dropped": 0}
    with engine.begin() as connection:
        connection.execute(insert(workers), row | changes)
