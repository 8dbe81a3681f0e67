"""Which remote control commands are passed on, and what the others are told."""

import pytest
from celery import Celery
from celery.worker.control import Panel

from celery_sqs.monitor.control.commands import (
    ALTERNATIVES,
    CHANGING_COMMANDS,
    INSPECT_COMMANDS,
    Command,
    UnsupportedCommand,
)
from celery_sqs.monitor.control.panel import _copy, handle

CHANGES = sorted({name for name, info in Panel.meta.items() if info.type == "control"} | set(CHANGING_COMMANDS))
REFUSED = sorted(set(CHANGES) - set(CHANGING_COMMANDS))


@pytest.fixture
def control():
    # There is no database: what is refused must not get as far.
    app = Celery("refusing", control="celery_sqs.monitor.control:Control", set_as_current=False)
    app.conf.sqs_monitor_revoke = False
    return app.control


def test_only_inspect_commands_are_answered_and_celery_knows_them_all():
    assert {Panel.meta[name].type for name in INSPECT_COMMANDS} == {"inspect"}


@pytest.mark.parametrize("command", CHANGES)
def test_no_command_that_changes_a_worker_is_sent_where_that_is_off(control, command):
    with pytest.raises(UnsupportedCommand, match=f"{command} is not possible here"):
        control.broadcast(command)


@pytest.mark.parametrize("command", REFUSED)
def test_all_but_those_that_revoke_are_refused_where_that_is_on_too(control, command):
    control.app.conf.sqs_monitor_revoke = True
    with pytest.raises(UnsupportedCommand, match=f"{command} is not possible here"):
        control.broadcast(command)


@pytest.mark.parametrize("command", CHANGING_COMMANDS)
def test_what_is_off_names_its_setting(command):
    assert "sqs_monitor_revoke is False" in str(UnsupportedCommand(command))


@pytest.mark.parametrize(
    ("call", "alternative"),
    [
        (lambda control: control.revoke("some-id", terminate=True), "DLQ"),
        (lambda control: control.shutdown(), "SIGTERM"),
        (lambda control: control.add_consumer("other"), "the queues that it was started with"),
        (lambda control: control.rate_limit("jobs.note", "1/s"), "rate_limit on the task"),
        (lambda control: control.pool_grow(), "--concurrency"),
        (lambda control: control.enable_events(), "sqs_monitor_events"),
        (lambda control: control.inspect().memdump(), "may ask a worker but not change it"),
    ],
)
def test_celerys_own_calls_say_what_to_do_instead(control, call, alternative):
    with pytest.raises(UnsupportedCommand, match=alternative):
        call(control)


def test_there_is_an_alternative_for_commands_that_there_are_and_that_are_refused():
    assert sorted(set(ALTERNATIVES) - set(CHANGES)) == []


@pytest.mark.parametrize("method", [*CHANGES, "objgraph", "no_such_thing", ""])
def test_a_worker_goes_by_the_list_too(method):
    assert list(handle(None, False, Command.new(method, {}))) == ["error"]
    if method not in CHANGING_COMMANDS:
        assert list(handle(None, True, Command.new(method, {}))) == ["error"]


def test_a_destination_may_be_one_name_some_or_all():
    assert Command.new("ping", {}).is_for("w1@here")
    assert Command.new("ping", {}, []).is_for("w1@here")
    for destination in ("w1@here", ["w1@here"], ("w2@here", "w1@here")):
        assert Command.new("ping", {}, destination).is_for("w1@here")
        assert not Command.new("ping", {}, destination).is_for("w3@here")


def test_no_two_commands_have_one_ticket():
    assert Command.new("ping", {}).ticket != Command.new("ping", {}).ticket


def test_a_set_that_grows_while_it_is_copied_is_copied_once_more():
    class Busy:
        copies = 0

        def __iter__(self):
            self.copies += 1
            if self.copies < 3:
                raise RuntimeError("Set changed size during iteration")
            return iter({"a", "b"})

    assert _copy(Busy()) == {"a", "b"}
