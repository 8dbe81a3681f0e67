"""Flower's thread that reads the tables of each kind of database."""

import functools
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from sqlalchemy import insert

from celery_sqs.monitor import task_state
from celery_sqs.monitor.flower.events import OVERLAP, PAGE, Events

NOW = datetime.now(UTC).replace(microsecond=0)


class Loop:
    """Runs at once what it is given to run soon."""

    def add_callback(self, call):
        call()


@pytest.fixture
def make_events(database_url):
    """A function that makes Flower's thread, without starting it."""
    app = Celery("flower", set_as_current=False)
    app.conf.sqs_monitor_database = database_url
    return functools.partial(Events, app, Loop(), enable_events=False)


def write(engine, *instants, prefix="t", **changes):
    """Put a task on record for each instant at which one has changed."""
    row = {
        "version": 1,
        "name": "persist_order",
        "state": "SUCCESS",
        "worker": "w1@here",
        "receive_count": 1,
        "args": "[]",
        "kwargs": "{}",
    }
    rows = [
        {**row, "task_id": f"{prefix}{number}", "finished_at": instant, "changed_at": instant, **changes}
        for number, instant in enumerate(instants)
    ]
    with engine.begin() as connection:
        connection.execute(insert(task_state), rows)


def catch_up(events):
    """Until there is nothing new; returns the ids of the tasks in Flower's memory."""
    for _ in range(20):
        if not events._catch_up():
            return set(events.state.tasks)
    raise AssertionError("it does not come to an end")


def test_more_tasks_than_fit_on_a_page_may_have_changed_at_one_instant(engine, make_events):
    write(engine, *[NOW] * (2 * PAGE + 1))
    events = make_events(max_tasks_in_memory=100_000)
    assert len(catch_up(events)) == 2 * PAGE + 1
    assert events.state.counter["w1@here"]["task-succeeded"] == 2 * PAGE + 1
    catch_up(events)
    assert events.state.counter["w1@here"]["task-succeeded"] == 2 * PAGE + 1


def test_of_a_long_past_the_newest_are_read(engine, make_events):
    write(engine, *(NOW - timedelta(minutes=number) for number in range(10)))
    assert catch_up(make_events(max_tasks_in_memory=3)) == {"t0", "t1", "t2"}


def test_what_changes_and_what_is_committed_late_is_seen(engine, make_events):
    write(engine, NOW)
    events = make_events(max_tasks_in_memory=100)
    assert catch_up(events) == {"t0"}
    write(engine, NOW + timedelta(seconds=1), prefix="new")
    write(engine, NOW - OVERLAP / 2, prefix="late")
    assert catch_up(events) == {"t0", "new0", "late0"}


def test_a_worker_whose_clock_is_ahead_hides_nothing(engine, make_events):
    write(engine, NOW + timedelta(hours=1))
    events = make_events(max_tasks_in_memory=100)
    catch_up(events)
    write(engine, datetime.now(UTC), prefix="new")
    assert catch_up(events) == {"t0", "new0"}


def test_a_task_that_flower_cannot_read_hides_no_other(engine, make_events, caplog):
    write(engine, NOW, prefix="odd", state="NO SUCH")
    write(engine, NOW, NOW)
    assert catch_up(make_events(max_tasks_in_memory=100)) == {"t0", "t1"}
    assert "Flower cannot read a task" in caplog.text


def test_a_task_with_arguments_that_are_no_python_is_found_by_their_text(engine, make_events):
    write(engine, NOW, args='[{"productName":"Widget ' + "(" * 1000, kwargs="-" * 1900 + "1")
    events = make_events(max_tasks_in_memory=100)
    assert catch_up(events) == {"t0"}
    assert events.state.search_engine.search(events.state.tasks, "args:Widget").task_ids == ["t0"]
