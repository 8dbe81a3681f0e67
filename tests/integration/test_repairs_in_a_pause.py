"""Repairs of messages whose queue is paused: they wait for the resume, and report nothing that is not so."""

import threading

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import DISCARD, REDRIVE, DeadLetterQueue, Selection
from celery_sqs.monitor.pauses import PauseStore
from tests.dead_orders import QUICK, FakeWorker, bury, in_all, make_service, order_body
from tests.polling import poll


def planned(service, action=REDRIVE):
    service.scan()
    return service.repairs.plan(action, Selection.all(), "ada", "mended")


@pytest.fixture
def service(engine, emulator, queues):
    dlq = DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)
    return make_service(engine, dlq, QUICK)


@pytest.fixture
def pauses(engine, service):
    store = PauseStore(engine)
    store.pause(service.name, "bob", "the bank is away")
    yield store
    if store.current():
        store.resume(service.name, "bob", "the test is over")


def begun(service, repair_id):
    """Run a repair on a thread of its own."""
    thread = threading.Thread(target=service.repairs.run, args=[repair_id], daemon=True)
    thread.start()
    return thread


def test_a_redrive_waits_with_its_messages_in_the_dlq_and_goes_on(service, queues, pauses):
    bury(queues, [order_body()])
    repair_id = planned(service)
    running = begun(service, repair_id)
    poll(lambda: "paused by bob" in service.repairs.progress(repair_id).note, 20, "it says what it waits for")
    assert in_all(queues, queues.dlq_url) == 1
    pauses.resume(service.name, "bob", "the bank is back")
    with FakeWorker(service.engine, queues).at_work():
        running.join(30)
    done = service.repairs.progress(repair_id)
    assert (done.state, done.note, done.confirmed) == ("done", "", 1)


def test_a_discard_does_not_wait(service, queues, pauses):
    bury(queues, [order_body()])
    assert service.repairs.run(planned(service, DISCARD)).discarded == 1


def test_nothing_is_rescued_and_the_snapshot_is_fresh(service, queues, pauses):
    bury(queues, [order_body()])
    assert service.rescue.run("the rescuer") == []
    assert service.messages.count() == 1
