"""Which calls are withdrawn, and that none of them runs, wherever its message is."""

import functools
import json
import os
from types import SimpleNamespace

import pytest
from celery.concurrency.base import apply_target
from celery.exceptions import TaskRevokedError
from celery.worker import state

from celery_sqs import SQSTask
from celery_sqs.consume.delivery import State
from celery_sqs.message.renewal import Renewal
from celery_sqs.monitor.control.commands import Command
from celery_sqs.monitor.control.panel import learn
from celery_sqs.tasks.revocations import Revocations, is_revoked, revocations
from celery_sqs.worker.owner import WorkerOwner
from celery_sqs.worker.request import SQSRequest
from tests.polling import poll
from tests.unit.channels import CALL, Stand
from tests.unit.revoked import make_request, make_task, recorded, revoke, revoke_stamp
from tests.unit.test_not_due import FAR, due_in
from tests.unit.test_strategy import Worker


@pytest.fixture(autouse=True)
def _nothing_is_revoked():
    yield
    revocations._known.clear()
    state.reset_state()


@pytest.fixture
def worker():
    worker = Worker(make_task(SQSTask))
    yield worker
    worker.stand.connection.release()


@pytest.fixture
def request_of():
    """A function that makes the request of a message that has come for a task of a class."""
    stand = Stand()
    yield functools.partial(make_request, stand)
    stand.connection.release()


def stamped(value, **more):
    headers = {"stamped_headers": ["customer"], "stamps": {"customer": [value]}} | more
    return CALL | {"celery_headers": {"DataType": "String", "StringValue": json.dumps(headers)}}


def eta_in(seconds):
    return json.loads(due_in(seconds)["celery_headers"]["StringValue"])


def test_it_is_known_for_days_who_revoked_what():
    known = Revocations(retention=60)
    assert not known
    known.add(["a", "b"], "by anna")
    assert ("a" in known, "c" in known, len(known)) == (True, False, 2)
    assert (known.origin("b"), known.origin("c")) == ("by anna", None)


def test_what_is_too_old_is_forgotten_when_more_is_added():
    known = Revocations(retention=-1)
    known.add(["a"], "")
    known.add(["b"], "")
    assert len(known) == 0


def test_celerys_own_set_may_forget_what_is_revoked(request_of):
    revoke("m1")
    assert "m1" not in state.revoked
    assert request_of(SQSTask).revoked()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"task_id": "one"}, ["one"]),
        ({"task_id": ["one", "two"], "terminate": True}, ["one", "two"]),
        ({"task_id": None}, []),
        ({"task_id": [["no id"], 1, "one"]}, ["one"]),
        ({}, []),
    ],
)
def test_a_command_names_one_call_or_some_and_nonsense_ends_nothing(arguments, expected):
    assert learn(Command.new("revoke", arguments)) == expected
    assert len(revocations) == len(expected)


@pytest.mark.parametrize("headers", [{"customer": ["7", "8"]}, {"customer": "7"}, ["customer=7"]])
def test_a_stamp_revokes_all_calls_that_have_it(headers):
    revoke_stamp(headers)
    call = {"id": "one", "stamped_headers": ["customer"], "stamps": {"customer": ["7"]}}
    assert is_revoked(call)
    assert is_revoked(call | {"stamps": {"customer": "7"}})
    assert not is_revoked(call | {"stamps": {"customer": ["9"]}})
    assert not is_revoked(call | {"stamped_headers": None})
    assert not is_revoked({"id": "one"})


@pytest.mark.parametrize("headers", [None, 1, ["no stamp"], {}])
def test_stamps_that_are_none_end_nothing(headers):
    revoke_stamp(headers)
    assert not state.revoked_stamps


def test_a_stamp_that_is_learnt_twice_is_kept_once():
    for _ in range(2):
        revoke_stamp({"customer": ["7"]})
    assert state.revoked_stamps == {"customer": ["7"]}


def is_deleted_and_revoked(worker, one):
    worker.turn()
    recorded()
    told = [told[:2] for told in worker.consumer.app.tasks["a.task"].backend.reported]
    return (worker.waiting, one.state, told) == ([], State.SETTLED, [("REVOKED", "m1")])


