"""A batch answers for each of its calls: a bad one never fails its neighbours."""

import sys

import pytest
from celery import Celery, signals
from celery.exceptions import SoftTimeLimitExceeded

from celery_sqs.tasks.batch import BatchTask, run_batch
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import Kind

DONE = None


class Tally(BatchTask):
    """Fails on the calls whose argument is `bad`, the way an insert of many rows does: as a whole."""

    abstract = True
    permanent = (PermissionError,)

    def __init__(self):
        self.runs = []
        self.recorded = []

    @property
    def attempt_store(self):
        return self

    def record(self, attempt):
        """Of a store of attempts; the others of its methods are not asked for in the pool."""
        self.recorded.append((attempt.message_id, attempt.receive_count, attempt.final))

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)


@pytest.fixture
def app():
    return Celery("batches", set_as_current=True)


@pytest.fixture
def task(app):
    @app.task(base=Tally, bind=True, name="tally", shared=False)
    def tally(self, calls):
        self.runs.append(len(calls))
        values = [call.args[0] for call in calls]
        if "gone" in values:
            raise ConnectionError
        if "slow" in values:
            raise SoftTimeLimitExceeded
        if "exit" in values:
            sys.exit(3)
        if "huge" in values:
            raise MemoryError
        if "bad" in values:
            raise ValueError(f"{values.count('bad')} bad")
        return [PermissionError(value) if value == "never" else None for value in values]

    return app.tasks["tally"]


def _calls(values, receive_count=1, retries=0):
    return [
        Call(f"id-{number}", f"message-{number}", [value], {}, receive_count, "w@h", 3, retries)
        for number, value in enumerate(values)
    ]


def _kinds(decisions):
    return [decision and decision.kind for decision in decisions]


def test_a_good_batch_is_one_run(task):
    assert run_batch("tally", _calls(["good"] * 100)) == [DONE] * 100
    assert task.runs == [100]


@pytest.mark.parametrize("position", [0, 1, 49, 50, 98, 99])
def test_one_bad_call_among_a_hundred_fails_alone_wherever_it_stands(task, position):
    values = ["good"] * 100
    values[position] = "bad"
    decisions = run_batch("tally", _calls(values))
    assert decisions[position].kind is Kind.OWN
    assert decisions.count(DONE) == 99
    assert task.recorded == [(f"message-{position}", 1, False)]
    assert len(task.runs) <= 15, "one run for the whole, and two for each halving"


@pytest.mark.parametrize("bad", [2, 5])
def test_few_bad_calls_cost_few_runs(task, bad):
    values = ["good"] * 100
    for number in range(bad):
        values[number * 17] = "bad"
    decisions = run_batch("tally", _calls(values))
    assert _kinds(decisions).count(Kind.OWN) == bad
    assert len(task.runs) <= 1 + bad * 14


def test_an_answer_of_the_task_itself_costs_no_further_run(task):
    decisions = run_batch("tally", _calls(["good", "never", "good"]))
    assert _kinds(decisions) == [None, Kind.PERMANENT, None]
    assert task.runs == [3]


def test_an_outage_is_not_looked_for_in_halves(task):
    assert _kinds(run_batch("tally", _calls(["good", "gone"] * 50))) == [Kind.OUTAGE] * 100
    assert task.runs == [100]


def test_an_outage_is_nobodys_failed_attempt(task):
    run_batch("tally", _calls(["gone"], receive_count=3, retries=2))
    assert task.recorded == []


def test_a_time_limit_is_told_to_the_worker_which_runs_the_halves(task):
    with pytest.raises(SoftTimeLimitExceeded):
        run_batch("tally", _calls(["good", "slow"]))
    assert task.runs == [2]
    assert _kinds(run_batch("tally", _calls(["slow"]))) == [Kind.OWN]


@pytest.mark.parametrize("culprit", ["exit", "huge"])
def test_what_would_end_the_process_fails_one_call(task, culprit):
    assert _kinds(run_batch("tally", _calls(["good", culprit, "good"]))) == [None, Kind.OWN, None]


def test_the_last_attempt_is_recorded_as_final(task):
    [decision] = run_batch("tally", _calls(["bad"], receive_count=7, retries=2))
    assert task.recorded == [("message-0", 7, True)]
    assert (decision.delay, decision.final) == (0, True)


def test_receives_that_no_attempt_explains_are_no_attempts(task):
    [decision] = run_batch("tally", _calls(["bad"], receive_count=7, retries=1))
    assert task.recorded == [("message-0", 7, False)]
    assert not decision.final


def test_the_task_sees_the_number_of_the_attempt_and_of_the_receive(task):
    seen = []

    def look(**_):
        seen.append((task.attempt, task.receive_count, task.max_receive_count))

    signals.task_postrun.connect(look, weak=False)
    run_batch("tally", _calls(["good"], receive_count=7, retries=1))
    signals.task_postrun.disconnect(look)
    assert seen == [(2, 7, 3)]


def test_signals_are_sent_for_each_call(task):
    received = []

    def receive(signal, **fields):
        received.append((names[signal], fields.get("task_id") or task.request.id))

    names = {
        signals.task_prerun: "prerun",
        signals.task_success: "success",
        signals.task_retry: "retry",
        signals.task_failure: "failure",
        signals.task_postrun: "postrun",
    }
    for signal in names:
        signal.connect(receive, weak=False)
    run_batch("tally", _calls(["good", "never"]))
    for signal in names:
        signal.disconnect(receive)
    assert sorted(received) == [
        ("postrun", "id-0"),
        ("postrun", "id-1"),
        ("prerun", "id-0"),
        ("prerun", "id-1"),
        ("retry", "id-1"),
        ("success", "id-0"),
    ]
