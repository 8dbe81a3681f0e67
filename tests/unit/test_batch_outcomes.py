"""What a batch answers for a call is that call's outcome to everybody to whom Celery reports a task."""

import logging
import time
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import SimpleNamespace

import pytest
from celery import Celery, current_task, signals
from celery.app import trace
from celery.exceptions import Ignore, Reject, Retry

from celery_sqs.tasks.batch import BatchTask, run_batch
from celery_sqs.tasks.call import Call
from celery_sqs.tasks.decision import Kind
from tests.unit.test_interception import by_a_function, listening

ALLOWED = 3  # attempts
FIRST, LAST = 0, ALLOWED - 1  # failed attempts before


class Noted(BatchTask):
    """Notes which of its hooks are called."""

    abstract = True
    blocked = (BlockingIOError,)

    def __init__(self):
        self.runs, self.hooks = [], []

    @staticmethod
    def is_outage(error):
        return isinstance(error, ConnectionError)

    def on_success(self, retval, task_id, args, kwargs):
        self.hooks.append(("success", task_id, retval))

    def on_retry(self, exc, task_id, args, kwargs, einfo):
        self.hooks.append(("retry", task_id, exc))

    def on_failure(self, exc, task_id, args, kwargs, einfo):
        self.hooks.append(("failure", task_id, exc))

    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        self.hooks.append((status, task_id, retval))


@pytest.fixture
def app(tmp_path):
    celery = Celery("outcomes", backend=f"file://{tmp_path}", set_as_current=True)
    yield celery
    celery.close()


def by_celery(build_tracer):
    return build_tracer


#: The second as Sentry does: see `celery_sqs.tasks.outcomes.traced`.
@pytest.fixture(params=[by_celery, by_a_function], autouse=True)
def _tracer(request, monkeypatch):
    monkeypatch.setattr(trace, "build_tracer", request.param(trace.build_tracer))


@pytest.fixture
def task(app):
    """Answers with whatever a test has put into `task.answer`: a list, or a function of the calls."""

    @app.task(base=Noted, bind=True, name="noted", shared=False)
    def noted(self, calls):
        self.runs.append([call.id for call in calls])
        return self.answer(calls) if callable(self.answer) else self.answer

    return app.tasks["noted"]


def run(task, answer, count=1, retries=FIRST, **headers):
    task.answer = answer
    calls = [
        Call(f"id-{number}", f"message-{number}", [number], {}, 1, "w@h", ALLOWED, retries, headers)
        for number in range(count)
    ]
    return run_batch(task.name, calls)


def stored(task, number=0):
    result = task.AsyncResult(f"id-{number}")
    return result.state, result.result


@contextmanager
def heard(*names):
    """What is sent of some of Celery's signals: name, the current call's id, the signal's fields and the request's."""
    received = []
    with ExitStack() as stack:
        for name in names:

            def receive(name=name, **fields):
                request = current_task.request
                received.append((name, request.id, SimpleNamespace(**fields, of_request=dict(vars(request)))))

            signal = getattr(signals, f"task_{name}")
            signal.connect(receive, weak=False)
            stack.callback(signal.disconnect, receive)
        yield received


@pytest.mark.parametrize("answer", [None, True, "ab", {}, 5])
def test_an_answer_that_is_no_list_fails_each_call_by_name_and_value_and_runs_once(task, answer):
    decisions = run(task, answer, 2)
    assert [decision.kind for decision in decisions] == [Kind.OWN, Kind.OWN]
    text = f"noted has to return a list with an outcome for each of 2 calls, and has returned {answer!r}"
    assert [str(error) for _, _, error in task.hooks] == [text, text]
    assert task.runs == [["id-0", "id-1"]]


@pytest.mark.parametrize("answer", [[], [1], [1, 2, 3]])
def test_a_list_of_another_length_fails_each_call_by_name_and_value(task, answer):
    run(task, answer, 2)
    assert [(name, str(answer) in str(error)) for name, _, error in task.hooks] == [("retry", True)] * 2
    assert task.runs == [["id-0", "id-1"]]


def test_a_long_answer_is_cut_short(task):
    [decision] = run(task, "x" * 10_000)
    assert len(decision.error) < 400


def test_what_is_no_exception_is_the_result_of_its_call(task):
    assert run(task, [{"id": 7}, None, False], 3) == [None, None, None]
    assert [stored(task, number) for number in range(3)] == [
        ("SUCCESS", {"id": 7}),
        ("SUCCESS", None),
        ("SUCCESS", False),
    ]
    assert task.hooks[:2] == [("success", "id-0", {"id": 7}), ("SUCCESS", "id-0", {"id": 7})]


def test_an_attempt_that_is_not_the_last_is_a_retry_to_everybody(task):
    with heard("retry", "failure", "postrun") as received:
        run(task, [KeyError("why")])
    assert stored(task)[0] == "RETRY"
    assert [name for name, _, _ in task.hooks] == ["retry"]
    assert [(name, task_id) for name, task_id, _ in received] == [("retry", "id-0"), ("postrun", "id-0")]
    assert isinstance(received[0][2].reason, Retry)
    assert received[1][2].state == "RETRY"


def test_the_last_attempt_is_a_failure_to_everybody(task):
    with heard("retry", "failure", "postrun") as received:
        run(task, [KeyError("why")], retries=LAST)
    state, error = stored(task)
    assert (state, repr(error)) == ("FAILURE", "KeyError('why')")
    assert [name for name, _, _ in task.hooks] == ["failure", "FAILURE"]
    assert [(name, task_id) for name, task_id, _ in received] == [("failure", "id-0"), ("postrun", "id-0")]


