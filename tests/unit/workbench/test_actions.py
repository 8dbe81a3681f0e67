"""What operators do in the workbench: only as it was told, by whom and why, and never without asking."""

import re
from datetime import UTC, datetime

import pytest

from celery_sqs.dlq import Refused
from tests.polling import poll
from tests.unit.workbench.fakes import ORDER_ID, REPAIR_ID, a_message, a_progress

VALID = (
    '{"orderId": "' + ORDER_ID + '", "userId": 123, "productName": "Widget", "quantity": 2, '
    '"totalPrice": 99.90, "status": "pending", "timestamp": "2026-01-24T12:00:00Z"}'
)


class TestDryRun:
    def test_it_says_how_many_would_be_accepted_and_why_not(self, browser, dlq):
        dlq.accepts = False
        text = browser.http.get("/monitor/dlq/dry-run?all=1").text
        assert "0 of 1 would be accepted" in text
        assert "no valid order: quantity" in text

    def test_many_are_tried_five_hundred_at_a_time(self, browser, dlq):
        dlq.messages.kept = [a_message(message_id=f"m-{number:05}") for number in range(800)]
        first = browser.http.get("/monitor/dlq/dry-run.json?all=1").json["summary"]
        assert (first["tried"], first["after"]) == (500, "m-00499")
        second = browser.http.get("/monitor/dlq/dry-run.json?all=1&after=m-00499").json["summary"]
        assert (second["tried"], second["after"]) == (300, None)


class TestRedrive:
    def test_it_is_put_on_record_with_who_and_why_and_run(self, browser, dlq):
        answer = browser.send("/monitor/dlq/redrive", all="1", reason=" mended ", canaries="3")
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/monitor/repairs/{REPAIR_ID}")
        assert dlq.repairs.planned == [("redrive", "ada", "mended", 3, None)]
        assert poll(lambda: dlq.repairs.ran, 5, "it runs") == [REPAIR_ID]

    @pytest.mark.parametrize(
        "form",
        [{"reason": "", "canaries": "5"}, {"reason": "x" * 1001, "canaries": "5"}, {"reason": "r", "canaries": "many"},
         {"reason": "r", "canaries": "-1"}, {"reason": "r", "canaries": "٣"}, {"reason": "r", "canaries": "9" * 5000}],
        ids=["no reason", "too long a reason", "no number", "negative", "not ours", "too many"],
    )  # fmt: skip
    def test_a_form_that_is_not_right_comes_back(self, browser, dlq, form):
        dlq.messages.kept = [a_message(), a_message(message_id="message-2")]
        answer = browser.send("/monitor/dlq/redrive", all="1", **form)
        assert answer.status_code == 422
        assert 'aria-invalid="true"' in answer.text
        assert dlq.repairs.planned == []

    def test_why_it_is_refused_is_told(self, browser, dlq):
        dlq.repairs.error = Refused("nothing is chosen")
        answer = browser.send("/monitor/dlq/redrive", all="1", reason="r", canaries="0")
        assert answer.status_code == 422
        assert "nothing is chosen" in answer.text

    def test_a_run_that_fails_says_so_on_its_page(self, browser, dlq):
        def run(repair_id, on_progress=None):
            raise OSError("SQS is away")

        dlq.repairs.run = run
        dlq.repairs.shown = a_progress(state="running", confirmed=0, waiting=1)
        browser.send(f"/monitor/repairs/{REPAIR_ID}")
        text = says(browser, "SQS is away")
        assert "Go on with it" in text

    def test_nobody_is_offered_to_go_on_with_what_runs(self, browser, dlq):
        dlq.repairs.shown = a_progress(state="running", runner_alive=True, confirmed=0, waiting=1)
        assert "Go on with it" not in browser.http.get(f"/monitor/repairs/{REPAIR_ID}").text


