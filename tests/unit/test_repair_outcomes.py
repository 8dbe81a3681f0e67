"""The outcome of what was sent again: confirmed by the effect where the task knows it, by its success where not."""

import json
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from celery import Celery
from sqlalchemy import insert

from celery_sqs.dlq import RepairLog
from celery_sqs.dlq.hooks import TaskHooks
from celery_sqs.dlq.repair.journal import Journal
from celery_sqs.dlq.repair.outcomes import CHUNK, Outcomes
from celery_sqs.dlq.tables import dead_messages, repair_items
from celery_sqs.message import wire
from celery_sqs.monitor import task_state
from celery_sqs.tasks.task import SQSTask

NOW = datetime.now(UTC)


class Counting(SQSTask):
    """Base of a task that knows which numbers are counted."""

    abstract = True

    def __init__(self):
        self.counted = set()
        self.asked = 0

    def are_done(self, calls):
        self.asked += 1
        return [call.args[0]["number"] in self.counted for call in calls]


class FakeAttempts:
    """Failed attempts by message id: whether each was the last that the queue allows."""

    def __init__(self):
        self.final = {}

    def last_attempts(self, message_ids):
        assert len(message_ids) <= CHUNK
        return {
            message_id: SimpleNamespace(final=self.final[message_id], error_class="ValueError", message="no")
            for message_id in message_ids
            if message_id in self.final
        }


@pytest.fixture
def app():
    celery = Celery("counts", set_as_current=False)
    celery.task(_do_nothing, base=Counting, name="count", shared=False)
    celery.task(_do_nothing, base=SQSTask, name="plain", shared=False)
    yield celery
    celery.close()


@pytest.fixture
def count(app):
    return app.tasks["count"]


@pytest.fixture
def attempts():
    return FakeAttempts()


@pytest.fixture
def outcomes(engine, app, attempts):
    return Outcomes(engine, "r", Journal(engine, "r"), attempts, TaskHooks(app))


@pytest.fixture
def put(engine):
    """A function that puts messages on record as sent again."""

    def put(numbers, task="count"):
        items, messages = zip(*[_rows(number, task) for number in numbers], strict=True)
        with engine.begin() as connection:
            connection.execute(insert(repair_items), list(items))
            connection.execute(insert(dead_messages), list(messages))

    return put


@pytest.fixture
def states(engine):
    """A function that counts the states of the messages."""
    return lambda: Counter(item.state for item in RepairLog(engine).items("r", limit=10_000))


@pytest.fixture
def report(engine):
    """A function that reports the state of a message's task."""

    def report(number, state, error=None, message_id=None):
        values = {"task_id": f"t{number}", "message_id": message_id or f"new{number}", "version": 1, "name": "any"}
        values |= {"state": state, "error": error, "receive_count": 1, "args": "", "kwargs": "", "changed_at": NOW}
        with engine.begin() as connection:
            connection.execute(insert(task_state).values(values))

    return report


@pytest.fixture
def succeed(report):
    """A function that reports the success of a message's task."""
    return lambda number: report(number, "SUCCESS")


def test_what_the_task_knows_to_be_done_is_confirmed_and_the_rest_stays_sent(outcomes, put, states, count):
    put(range(3))
    count.counted = {1}
    outcomes.check()
    assert states() == {"confirmed": 1, "sent": 2}
    count.counted = {0, 1, 2}
    outcomes.check()
    assert states() == {"confirmed": 3}


def test_a_task_that_knows_its_effects_is_not_confirmed_by_its_success(outcomes, put, states, succeed):
    put([1])
    succeed(1)
    outcomes.check()
    assert states() == {"sent": 1}


def test_a_task_that_does_not_know_is_confirmed_by_its_success(outcomes, put, states, succeed):
    put([1, 2], task="plain")
    succeed(1)
    outcomes.check()
    assert states() == {"confirmed": 1, "sent": 1}


def test_only_a_failure_after_which_the_message_is_dead_is_one(outcomes, put, states, attempts, engine):
    put([1, 2])
    attempts.final = {"new1": False, "new2": True}
    outcomes.check()
    assert states() == {"sent": 1, "failed": 1}
    assert [item.error for item in RepairLog(engine).items("r", "failed")] == ["ValueError: no"]


@pytest.mark.parametrize(
    ("state", "error", "shown"),
    [("FAILURE", "SMTPError: no", "SMTPError: no"), ("REVOKED", "revoked by ada", "revoked by ada")],
)
def test_a_task_that_keeps_no_attempts_has_failed_where_its_event_says_so(
    outcomes, put, states, report, engine, state, error, shown
):
    put([1, 2], task="plain")
    report(1, state, error)
    report(2, state, error, message_id="m00002")  # of the message that is dead
    outcomes.check()
    assert states() == {"failed": 1, "sent": 1}
    assert [item.error for item in RepairLog(engine).items("r", "failed")] == [shown]


def test_what_is_done_is_confirmed_though_it_has_failed_before(outcomes, put, states, attempts, count):
    put([1])
    attempts.final, count.counted = {"new1": True}, {1}
    outcomes.check()
    assert states() == {"confirmed": 1}


def test_many_are_checked_to_the_end_while_there_are_outcomes(outcomes, put, states, count):
    put(range(2 * CHUNK + 1))
    count.counted = set(range(2 * CHUNK + 1))
    outcomes.check()
    assert states() == {"confirmed": 2 * CHUNK + 1}


def test_without_outcomes_a_check_takes_one_chunk_and_the_next_check_goes_on_after_it(outcomes, put, states, count):
    put(range(2 * CHUNK + 1))
    count.counted = {2 * CHUNK}
    for asked in (1, 2, 3):
        assert states() == {"sent": 2 * CHUNK + 1}
        outcomes.check()
        assert count.asked == asked
    assert states() == {"confirmed": 1, "sent": 2 * CHUNK}
    outcomes.check()
    assert count.asked == 4, "it begins again with the first ones"


def _rows(number, task):
    """A message that was sent again: its item in the repair, and what the last scan has seen of it."""
    message = {"message_id": f"m{number:05}", "task": task, "task_id": f"t{number}", "body": f'{{"number": {number}}}'}
    item = message | {"repair_id": "r", "state": "sent", "new_message_id": f"new{number}", "sent_at": NOW}
    names = {wire.TASK: task, wire.TASK_ID: f"t{number}"}
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in names.items()}
    dead = message | {"queue": "q", "attributes": json.dumps(attributes)}
    dead |= {"fingerprint": "0" * 16, "kind": "own", "error_class": "", "error": "", "sent_at": NOW, "seen_at": NOW}
    return item | {"changed_at": NOW, "error": ""}, dead


def _do_nothing(*args):
    """No task here runs."""
