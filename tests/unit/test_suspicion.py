"""An error that looks like an outage is one if the probe fails, too; else the call that causes it is to blame."""

import time

import pytest
from celery import Celery
from celery.exceptions import Retry, SoftTimeLimitExceeded

from celery_sqs.message.wire import MAX_RECEIVE_COUNT
from celery_sqs.tasks.batch import BatchTask, run_batch
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import BLOCKED_PAUSE, FailsAlone, Kind
from celery_sqs.tasks.suspicion import RUNS
from celery_sqs.tasks.task import SQSTask

LOST = "ConnectionError: connection lost"
ALLOWED = {MAX_RECEIVE_COUNT: 3}
LONGEST = 10  # seconds for the neighbours of a call that is to blame


class Busy(Exception):
    """What one call needs is in use."""


class Store:
    """A store that is there or away, and drops the connection of whoever says a word that it does not like."""

    DISLIKED = "drop"

    def __init__(self):
        self.away = False
        self.kept, self.records, self.probes, self.writes = [], [], 0, []
        self.on_probe = lambda: None

    def answers(self):
        self.probes += 1
        self.on_probe()
        return not self.away

    def write(self, values):
        self.writes.append(len(values))
        if self.away:
            raise ConnectionError("nobody is there")
        if any(self.DISLIKED in value for value in values):
            raise ConnectionError(f"connection lost\n[statement: {values}]")
        self.kept += values

    def record(self, text):
        if self.away or self.DISLIKED in text:
            raise ConnectionError("connection lost")
        self.records.append(text)


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def app(store):
    celery = Celery("suspecting", set_as_current=True)
    _define_batches(celery, store)
    _define_singles(celery, store)
    yield celery
    celery.close()


class Records:
    """A store of attempts, as text; what is not asked for in the pool is left out."""

    def __init__(self, store):
        self._store = store

    def record(self, attempt):
        self._store.record(f"{attempt.message_id} {type(attempt.error).__name__}: {attempt.error} {attempt.traceback}")


def _options(store):
    """What all tasks say of the store."""
    return {
        "shared": False,
        "is_outage": staticmethod(lambda error: isinstance(error, ConnectionError)),
        "is_back": lambda self: store.answers(),
        "attempt_store": Records(store),
    }


def _define_batches(celery, store):
    @celery.task(base=BatchTask, name="keep", blocked=(Busy,), **_options(store))
    def keep(calls):
        store.write([call.args[0] for call in calls])
        return [Busy() if call.args[0] == "busy" else None for call in calls]

    @celery.task(base=BatchTask, name="answer", **_options(store))
    def answer(calls):
        return [ConnectionError("as said") if Store.DISLIKED in call.args[0] else None for call in calls]


def _define_singles(celery, store):
    @celery.task(base=SQSTask, name="one", **_options(store))
    def one(value):
        store.write([value])

    @celery.task(base=SQSTask, bind=True, name="again", **_options(store))
    def again(self, value):
        self.retry(exc=ConnectionError("as said"), countdown=0)


def batch(*values, task="keep"):
    return run_batch(
        task,
        [Call(f"id-{number}", f"message-{number}", [value], {}, 1, "w@h", 3) for number, value in enumerate(values)],
    )


def kinds(decisions):
    return [decision and decision.kind.value for decision in decisions]


