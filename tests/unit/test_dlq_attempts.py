"""Why a message died: from its task's store of attempts, or from the events of a task that keeps none."""

from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, insert

from celery_sqs.dlq import DeadLetterService
from celery_sqs.dlq.snapshot import NO_ATTEMPT
from celery_sqs.monitor import task_state
from celery_sqs.tasks.decision import describe
from tests.shop import SEND_MAIL, bury, make_shop
from tests.unit.workbench.fakes import NOW


class ReadableStore:
    """A task's store of attempts that can be read, too."""

    def last_attempts(self, message_ids):
        fields = {"task": SEND_MAIL, "kind": "own", "error_class": "SMTPError", "message": "no such mailbox"}
        fields |= {"traceback": "", "final": True, "failed_at": NOW}
        return {message_id: SimpleNamespace(**fields) for message_id in message_ids}

    def count_attempts(self, message_ids):
        return {}


@pytest.mark.parametrize(("store", "reason"), [(None, ("lost", "")), (ReadableStore(), ("own", "SMTPError"))])
def test_why_a_message_died_is_read_from_its_tasks_store(tmp_path, store, reason):
    app = make_shop(tmp_path)
    app.tasks[SEND_MAIL].__class__.attempt_store = store
    message = dead_message(app)
    assert (message.kind, message.error_class) == reason


class SMTPError(Exception):
    """An error whose text may have lines and quotes."""


@pytest.mark.parametrize(
    ("state", "error", "reason"),
    [
        ("FAILURE", describe(SMTPError("no such mailbox")), ("own", "SMTPError", "no such mailbox")),
        ("FAILURE", describe(SMTPError("can't: \n550")), ("own", "SMTPError", "can't: \n550")),
        ("FAILURE", describe(SMTPError(550, "no such mailbox")), ("own", "SMTPError", "(550, 'no such mailbox')")),
        ("FAILURE", "<SMTPError: 550>", ("own", "", "<SMTPError: 550>")),
        ("RETRY", describe(SMTPError("no such mailbox")), ("lost", "", NO_ATTEMPT)),
    ],
)
def test_without_a_store_it_is_read_from_the_tasks_events(tmp_path, state, error, reason):
    app = make_shop(tmp_path)
    report(app, state, error)
    message = dead_message(app)
    assert (message.kind, message.error_class, message.error) == reason


def test_an_event_of_an_earlier_message_of_the_call_is_not_the_reason(tmp_path):
    app = make_shop(tmp_path)
    report(app, "FAILURE", "SMTPError: no such mailbox", message_id="m0")
    assert dead_message(app).error == NO_ATTEMPT


def test_of_a_message_that_no_worker_would_run_it_is_poison(tmp_path):
    app = make_shop(tmp_path)
    report(app, "FAILURE", "NotRegistered: shop.send_mail")
    del app.tasks[SEND_MAIL]
    message = dead_message(app)
    assert (message.kind, message.error_class) == ("poison", "NotRegistered")


@pytest.mark.parametrize("kind", ["own", "permanent", "lost", "poison"])
def test_whose_fault_it_was_is_what_the_event_says(tmp_path, kind):
    app = make_shop(tmp_path)
    report(app, "FAILURE", "SMTPError: no such mailbox", kind=kind)
    assert dead_message(app).kind == kind


def report(app, state, error, message_id="m1", kind=None):
    """Have the state of the call of a message on record."""
    row = {"task_id": "task-of-m1", "message_id": message_id, "version": 1, "name": SEND_MAIL, "state": state}
    row |= {"receive_count": 3, "args": "[]", "kwargs": "{}", "error": error, "traceback": "File x", "kind": kind}
    engine = create_engine(app.conf.sqs_monitor_database)
    with engine.begin() as connection:
        connection.execute(insert(task_state), row | {"finished_at": NOW, "changed_at": NOW})
    engine.dispose()


def dead_message(app):
    bury(app, "m1")
    service = DeadLetterService.of(app)
    message = service.messages.get("m1")
    service.engine.dispose()
    return message
