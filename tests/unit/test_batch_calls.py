"""A batch task is called as any task of Celery is, and runs at once where that is asked for."""

import pytest
from celery import Celery, chain, chord, group
from celery.exceptions import Retry

from celery_sqs.tasks.batch import BatchTask
from celery_sqs.tasks.call import Call


@pytest.fixture
def app(tmp_path):
    celery = Celery("calling", backend=f"file://{tmp_path}", set_as_current=True)
    celery.conf.update(task_always_eager=True, task_store_eager_result=True)
    yield celery
    celery.close()


@pytest.fixture
def task(app):
    """Its result is what it was called with; it fails with what it is called to fail with."""

    @app.task(base=BatchTask, name="echo", shared=False)
    def echo(calls):
        [call] = calls
        return [call.kwargs.get("error") or [list(call.args), call.kwargs]]

    return app.tasks["echo"]


@pytest.fixture
def calls(app):
    """The calls that another task has got."""
    got = []

    @app.task(base=BatchTask, name="get", shared=False)
    def get(calls):
        got.extend(calls)
        return [None] * len(calls)

    return got


@pytest.mark.parametrize(
    ("call", "seen"),
    [
        (lambda task: task.delay("a", 1), [["a", 1], {}]),
        (lambda task: task.delay(x=1), [[], {"x": 1}]),
        (lambda task: task.delay(), [[], {}]),
        (lambda task: task.apply_async(("a",), {"x": 1}), [["a"], {"x": 1}]),
        (lambda task: task.s("a").delay(1), [[1, "a"], {}]),
        (lambda task: task.si("a").apply_async((1,)), [["a"], {}]),
        (lambda task: task.s("a", x=1).clone(kwargs={"y": 2}).delay(), [["a"], {"x": 1, "y": 2}]),
        (lambda task: task.apply(("a", 1)), [["a", 1], {}]),
    ],
)
def test_it_takes_whatever_arguments_a_call_has(task, call, seen):
    assert call(task).get() == seen


def test_called_as_a_function_it_runs_at_once_and_returns_the_result(task):
    assert task("a", x=1) == [["a"], {"x": 1}]


def test_called_as_a_function_it_raises_what_the_call_fails_with(task):
    with pytest.raises(KeyError, match="why"):
        task(error=KeyError("why"))


def test_its_run_takes_a_list_of_calls(task):
    [call] = [Call("id", "id", ["a"], {}, 1, "w@h")]
    assert task.run([call]) == [[["a"], {}]]


def test_a_failure_at_once_is_the_state_of_its_result(task):
    result = task.apply(kwargs={"error": KeyError("why")})
    assert (result.state, repr(result.result)) == ("FAILURE", "KeyError('why')")
    assert "KeyError" in result.traceback


def test_a_failure_at_once_is_raised_where_celery_is_configured_to(task):
    with pytest.raises(KeyError):
        task.apply(kwargs={"error": KeyError("why")}, throw=True)


def test_a_retry_at_once_is_the_state_of_its_result(task):
    assert task.apply(kwargs={"error": Retry(when=5)}).state == "RETRY"


def test_a_result_at_once_is_stored_where_celery_is_configured_to(app, task):
    assert app.AsyncResult(task.delay("a").id).get() == [["a"], {}]


def test_what_is_linked_runs_at_once_too(task, calls):
    task.apply_async(("a",), link=task.app.tasks["get"].s())
    assert [call.args for call in calls] == [([["a"], {}],)]


def test_chains_groups_and_chords_run_at_once(task):
    assert chain(task.s("a"), task.s("b")).delay().get() == [[[["a"], {}], "b"], {}]
    assert group(task.s(number) for number in range(2)).delay().get() == [[[0], {}], [[1], {}]]
    assert chord([task.s(1), task.s(2)], task.s()).delay().get() == [[[[[1], {}], [[2], {}]]], {}]
    assert task.map(["a", "b"]).delay().get() == [[["a"], {}], [["b"], {}]]


def test_the_call_has_the_id_the_headers_and_the_retries_of_its_request(app, calls):
    app.tasks["get"].apply(("a",), task_id="7", retries=1, headers={"request_id": "r"})
    [call] = calls
    assert (call.id, call.message_id, call.retries, call.receive_count) == ("7", "7", 1, 2)
    assert (call.headers, call.max_receive_count, bool(call.worker)) == ({"request_id": "r"}, None, True)


def test_a_call_without_a_request_has_an_id_of_its_own(app, calls):
    get = app.tasks["get"]
    get()
    get()
    assert len({call.id for call in calls}) == 2