@pytest.mark.parametrize("attributes", [CALL, stamped("7")], ids=["by its id", "by a stamp"])
def test_what_is_received_is_deleted_and_revoked_to_all(worker, attributes):
    if attributes is CALL:
        revoke("m1")
    else:
        revoke_stamp({"customer": ["7"]})
    assert is_deleted_and_revoked(worker, worker.stand.receive(1, attributes))


@pytest.mark.parametrize("before", [None, Renewal(message_id="m1", sent_at=1, receives=1)], ids=["new", "a copy"])
@pytest.mark.parametrize("stamp", [None, "7"], ids=["by its id", "by a stamp"])
def test_what_is_not_due_is_deleted_when_it_is_received_and_not_sent_again(worker, before, stamp):
    worker.consumer.default_task = None
    worker.stand.channel.owner = WorkerOwner(worker.stand.channel, worker.consumer)
    if stamp is None:
        revoke("m1")
    else:
        revoke_stamp({"customer": [stamp]})
    one = worker.stand.receive(1, stamped("7", **eta_in(FAR)), renewal=before)
    assert is_deleted_and_revoked(worker, one)
    assert worker.stand.copies() == []


@pytest.mark.parametrize("stamps", [{"customer": ["8"]}, {}, None, 7, ["customer"], {"customer": {}}], ids=repr)
def test_what_is_not_due_and_not_revoked_is_sent_again_whatever_its_stamps_are(worker, stamps):
    worker.consumer.default_task = None
    worker.stand.channel.owner = WorkerOwner(worker.stand.channel, worker.consumer)
    revoke("another")
    revoke_stamp({"customer": ["7"]})
    worker.stand.receive(1, stamped("", **eta_in(FAR), stamps=stamps))
    assert len(worker.stand.copies()) == 1


def test_what_comes_twice_is_deleted_twice(worker):
    revoke("a-call")
    for number in (1, 2):
        attributes = CALL | {"celery_id": {"DataType": "String", "StringValue": "a-call"}}
        one = worker.receive(number, attributes=attributes)
        recorded()
        assert one.state is State.SETTLED
    assert worker.waiting == []


def test_a_call_that_is_parked_in_an_outage_is_deleted_after_it(worker):
    one, channel = worker.receive(1), worker.stand.channel
    worker.waiting.clear()
    channel.park(one.receipt_handle, SimpleNamespace(name="a.task", is_back=lambda: True))
    assert one.state is State.PARKED
    revoke("m1")
    poll(lambda: not channel.is_waiting, 5, "the outage is over")
    worker.turn()
    recorded()
    assert (worker.waiting, one.state) == ([], State.SETTLED)


def test_a_suspect_is_deleted_instead_of_running_alone_and_others_go_on(worker):
    revoke("m1")
    suspect = worker.suspect(1)
    worker.stand.channel.begin(suspect)
    worker.turn()
    recorded()
    assert suspect.state is State.SETTLED
    other = worker.receive(2)
    assert other.state is State.RESERVED


def test_without_revocations_nothing_is_decoded_for_them(worker, monkeypatch):
    monkeypatch.setattr(SQSRequest, "of", None)
    worker.receive(1)
    assert len(worker.waiting) == 1


def test_a_call_that_is_revoked_while_it_waits_for_a_process_does_not_begin(worker):
    worker.receive(1)
    revoke("m1")
    [request] = worker.waiting
    with pytest.raises(TaskRevokedError):
        request.execute_using_pool(worker.pool)


def test_a_call_that_waits_for_a_thread_does_not_begin(request_of):
    request = request_of(SQSTask)
    ran = []
    revoke("m1")
    with pytest.raises(TaskRevokedError):
        apply_target(ran.append, (1,), {}, ran.append, accept_callback=request.on_accepted)
    recorded()
    assert ran == []
    assert [told[:2] for told in request.task.backend.reported] == [("REVOKED", "m1")]


def test_what_a_process_has_begun_goes_on(request_of):
    request = request_of(SQSTask)
    revoke("m1")
    request.on_accepted(os.getpid() + 1, 0.0)
    assert request.delivery.state is State.RUNNING


def test_its_event_says_who_revoked_it(request_of):
    request = request_of(SQSTask)
    revoke("m1")
    assert request.revoked()
    recorded()
    assert ("task-revoked", "revoked by anna") in [
        (event, fields.get("exception")) for event, fields in request._eventer.sent
    ]
