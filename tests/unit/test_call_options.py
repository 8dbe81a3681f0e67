"""An option that a call cannot have is refused at the call, in one line that has its name and what it may be."""

from datetime import UTC, date, datetime

import pytest

from celery_sqs.errors import Unsendable
from tests.unit.envelopes import decode, received, request_of
from tests.unit.test_fast_path import Caller

TIME = "is not a time (a datetime, or text in ISO 8601) of the years 2 to 9998"
SIGNATURES = "is neither a signature nor a list of signatures"
LOOP = []
LOOP.append(LOOP)


@pytest.fixture(params=[({},), (1,)], ids=["object", "number"])
def call(request):
    """A function that calls a task with options: with an object, which may take the fast path, and with a number."""
    return lambda **options: Caller().store.apply_async(request.param, **options)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"eta": datetime(9999, 12, 31, tzinfo=UTC)}, TIME),
        ({"eta": datetime.min.replace(tzinfo=UTC)}, TIME),
        ({"eta": "soon"}, TIME),
        ({"eta": 5}, TIME),
        ({"expires": datetime.max.replace(tzinfo=UTC)}, TIME),
        ({"expires": "soon"}, TIME),
        ({"expires": date(2099, 1, 1)}, TIME),
        ({"countdown": "soon"}, "is not a number of seconds"),
        ({"countdown": 1e12}, "is not a number of seconds"),
        ({"countdown": float("nan")}, "is not a number of seconds"),
        ({"priority": "x"}, "'x' is not a whole number"),
        ({"retries": -1}, "is not a whole number from 0 to"),
        ({"shadow": 5}, "5 is not text"),
        ({"task_id": 5}, "5 is not text"),
        ({"task_id": "x" * 256}, "has 256 characters, and a worker takes 255"),
        ({"group_id": 5}, "5 is not text"),
        ({"time_limit": "x"}, "is not a pair of seconds"),
        ({"soft_time_limit": -1}, "is not a pair of seconds"),
        ({"ignore_result": "x"}, "is not True or False"),
        ({"link": "x"}, f"'x'] {SIGNATURES}"),
        ({"link_error": 5}, SIGNATURES),
        ({"chain": "x"}, SIGNATURES),
        ({"chord": 7}, SIGNATURES),
        ({"headers": "x"}, "'x' is not a mapping"),
        ({"headers": {"fine": 1, "odd": object()}}, "'odd' is no JSON: Object of type object"),
        ({"headers": {"odd": float("nan")}}, "'odd' is no JSON"),
        ({"headers": {"odd": LOOP}}, "'odd' is no JSON"),
        ({"app_id": object()}, "is no JSON"),
    ],
    ids=lambda value: repr(value)[:50].partition(" at 0x")[0],
)
def test_it_is_refused_by_name(call, options, reason):
    with pytest.raises(Unsendable) as refused:
        call(**options)
    [name] = options
    line = str(refused.value)
    assert name in line.partition(": ")[0].split(", ") or line.startswith(f"{name} ")
    assert reason in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "options",
    [
        {"eta": None, "countdown": None, "expires": None, "headers": None},
        {"eta": "2099-01-01T00:00:00Z"},
        {"eta": datetime(2099, 1, 1)},  # noqa: DTZ001  # naive is what is tried
        {"eta": date(2099, 1, 1)},
        {"countdown": 0},
        {"countdown": -5.5},
        {"expires": 10},
        {"expires": datetime(2099, 1, 1, tzinfo=UTC)},
        {"headers": {"odd": {"a": [1]}}},
    ],
    ids=repr,
)
def test_one_that_it_can_have_is_not(call, options):
    assert call(**options).id


def test_a_header_of_celerys_is_named_as_the_option_that_it_is_made_of(call):
    with pytest.raises(Unsendable, match="time_limit, soft_time_limit: 5 is not"):
        call(headers={"timelimit": 5})


@pytest.mark.parametrize("protocol", [1, 2])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"countdown": 1e20}, "1e+20 is not a number of seconds"),
        ({"countdown": "5"}, "'5' is not a number of seconds"),
        ({"expires": 1e20}, "1e+20 is not a time"),
        ({"eta": datetime(9999, 12, 31, tzinfo=UTC)}, TIME),
        ({"eta": 5}, TIME),
        ({"headers": 5}, "5 is not a mapping"),
    ],
    ids=repr,
)
def test_a_call_by_name_is_refused_in_the_same_words(protocol, options, reason):
    caller = Caller(task_protocol=protocol)
    [name] = options
    with pytest.raises(Unsendable, match=f"^{name}: ") as refused:
        caller.app.send_task("store", (1,), **options)
    assert reason in str(refused.value)
    assert caller.channel.sent == []


def test_a_day_is_its_midnight():
    caller = Caller()
    caller.store.apply_async((1,), eta=date(2099, 1, 1))
    [(_, message, _)] = caller.channel.sent
    arrived = decode(received(message.body, message.attributes))
    assert request_of(arrived).eta == datetime(2099, 1, 1, tzinfo=UTC)
