"""Doubles for the workbench's pages: a DLQ and a history whose answers a test sets, and an application with them."""

import dataclasses
import functools
import re
from datetime import UTC, datetime, timedelta

from sqlalchemy import StaticPool, create_engine

from app.history import TimeLine
from celery_sqs.dependencies import Recent
from celery_sqs.dlq import DeadMessage, DryRun, Group, RepairItem, RepairProgress
from celery_sqs.monitor.pauses import NotChanged, Pause
from celery_sqs.monitor.schema.upgrade import METADATA
from celery_sqs.workbench import Entry
from celery_sqs.workbench.parts import Parts
from celery_sqs.workbench.runs import Runs
from celery_sqs.worker.preflight import Report

NOW = datetime.now(UTC)
PASSWORD = "a-password-of-the-tests"
ORDER_ID = "1b4e28ba-2fa1-4d2b-883f-0016d3cca427"
QUEUE = "order-processing-queue"
REPAIR_ID = "7d3c1f0e-0000-4000-8000-000000000001"


def a_message(**changes):
    values = {
        "message_id": "message-1",
        "queue": QUEUE,
        "body": '{"orderId": "' + ORDER_ID + '", "quantity": 0}',
        "attributes": {"celery_task": {"DataType": "String", "StringValue": "persist_order"}},
        "task": "persist_order",
        "task_id": "task-1",
        "subject": ORDER_ID,
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
    return DeadMessage(**values | changes)


def a_progress(**changes):
    values = {
        "id": REPAIR_ID,
        "queue": QUEUE,
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
    return RepairProgress(**values | changes)


def an_item(**changes):
    values = {
        "repair_id": REPAIR_ID,
        "message_id": "message-1",
        "state": "confirmed",
        "subject": ORDER_ID,
        "task": "persist_order",
        "task_id": "task-1",
        "body": "{}",
        "new_body": None,
        "new_message_id": "message-2",
        "sent_at": NOW,
        "changed_at": NOW,
        "error": "",
    }
    return RepairItem(**values | changes)


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


class FakeMessages:
    """What is known of a DLQ that holds `kept`."""

    def __init__(self):
        self.kept = [a_message()]
        self.at = NOW

    def groups(self):
        return [
            Group(
                queue=message.queue,
                fingerprint=message.fingerprint,
                kind=message.kind,
                error_class=message.error_class,
                error=message.error,
                task=message.task,
                count=len(self.kept),
                oldest=message.sent_at,
                newest=message.sent_at,
            )
            for message in self.kept[:1]
        ]

    def page(self, fingerprint, after, limit):
        return [message for message in self.kept if message.message_id > (after or "")][:limit]

    def selected(self, selection, after, limit):
        return self.page(None, after, limit)

    def get(self, message_id):
        return next((message for message in self.kept if message.message_id == message_id), None)

    def of_subject(self, subject):
        return [message for message in self.kept if message.subject == subject]

    def of_task(self, task_id):
        return [message for message in self.kept if message.task_id == task_id]

    def count(self, selection=None):
        return len(self.kept)

    def scanned_at(self):
        return self.at

    def scans(self):
        return {QUEUE: self.at}


class FakeRepairs:
    """Repairs that only note what was asked of them."""

    def __init__(self):
        self.planned = []
        self.ran = []
        self.error = None
        self.shown = a_progress()
        self.listed = [an_item()]

    def plan(self, action, selection, operator, reason, canaries=5, new_body=None):
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
        return self.of_subject(task_id)

    def of_subject(self, subject):
        return [(self.shown, item) for item in self.listed]


class FakeDlq:
    """The service of a DLQ, and of all there are, without queues and tables."""

    names = (QUEUE,)

    def __init__(self):
        self.messages = FakeMessages()
        self.repairs = FakeRepairs()
        self.accepts = True
        self.scans = 0

    def __getitem__(self, name):
        return self

    def scan(self):
        self.scans += 1

    def dry_run(self, messages):
        why = "would be stored" if self.accepts else "no valid order: quantity"
        return [DryRun(accepted=self.accepts, why=why) for _ in messages]


class FakeHistory:
    """The history of one order."""

    def __init__(self):
        self.known = {ORDER_ID: a_timeline(), "task-1": a_timeline()}

    def timeline(self, named):
        return self.known.get(named)


@functools.cache
def complete_database():
    """A database in memory that has all tables, for all tests."""
    engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
    for metadata in METADATA:
        metadata.create_all(engine)
    return engine


class FakePauses:
    """The pauses, without a table."""

    def __init__(self):
        self.engine = complete_database()
        self.paused = {}

    def current(self):
        return self.paused

    def latest(self, limit):
        return list(self.paused.values())

    def pause(self, queue, operator, reason):
        if queue in self.paused:
            raise NotChanged(f"{queue} is {self.paused[queue]}")
        nobody = dict.fromkeys(("resumed_by", "resume_reason", "resumed_at"))
        self.paused[queue] = Pause(id="p", queue=queue, paused_by=operator, reason=reason, paused_at=NOW, **nobody)

    def resume(self, queue, operator, reason):
        del self.paused[queue]


def silent():
    """SQS that is not there."""
    raise OSError("Connection refused")


def with_fakes(app, dlq, history=None, numbers=silent):
    """The application's workbench, with doubles and without SQS."""
    parts = app.extensions[Parts.NAME]
    fakes = {
        "dlq": dlq,
        "history": history or FakeHistory(),
        "runs": Runs(dlq),
        "pauses": FakePauses(),
        "numbers": {QUEUE: Recent(numbers, 0)},
        "reports": {QUEUE: Recent(lambda: Report(QUEUE, "a -> b\n  kept    4 days", []), 0)},
    }
    app.extensions[Parts.NAME] = dataclasses.replace(parts, **fakes)
    return app


class Browser:
    """A browser: it keeps cookies and sends the forms' tokens."""

    def __init__(self, app, prefix="/monitor"):
        self.http = app.test_client()
        self._prefix = prefix

    def token(self, page=None):
        text = self.http.get(page or f"{self._prefix}/login").text
        return re.search(r'name="csrf_token" value="([^"]+)"', text)[1]

    def sign_in(self, name="ada", password=PASSWORD, to=""):
        form = {"csrf_token": self.token(), "name": name, "password": password, "next": to}
        return self.http.post(f"{self._prefix}/login", data=form)

    def send(self, action, **form):
        """Send a form, as the page that shows it would."""
        return self.http.post(action, data={"csrf_token": self.token(f"{self._prefix}/dlq"), **form})