class TestDiscard:
    def test_it_needs_a_reason_and_a_tick(self, browser, dlq):
        for form in ({"reason": "", "sure": "yes"}, {"reason": "spam"}):
            assert browser.send("/monitor/dlq/discard", message="message-1", **form).status_code == 422
        assert dlq.repairs.planned == []
        assert browser.send("/monitor/dlq/discard", message="message-1", reason="spam", sure="yes").status_code == 303
        assert dlq.repairs.planned[0][:3] == ("discard", "ada", "spam")

    def test_not_all_can_be_discarded_at_once(self, browser, dlq):
        assert browser.send("/monitor/dlq/discard", all="1", reason="spam", sure="yes").status_code == 404
        assert dlq.repairs.planned == []


class TestEdit:
    PAGE = "/monitor/dlq/messages/message-1/edit"

    def test_what_is_wrong_is_told_by_field(self, browser, dlq):
        answer = browser.send(self.PAGE, body=VALID.replace('"quantity": 2', '"quantity": 0'), step="check")
        assert answer.status_code == 422
        assert re.search(r'<dt class="mono">quantity</dt><dd class="error">Must be', answer.text)

    @pytest.mark.parametrize("body", ["", "{", "[]", "null", VALID.replace("123", "NaN")])
    def test_what_is_no_order_is_not_sent(self, browser, dlq, body):
        for step in ("check", "send"):
            assert browser.send(self.PAGE, body=body, step=step, reason="r").status_code == 422
        assert dlq.repairs.planned == []

    def test_it_stays_about_the_same_order(self, browser, dlq):
        another = VALID.replace(ORDER_ID, "11111111-2fa1-4d2b-883f-0016d3cca427")
        answer = browser.send(self.PAGE, body=another, step="check")
        assert answer.status_code == 422
        assert f"Must stay {ORDER_ID}" in answer.text

    def test_the_difference_is_shown_before_anything_is_sent(self, browser, dlq):
        dlq.messages.kept = [a_message(body=VALID.replace('"quantity": 2', '"quantity": 0'))]
        answer = browser.send(self.PAGE, body=VALID, step="check")
        assert answer.status_code == 200
        marked = re.findall(r'<div class="(gone|new)"><span class="mark">.</span>([^<]*)</div>', answer.text)
        assert marked == [("gone", "  &#34;quantity&#34;: 0,"), ("new", "  &#34;quantity&#34;: 2,")]
        assert dlq.repairs.planned == []

    def test_then_it_is_sent_with_a_reason(self, browser, dlq):
        assert browser.send(self.PAGE, body=VALID, step="send", reason="").status_code == 422
        assert browser.send(self.PAGE, body=VALID, step="send", reason="he said two").status_code == 303
        [(action, operator, reason, _, body)] = dlq.repairs.planned
        assert (action, operator, reason) == ("edit", "ada", "he said two")
        assert '"totalPrice":99.90' in body


class TestScan:
    def test_it_scans_and_says_what_is_there(self, browser, dlq):
        def scan():
            dlq.messages.at = datetime.now(UTC)

        dlq.scan = scan
        answer = browser.send("/monitor/dlq/scan")
        assert answer.status_code == 303
        assert "Scanned the queue: 1 message is in there" in browser.http.get(answer.headers["Location"]).text

    def test_one_that_takes_long_goes_on_after_the_page(self, browser, dlq):
        dlq.messages.at = None
        text = browser.http.get(browser.send("/monitor/dlq/scan").headers["Location"]).text
        assert "Scanning the queue" in text
        assert 'data-refresh="1"' in text

    def test_one_that_fails_says_why(self, browser, dlq):
        def scan():
            raise OSError("SQS is away")

        dlq.scan = scan
        page = browser.send("/monitor/dlq/scan").headers["Location"]
        assert "SQS is away" in browser.http.get(page).text

    @pytest.mark.parametrize(
        "since", ["x", "2026-01-01T00:00:00", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00+14:00"]
    )
    def test_an_address_that_makes_no_sense_does_no_harm(self, browser, since):
        assert browser.http.get("/monitor/dlq", query_string={"since": since}).status_code == 200


def says(browser, text):
    def page_with_text():
        page = browser.http.get(f"/monitor/repairs/{REPAIR_ID}").text
        return page if text in page else ""

    return poll(page_with_text, 5, f"the page says {text}")