@pytest.mark.parametrize(("error", "kind"), [(ConnectionError(), Kind.OUTAGE), (BlockingIOError(), Kind.BLOCKED)])
def test_what_is_parked_is_no_failure_to_anybody(task, error, kind):
    with heard("retry", "failure") as received:
        [decision] = run(task, [error], retries=LAST)
    assert decision.kind is kind
    assert stored(task)[0] == "PENDING"
    assert received == []


def test_an_outage_that_keeps_the_attempt_from_being_recorded_is_not_reported(app, task, monkeypatch):
    def refuse(*_):
        raise ConnectionError("no store")

    monkeypatch.setattr(task, "put_on_record", refuse)
    with heard("failure") as received:
        [decision] = run(task, [KeyError("why")], retries=LAST)
    assert decision.kind is Kind.OUTAGE
    assert received == []
    assert stored(task)[0] in {"PENDING", "RETRY"}


def test_a_retry_says_when_and_why(task):
    [decision] = run(task, [Retry(exc=KeyError("why"), when=40)])
    assert (decision.kind, decision.delay) == (Kind.OWN, 40)
    assert repr(task.hooks[0][2]) == "KeyError('why')"


def test_a_retry_out_of_run_is_meant_for_all_calls_and_is_not_run_in_halves(task):
    def retry(calls):
        raise Retry(when=40)

    assert [decision.delay for decision in run(task, retry, 3)] == [40, 40, 40]
    assert len(task.runs) == 1


def test_a_call_that_is_ignored_is_done_and_has_no_result(task):
    with heard("success", "failure", "postrun") as received:
        assert run(task, [Ignore()]) == [None]
    assert stored(task)[0] == "PENDING"
    assert [(name, fields.state) for name, _, fields in received] == [("postrun", "IGNORED")]


def test_what_is_not_to_be_stored_is_not(task):
    run(task, [1], ignore_result=True)
    run(task, [KeyError()], ignore_result=True)
    assert stored(task)[0] == "PENDING"


def test_a_result_that_cannot_be_stored_is_a_failed_attempt(task):
    [decision] = run(task, [object()])
    assert (decision.kind, "EncodeError" in decision.error) == (Kind.OWN, True)
    assert stored(task)[0] == "RETRY"


@pytest.mark.filterwarnings("ignore:Exception raised outside body")  # by Celery's tracer
@pytest.mark.parametrize(
    ("outcome", "chord", "kind"), [(KeyError("why"), None, Kind.OWN), (1, None, None), (1, {"task": "body"}, Kind.OWN)]
)
def test_a_store_that_takes_nothing_decides_on_parts_of_a_chord_alone(
    app, task, monkeypatch, caplog, outcome, chord, kind
):
    monkeypatch.setattr(app.backend, "store_result", lambda *_, **__: (_ for _ in ()).throw(OSError("no store")))
    [decision] = run(task, [outcome], retries=LAST, chord=chord)
    assert (decision and decision.kind) == kind
    assert "no store" in caplog.text


def test_a_hook_that_fails_after_success_changes_nothing(task, monkeypatch, caplog):
    def fail(*_):
        raise OSError("no hook")

    monkeypatch.setattr(task, "on_success", fail)
    with caplog.at_level(logging.INFO, trace.__name__):
        assert run(task, [1]) == [None]
    assert stored(task) == ("SUCCESS", 1)
    assert "no hook" in caplog.text


def test_a_call_is_on_record_as_started_where_the_task_wants_that(task, monkeypatch):
    monkeypatch.setattr(task, "track_started", True)
    states = []
    run(task, lambda calls: [states.append(stored(task)[0])])
    assert states == ["STARTED"]


def test_hooks_and_signals_see_the_request_of_their_call(task):
    headers = {"delivery_info": {"routing_key": "mail"}, "request_id": "7", "group": "g"}
    with heard("prerun", "success", "postrun") as received:
        run(task, [1, 2], 2, **headers)
    for task_id in ("id-0", "id-1"):
        assert [name for name, of_call, _ in received if of_call == task_id] == ["prerun", "success", "postrun"]
    assert all(fields.of_request.items() >= headers.items() for _, _, fields in received)


def test_what_a_listener_sets_for_a_call_is_that_calls_alone(task):
    current, seen = ContextVar("current", default=None), []

    def begin(task_id, **_):
        seen.append(current.get())
        current.set(task_id)

    def end(task_id, **_):
        seen.append((task_id, current.get()))

    with listening(signals.task_prerun, begin), listening(signals.task_postrun, end):
        run(task, [1, KeyError("why")], 2)
    assert [each for each in seen if each] == [("id-0", "id-0"), ("id-1", "id-1")]
    assert current.get() is None


def test_a_call_takes_as_long_as_its_batch(task):
    def slow(calls):
        time.sleep(0.05)
        return [1]

    with heard("success") as received:
        run(task, slow)
    [(_, _, fields)] = received
    assert 0.05 <= fields.runtime < 5


@pytest.mark.parametrize("outcome", [Reject("why", requeue=False), SystemExit(3), MemoryError()], ids=repr)
def test_what_would_end_more_than_the_call_is_a_failure_like_others(task, outcome):
    with heard("prerun", "failure", "postrun") as received:
        [decision, good] = run(task, [outcome, 1], 2, retries=LAST)
    assert decision.final
    assert good is None
    assert [name for name, of_call, _ in received if of_call == "id-0"] == ["prerun", "failure", "postrun"]


def test_errbacks_are_called_once_and_after_the_last_attempt(app, task):
    called = []

    @app.task(name="errback", shared=False)
    def errback(request, error, traceback):
        called.append((request.id, repr(error)))

    run(task, [KeyError("why")], errbacks=[dict(errback.s())])
    assert called == []
    run(task, [KeyError("why")], retries=LAST, errbacks=[dict(errback.s())])
    assert called == [("id-0", "KeyError('why')")]