@pytest.mark.usefixtures("app")
class TestBatch:
    def test_one_that_breaks_every_statement_fails_alone_and_its_neighbours_are_kept(self, store):
        values = [f"good {number}" for number in range(100)]
        values[37] = "drop"
        began_at = time.monotonic()
        decisions = batch(*values)
        assert time.monotonic() - began_at < LONGEST
        assert decisions[37].kind is Kind.OWN
        assert decisions.count(None) == 99
        assert sorted(store.kept) == sorted(value for value in values if value != "drop")

    def test_it_is_run_several_times_before_it_is_to_blame_each_time_between_two_probes(self, store):
        batch("drop")
        assert store.writes == [1] * RUNS
        assert store.probes >= RUNS

    def test_it_is_on_record_without_the_text_that_breaks_the_statement(self, store):
        batch("good", "drop")
        [record] = store.records
        assert record.startswith("message-1 Unrecordable: FailsAlone")

    def test_what_is_reported_of_it_does_not_quote_the_statement(self):
        _, decision = batch("good", "drop")
        assert decision.error == f"FailsAlone: {RUNS} times in a row, while what it depends on answers: {LOST}"

    def test_a_real_outage_is_nobodys_failure(self, store):
        store.away = True
        assert kinds(batch(*["good"] * 100)) == ["outage"] * 100
        assert store.writes == [100]
        assert store.records == []

    def test_an_outage_that_begins_while_halves_are_run_is_nobodys_failure(self, store):
        def begin():
            store.away = store.probes >= 3

        store.on_probe = begin
        decisions = kinds(batch(*["good"] * 50, "drop", *["good"] * 49))
        assert set(decisions) == {"outage", None}
        assert decisions.count(None) == len(store.kept)
        assert store.records == []

    def test_an_outage_that_is_over_at_the_probe_is_run_through(self, store):
        store.away = True

        def end():
            store.away = False

        store.on_probe = end
        assert batch(*["good"] * 10) == [None] * 10

    def test_one_that_fails_only_now_and_then_is_not_to_blame(self, store):
        tries = []

        def lose_one(values):
            tries.append(values)
            if len(tries) < RUNS:
                raise ConnectionError

        store.write = lose_one
        assert batch("good") == [None]

    def test_an_answer_for_one_call_is_looked_into_as_well(self):
        assert kinds(batch("good", "drop", "good", task="answer")) == [None, "own", None]

    def test_a_blocked_call_waits_and_has_not_failed(self, store):
        _, decision = batch("good", "busy")
        assert decision.kind is Kind.BLOCKED
        assert (decision.delay, decision.final) == (BLOCKED_PAUSE, False)
        assert store.records == []
        assert store.probes == 0

    def test_a_record_that_cannot_be_made_in_an_outage_keeps_the_message(self, store):
        def begin(text):
            store.away = True
            raise ConnectionError

        store.record = begin
        assert kinds(batch("drop")) == ["outage"]

    def test_a_record_that_cannot_be_made_at_all_keeps_nothing_up(self, store, caplog):
        def refuse(text):
            raise ConnectionError

        store.record = refuse
        assert kinds(batch("drop")) == ["own"]
        assert "could not be recorded" in caplog.text

    def test_halves_are_worth_a_line(self, caplog):
        batch("good", "drop")
        assert "2 calls of keep fail as in an outage, and the probe succeeds" in caplog.text
        assert "statement" not in caplog.messages[0]

    def test_time_that_is_up_while_it_is_looked_into_is_not_the_calls_fault(self, store):
        def end_time():
            if store.probes == 2:
                raise SoftTimeLimitExceeded

        store.on_probe = end_time
        assert kinds(batch("drop")) == ["outage"]


class TestSingleTask:
    @pytest.fixture
    def in_worker(self, app):
        """A function that calls a task as a worker does."""

        def call(name, *args):
            task = app.tasks[name]
            task.push_request(id="id", called_directly=False, retries=0, args=args, hostname="w@h", **ALLOWED)
            try:
                return task(*args)
            finally:
                task.pop_request()

        return call

    def test_one_that_goes_on_failing_while_the_probe_succeeds_is_to_blame(self, store, in_worker):
        with pytest.raises(Retry) as raised:
            in_worker("one", "drop")
        assert isinstance(raised.value.exc, FailsAlone)
        assert len(store.writes) == RUNS

    def test_an_outage_is_raised_at_once(self, store, in_worker):
        store.away = True
        with pytest.raises(Retry) as raised:
            in_worker("one", "good")
        assert isinstance(raised.value.exc, ConnectionError)
        assert len(store.writes) == 1

    def test_a_retry_for_an_outage_is_one_only_if_the_probe_fails(self, store, in_worker):
        with pytest.raises(Retry) as raised:
            in_worker("again", "good")
        assert isinstance(raised.value.exc, FailsAlone)
        store.away = True
        with pytest.raises(Retry) as raised:
            in_worker("again", "good")
        assert isinstance(raised.value.exc, ConnectionError)


def test_a_task_without_a_probe_is_believed():
    celery = Celery("believing", set_as_current=True)

    class Believing(BatchTask):
        abstract = True
        is_outage = staticmethod(lambda error: isinstance(error, ConnectionError))

    @celery.task(base=Believing, name="keep", shared=False)
    def keep(calls):
        raise ConnectionError

    assert kinds(batch("good", "good")) == ["outage"] * 2
    celery.close()
