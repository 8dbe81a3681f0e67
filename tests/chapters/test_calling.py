"""The examples of Celery's chapter "Calling Tasks", on SQS."""

import time
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from celery import group, states
from celery.exceptions import TaskRevokedError
from kombu.exceptions import EncodeError
from kombu.exceptions import TimeoutError as KombuTimeoutError

from celery_sqs import Misconfigured, Unsendable
from tests.chapters.canvas import add, bound_errback, echo, headers, log_error, on_error, raising_task, where
from tests.chapters.conftest import got
from tests.chapters.proj import LOW
from tests.chapters.tasks import dump_context

DELAY = 1  # seconds

NAIVE = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  # as one writes it


def now():
    return datetime.now(UTC)


def naive(moment):
    """As Celery takes a time without a zone: it is UTC."""
    return moment.replace(tzinfo=None)


def test_every_way_to_call_is_the_same_call():
    calls = [
        add.delay(2, 2),
        add.delay(2, y=2),
        add.apply_async((2, 2)),
        add.apply_async(args=[2], kwargs={"y": 2}),
        add.apply_async(kwargs={"x": 2, "y": 2}),
        add.s(2, 2).apply_async(),
        add.apply_async((2, 2), retry=False),
        add.apply_async((2, 2), retry=True, retry_policy={"max_retries": 3, "retry_errors": (KombuTimeoutError,)}),
        add.apply_async((2, 2), serializer="json"),
        add.apply_async((2, 2), priority=5),
        add.apply_async((2, 2), shadow="another name"),
        add.app.send_task("tests.chapters.canvas.add", (2, 2)),
    ]
    assert [got(call) for call in calls] == [4] * len(calls)
    assert add(2, 2) == 4


def test_an_id_of_the_callers_is_the_id():
    task_id = f"my_own_{uuid.uuid4()}"
    result = add.apply_async((2, 2), task_id=task_id)
    assert (result.id, got(result)) == (task_id, 4)


@pytest.mark.parametrize(
    "when",
    [
        lambda: {"countdown": DELAY},
        lambda: {"eta": now() + timedelta(seconds=DELAY)},
        lambda: {"eta": (now() + timedelta(seconds=DELAY)).astimezone()},
        lambda: {"eta": naive(now() + timedelta(seconds=DELAY))},
        lambda: {"countdown": DELAY, "expires": 60},
    ],
    ids=["countdown", "eta", "eta of another zone", "eta without a zone", "countdown and expires"],
)
def test_a_call_waits_until_it_is_due(when):
    began = time.time()
    assert got(add.apply_async((2, 2), **when())) == 4
    assert DELAY - 0.1 <= time.time() - began < DELAY + 5


@pytest.mark.parametrize(
    "when",
    [
        lambda: {"expires": -1},
        lambda: {"expires": now() - timedelta(seconds=1)},
        lambda: {"expires": 1, "countdown": 2},
    ],
    ids=["seconds", "a time", "before it is due"],
)
def test_a_call_that_has_expired_is_revoked(when):
    result = add.apply_async((2, 2), **when())
    with pytest.raises(TaskRevokedError):
        got(result)
    assert result.state == states.REVOKED


@pytest.mark.parametrize(
    "when", [lambda: {"expires": 60}, lambda: {"expires": now() + timedelta(days=1)}], ids=["seconds", "a time"]
)
def test_a_call_that_has_not_expired_is_run(when):
    assert got(add.apply_async((10, 10), **when())) == 20


def test_what_is_linked_gets_the_result():
    result = add.apply_async((2, 2), link=add.s(16))
    assert got(result) == 4
    [linked] = result.children
    assert got(linked) == 20


def test_all_that_is_linked_is_called():
    result = add.apply_async((2, 2), link=[add.s(16), echo.s("other")])
    assert got(result) == 4
    [linked] = result.children
    assert got(linked) == [20, [[4, "other"], {}]]


def test_an_errback_gets_request_error_and_traceback(project):
    result = raising_task.apply_async(link_error=log_error.s())
    [noted] = project.noted("log_error", result)
    assert noted["error"] == "ValueError('something something')"
    assert "raise ValueError(text)" in noted["traceback"]


def test_errbacks_of_each_kind_are_called_once(project):
    result = raising_task.apply_async(link_error=[log_error.s(), on_error.s(), bound_errback.s()])
    for event in ("log_error", "on_error", "bound_errback"):
        project.noted(event, result)


def test_an_errback_of_one_argument_looks_the_failure_up(project):
    result = project.app.send_task("tests.chapters.canvas.raising_task", ("by name",), link_error=on_error.s())
    [noted] = project.noted("on_error", result)
    assert noted["error"] == "ValueError('by name')"


def test_headers_of_a_call_are_in_its_request():
    sent = got(headers.apply_async(headers={"periodic_task_name": "task_name"}))
    assert sent["periodic_task_name"] == "task_name"


def test_a_call_goes_to_the_queue_that_it_names():
    assert got(where.apply_async(queue="celery")) == "celery"
    assert got(dump_context.s(1, 2).set(queue=LOW).delay())["delivery_info"]["routing_key"] == LOW


def test_a_call_to_a_queue_that_is_not_there_is_refused():
    with pytest.raises(Exception, match=r"priority\.high"):
        add.apply_async((2, 2), queue="priority.high")


def test_whether_a_result_is_stored_is_the_callers_to_say(project):
    assert got(add.apply_async((1, 2), ignore_result=True)) is None
    assert got(add.apply_async((1, 2), ignore_result=False)) == 3


def test_a_producer_may_be_opened_by_hand(project):
    # The chapter has `add.get_publisher(connection)`, which Celery itself does not have any more.
    numbers = [(2, 2), (4, 4), (8, 8), (16, 16)]
    with project.app.pool.acquire(block=True) as connection, project.app.amqp.Producer(connection) as producer:
        results = [add.apply_async(each, producer=producer) for each in numbers]
    assert [got(result) for result in results] == [4, 8, 16, 32]
    assert got(group(add.s(i, j) for i, j in numbers).apply_async()) == [4, 8, 16, 32]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"compression": "zlib"}, "compressed"),
        ({"serializer": "pickle"}, "python-serialize"),
        ({"exchange": "media", "routing_key": "media.video"}, "exchange 'media'"),
    ],
    ids=["compression", "serializer", "exchange"],
)
def test_what_sqs_does_not_carry_is_refused_at_the_call(options, named):
    with pytest.raises(Unsendable, match=named):
        add.apply_async((2, 2), **options)


def test_a_revoke_is_refused_as_it_would_reach_nobody():
    result = add.apply_async((2, 2), countdown=1)
    with pytest.raises(Misconfigured, match="revoke reaches no worker"):
        result.revoke()
    assert got(result) == 4


@pytest.mark.parametrize(
    ("sent", "arrived"),
    [
        ((1, 2), [1, 2]),
        (1.5, 1.5),
        (b"\x00\xff", b"\x00\xff"),
        (NAIVE, NAIVE),
        ({"a": {"b": [None, True]}}, {"a": {"b": [None, True]}}),
        ("ä \U0001f600 \x7f", "ä \U0001f600 \x7f"),
    ],
    ids=repr,
)
def test_an_argument_arrives_as_celerys_json_has_it(sent, arrived):
    assert got(echo.delay(sent, key=sent)) == [[arrived], {"key": arrived}]


@pytest.mark.parametrize("argument", [object(), {3}], ids=["object", "set"])
def test_an_argument_that_is_no_json_is_refused_at_the_call(argument):
    with pytest.raises(EncodeError, match="not JSON serializable"):
        add.delay(argument, 1)
