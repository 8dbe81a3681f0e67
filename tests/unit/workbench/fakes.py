"""Doubles for the workbench's pages: a bench whose answers a test sets, and an application with it."""

import dataclasses
import re
from datetime import UTC, datetime, timedelta

from app.dependencies.recent import Recent
from app.workbench.parts import Parts
from app.workbench.runs import Runs
from celery_sqs.worker.preflight import Report
from tasks.repair.ledger import Item, Progress
from tasks.repair.letters import Group, Letter
from tasks.repair.timeline import Entry, TimeLine
from tasks.repair.trial import Trial

NOW = datetime.now(UTC)
PASSWORD = "a-password-of-the-tests"
ORDER_ID = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427"
REPAIR_ID = "7d3c1f0e-0000-4000-8000-000000000001"


def a_letter(**changes):
    values = {
        "message_id": "message-1",
        "body": '{"orderId": "' + ORDER_ID + '", "quantity": 0}',
        "attributes": {"celery_task": {"DataType": "String", "StringValue": "persist_order"}},
        "task": "persist_order",
        "task_id": "task-1",
        "order_id": ORDER_ID,
        "fingerprint": "0123456789abcdef",
        "kind": "permanent",
        "error_class": "InvalidOrder",
        "error": "{'quantity': ['Must be from 1 to 100000.']}",
        "sent_at": NOW - timedelta(hours=2),
        "died_at": NOW - timedelta(hours=1),
        "seen_at": NOW,
        "missed_at": None,
        "gone_at": None,
    }
    return Letter(**values | changes)


def a_progress(**changes):
    values = {
        "id": REPAIR_ID,
        "action": "redrive",
        "operator": "ada",
        "reason": "the validator is mended",
        "state": "done",
        "note": "",
        "canaries": 5,
        "began_at": NOW,
        "ended_at": NOW,
        "total": 1,
        "waiting": 0,
        "sent": 0,
        "confirmed": 1,
        "failed": 0,
        "gone": 0,
        "discarded": 0,
        "runner_alive": False,
    }
    return Progress(**values | changes)


def an_item(**changes):
    values = {
        "repair_id": REPAIR_ID,
        "message_id": "message-1",
        "state": "confirmed",
        "order_id": ORDER_ID,
        "task": "persist_order",
        "task_id": "task-1",
        "body": "{}",
        "new_body": None,
        "new_message_id": "message-2",
        "sent_at": NOW,
        "changed_at": NOW,
        "error": "",
    }
    return Item(**values | changes)


def a_timeline(**changes):
    values = {
        "order_id": ORDER_ID,
        "task_ids": ["task-1"],
        "state": "dead",
        "entries": [
            Entry(at=NOW - timedelta(minutes=9), what="accepted", detail={}),
            Entry(
                at=NOW,
                what="failed",
                detail={"receive_count": 1, "error": "InvalidOrder: no", "message_id": "message-1"},
            ),
        ],
        "payload": '{"quantity": 0}',
        "traceback": "Traceback ...",
    }
    return TimeLine(**values | changes)


class FakeLetters:
    """The mirror of a DLQ that holds `kept`."""

    def __init__(self):
        self.kept = [a_letter()]
        self.at = NOW

    def groups(self):
        return [
            Group(
                fingerprint=letter.fingerprint,
                kind=letter.kind,
                error_class=letter.error_class,
                error=letter.error,
                task=letter.task,
                count=len(self.kept),
                oldest=letter.sent_at,
                newest=letter.sent_at,
            )
            for letter in self.kept[:1]
        ]

    def page(self, fingerprint, behind, limit):
        return [letter for letter in self.kept if letter.message_id > (behind or "")][:limit]

    def chosen(self, chosen, behind, limit):
        return self.page(None, behind, limit)

    def get(self, message_id):
        return next((letter for letter in self.kept if letter.message_id == message_id), None)

    def of_order(self, order_id):
        return [letter for letter in self.kept if letter.order_id == order_id]

    def of_task(self, task_id):
        return [letter for letter in self.kept if letter.task_id == task_id]

    def count(self, chosen=None):
        return len(self.kept)

    def looked_at(self):
        return self.at


class FakeRepairs:
    """Repairs that only note what was asked of them."""

    def __init__(self):
        self.planned = []
        self.ran = []
        self.error = None
        self.shown = a_progress()
        self.listed = [an_item()]

    def plan(self, action, chosen, operator, reason, canaries=5, new_body=None):
        if self.error:
            raise self.error
        self.planned.append((action, operator, reason, canaries, new_body))
        return REPAIR_ID

    def run(self, repair_id, on_progress=None):
        self.ran.append(repair_id)
        return self.shown

    def progress(self, repair_id):
        if repair_id != REPAIR_ID:
            raise LookupError(repair_id)
        return self.shown

    def items(self, repair_id, state=None, limit=100):
        return self.listed

    def latest(self, limit):
        return [self.shown]

    def of_task(self, task_id):
        return self.of_order(task_id)

    def of_order(self, order_id):
        return [(self.shown, item) for item in self.listed]


class FakeBench:
    """A repair bench without queues and tables."""

    def __init__(self):
        self.letters = FakeLetters()
        self.repairs = FakeRepairs()
        self.known = {ORDER_ID: a_timeline(), "task-1": a_timeline()}
        self.accepts = True
        self.looked = 0

    def take_census(self):
        self.looked += 1

    def try_out(self, letters):
        why = "would be stored" if self.accepts else "no valid order: quantity"
        return [Trial(message_id=letter.message_id, accepted=self.accepts, why=why) for letter in letters]

    def timeline(self, named):
        return self.known.get(named)


def silent():
    """SQS that is not there."""
    raise OSError("Connection refused")


def with_fakes(app, bench, numbers=silent):
    """The application's workbench, with a bench of ours and without SQS."""
    parts = app.extensions[Parts.NAME]
    fakes = {
        "bench": bench,
        "runs": Runs(bench),
        "numbers": Recent(numbers, 0),
        "report": Recent(lambda: Report("a -> b\n  kept    4 days", []), 0),
    }
    app.extensions[Parts.NAME] = dataclasses.replace(parts, **fakes)
    return app


class Browser:
    """A browser: it keeps cookies and sends the forms' tokens."""

    def __init__(self, app):
        self.http = app.test_client()

    def token(self, page="/monitor/login"):
        return re.search(r'name="csrf_token" value="([^"]+)"', self.http.get(page).text)[1]

    def sign_in(self, name="ada", password=PASSWORD, to=""):
        form = {"csrf_token": self.token(), "name": name, "password": password, "next": to}
        return self.http.post("/monitor/login", data=form)

    def send(self, action, **form):
        """Send a form, as the page that shows it would."""
        return self.http.post(action, data={"csrf_token": self.token("/monitor/dlq"), **form})
