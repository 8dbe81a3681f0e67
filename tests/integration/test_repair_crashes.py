"""A repair that is killed at any point goes on where it was: nothing is lost, and all of it is on record."""

from collections import Counter

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import DISCARD, REDRIVE, DeadLetterQueue, Selection, Throttle
from celery_sqs.errors import CallFailed
from tests.dead_orders import QUICK, FakeWorker, bury, in_all, make_service, order_body

#: What is killed is a run, and no statement of it: one database shows it.
pytestmark = pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


class Mortal:
    """An SQS client that is killed before or after a call."""

    def __init__(self, sqs, action, before):
        self._sqs = sqs
        self._action = action
        self._before = before

    def __getattr__(self, name):
        call = getattr(self._sqs, name)
        if name != self._action:
            return call

        def killing(**parameters):
            if not self._before:
                call(**parameters)
            raise Killed

        return killing


@pytest.fixture
def make_dlq(emulator, queues):
    def make(wrap=lambda sqs: sqs):
        class Wrapped(DeadLetterQueue):
            @property
            def sqs(self):
                return wrap(super().sqs)

        return Wrapped(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)

    return make


def planned(service, action):
    service.scan()
    return service.repairs.plan(action, Selection.all(), "ada", "a reason")


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("call", ["send_message_batch", "delete_message_batch"])
def test_a_redrive_that_is_killed_around_a_call_goes_on(engine, queues, make_dlq, call, before):
    bodies = [order_body() for _ in range(30)]
    bury(queues, bodies)
    mortal = make_service(engine, make_dlq(lambda sqs: Mortal(sqs, call, before)), QUICK)
    repair_id = planned(mortal, REDRIVE)
    with FakeWorker(engine, queues).at_work() as fake_worker:
        with pytest.raises(Killed):
            mortal.repairs.run(repair_id)
        assert mortal.repairs.progress(repair_id).state == "running"

        done = make_service(engine, make_dlq(), QUICK).repairs.run(repair_id)

    assert (done.state, done.confirmed, done.total) == ("done", 30, 30)
    assert set(fake_worker.received) == set(bodies), "nothing is lost"
    assert in_all(queues, queues.dlq_url) == 0, "nothing is left over"
    sent_twice = sum(count - 1 for count in Counter(fake_worker.received).values())
    assert sent_twice <= (5 if (call, before) == ("send_message_batch", False) else 0), "no more than was in doubt"


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
def test_a_discard_that_is_killed_around_its_call_goes_on(engine, queues, make_dlq, before):
    bury(queues, ["poison"] * 3)
    mortal = make_service(engine, make_dlq(lambda sqs: Mortal(sqs, "delete_message_batch", before)), QUICK)
    repair_id = planned(mortal, DISCARD)
    with pytest.raises(Killed):
        mortal.repairs.run(repair_id)

    service = make_service(engine, make_dlq(), QUICK)
    done = service.repairs.run(repair_id)

    assert (done.state, done.discarded, done.gone) == ("done", 3, 0)
    assert in_all(queues, queues.dlq_url) == 0
    assert service.messages.count() == 0


class Stubborn:
    """An SQS client that deletes nothing so many times."""

    def __init__(self, sqs, times):
        self._sqs = sqs
        self._times = times

    def __getattr__(self, name):
        return getattr(self._sqs, name)

    def delete_message_batch(self, **parameters):
        self._times -= 1
        if self._times < 0:
            return self._sqs.delete_message_batch(**parameters)
        failed = [{"Id": entry["Id"], "Code": "AccessDenied", "SenderFault": True} for entry in parameters["Entries"]]
        return {"Failed": failed}


@pytest.fixture
def make_stubborn(engine, make_dlq):
    """A function that makes a service whose DLQ deletes nothing so many times."""

    def make(times):
        clients = []

        def stubborn(sqs):
            clients.extend([] if clients else [Stubborn(sqs, times)])
            return clients[0]

        return make_service(engine, make_dlq(stubborn), QUICK)

    return make


def test_what_was_sent_and_not_deleted_is_deleted_by_the_next_scan_and_not_sent_again(engine, queues, make_stubborn):
    bury(queues, [order_body() for _ in range(3)])
    service = make_stubborn(1)
    with FakeWorker(engine, queues).at_work() as fake_worker:
        done = service.repairs.run(planned(service, REDRIVE))
    assert (done.state, done.confirmed, done.note, len(fake_worker.received)) == ("done", 3, "", 3)
    assert in_all(queues, queues.dlq_url) == 0


def test_what_can_never_be_deleted_is_sent_once_and_that_is_said(engine, queues, make_stubborn):
    bury(queues, [order_body() for _ in range(3)])
    service = make_stubborn(1000)
    with FakeWorker(engine, queues).at_work() as fake_worker:
        done = service.repairs.run(planned(service, REDRIVE))
    assert (done.state, done.confirmed, len(fake_worker.received)) == ("done", 3, 3)
    assert done.note == "3 were sent and could not be deleted from the DLQ"
    assert service.messages.count() == in_all(queues, queues.dlq_url) == 3


def test_while_sqs_is_away_a_repair_ends_and_can_be_run_later(engine, queues, make_dlq, emulator):
    bury(queues, [order_body()])
    repair_id = planned(make_service(engine, make_dlq(), QUICK), REDRIVE)
    away = DeadLetterQueue(Endpoint("us-east-1", "http://127.0.0.1:1", ("test", "test")), queues.url, queues.dlq_url)
    with pytest.raises(CallFailed):
        make_service(engine, away, QUICK).repairs.run(repair_id)
    service = make_service(engine, make_dlq(), QUICK)
    assert service.repairs.progress(repair_id).state == "running"
    assert not service.repairs.progress(repair_id).runner_alive
    with FakeWorker(engine, queues).at_work():
        assert service.repairs.run(repair_id).confirmed == 1


def test_where_sqs_takes_nothing_a_repair_ends_and_keeps_what_it_has(engine, queues, emulator):
    bury(queues, [order_body() for _ in range(3)])
    endpoint = Endpoint("us-east-1", emulator.url, ("test", "test"))
    nowhere = DeadLetterQueue(endpoint, f"{queues.url}-which-is-not", queues.dlq_url)
    service = make_service(engine, nowhere, QUICK)
    with pytest.raises(CallFailed, match="SQS does nothing"):
        service.repairs.run(planned(service, REDRIVE))
    assert in_all(queues, queues.dlq_url) == 3


def test_a_slow_repair_keeps_to_its_rate(engine, queues, make_dlq):
    bury(queues, [order_body() for _ in range(20)])
    service = make_service(engine, make_dlq(), Throttle(rate=10, poll=0.05))
    with FakeWorker(engine, queues).at_work():
        done = service.repairs.run(planned(service, REDRIVE))
    items = service.repairs.items(done.id)
    assert (done.ended_at - min(item.sent_at for item in items)).total_seconds() >= 2 - 0.1
