"""The rescuer: what is dead with attempts left is sent again by itself, once, and that is on record."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from celery import Celery
from sqlalchemy import update

import celery_sqs
from app.history import History
from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import RESCUE, SYSTEM, DeadLetterQueue, DeadLetterService, Selection, Throttle
from celery_sqs.dlq.snapshot import NO_ATTEMPT, RESCUED_BEFORE
from celery_sqs.dlq.tables import repair_items
from celery_sqs.dlq.tables import repairs as repairs_table
from celery_sqs.message.renewal import opened
from celery_sqs.metrics import RENEWALS
from celery_sqs.monitor import EventReader
from celery_sqs.tasks.task import SQSTask
from orders.store import OrderStore
from tests.dead_orders import FakeWorker, a_failure, bury, bury_copy, in_all, make_service, order_body, order_id_of

QUICK = Throttle(rate=10_000, confirm_within=0.1, poll=0.05, hidden_for=1, lock_timeout=20)


@pytest.fixture
def dlq(emulator, queues):
    return DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)


@pytest.fixture
def service(engine, dlq):
    return make_service(engine, dlq, QUICK)


@pytest.fixture
def die_again(queues):
    """A function that moves what is in the work queue into the DLQ, as SQS does: with its attributes."""

    def move():
        for message in queues.peek(queues.url):
            queues.sqs.send_message(
                QueueUrl=queues.dlq_url,
                MessageBody=message["Body"],
                MessageAttributes={
                    name: {key: value[key] for key in ("DataType", "StringValue")}
                    for name, value in message["MessageAttributes"].items()
                },
            )
        queues.sqs.purge_queue(QueueUrl=queues.url)

    return move


def rescued(queues):
    """What the copies in the work queue carry."""
    return [opened(message)[1] for message in queues.peek(queues.url)]


def test_a_message_without_an_attempt_on_record_goes_back_to_work_as_it_was(service, queues, caplog):
    body, counted = order_body(), RENEWALS.labels(service.name, "rescued")._value
    before = counted.get()
    [message_id] = bury(queues, [body], celery_id={"DataType": "String", "StringValue": "a-task"})

    [done] = service.rescue.run(SYSTEM)

    assert (done.action, done.operator, done.total, done.sent) == (RESCUE, SYSTEM, 1, 1)
    assert in_all(queues, queues.dlq_url) == 0
    [copy] = queues.peek(queues.url)
    message, renewal = opened(copy)
    assert (message["MessageId"], message["Body"]) == (message_id, body)
    assert message["MessageAttributes"] == {"celery_id": {"DataType": "String", "StringValue": "a-task"}}
    assert (renewal.attempts, renewal.is_suspect, renewal.is_rescued) == (0, True, True)
    assert renewal.receives >= 3, "no attempt gets the name of an earlier one"
    assert renewal.sent_at > 0
    assert counted.get() == before + 1
    assert f"1 messages are dead with attempts left, and sent again, such as {message_id}" in caplog.text


def test_attempts_on_record_are_not_forgiven(service, queues, store):
    bury_copy(queues, order_body(), receives=7, attempts=1)
    store.record_attempt(a_failure("first", kind="own", receive_count=4, final=False))
    store.record_attempt(a_failure("first", kind="begun", receive_count=11, final=False))
    service.rescue.run(SYSTEM)
    [renewal] = rescued(queues)
    assert (renewal.message_id, renewal.sent_at, renewal.attempts) == ("first", 1_000, 2)
    assert renewal.receives >= 11


def test_its_row_confirms_it(engine, dlq, queues, service):
    bodies = [order_body() for _ in range(120)]
    bury(queues, bodies)
    with FakeWorker(engine, queues).at_work():
        [done] = make_service(engine, dlq, Throttle(confirm_within=5, poll=0.05)).rescue.run(SYSTEM)
    assert (done.state, done.confirmed, done.note) == ("done", 120, "")
    assert service.messages.count() == 0


@pytest.mark.parametrize(
    "attempts",
    [
        [{"kind": "own", "receive_count": count, "final": count == 3} for count in (1, 2, 3)],
        [{"kind": "lost", "receive_count": count, "final": False} for count in (1, 4, 9)],
        [{"kind": "permanent", "final": False}],
        [{"kind": "poison", "final": False}],
        [{"kind": "own", "final": True}],
    ],
    ids=["spent", "as many as allowed", "permanent", "poison", "final"],
)
def test_what_has_no_attempts_left_stays_dead(service, queues, store, attempts):
    [message_id] = bury(queues, [order_body()])
    for attempt in attempts:
        store.record_attempt(a_failure(message_id, **attempt))
    assert service.rescue.run(SYSTEM) == []
    assert (in_all(queues, queues.url), in_all(queues, queues.dlq_url)) == (0, 1)
    assert service.messages.get(message_id).kind == attempts[-1]["kind"], "the pass has refreshed the snapshot"


def test_what_nobody_can_run_stays_dead(service, queues):
    bury(queues, ["poison"])
    bury(queues, ["{}"], celery_task={"DataType": "String", "StringValue": "unheard of"})
    assert service.rescue.run(SYSTEM) == []
    assert in_all(queues, queues.dlq_url) == 2


def test_a_task_without_a_store_of_attempts_is_left_alone(engine, dlq, queues):
    app = celery_sqs.setup(Celery("plain", set_as_current=False), {"plain": queues.url}, region="us-east-1")
    app.task(_do_nothing, base=SQSTask, name="plain", shared=False)
    bury(queues, ["{}"], celery_task={"DataType": "String", "StringValue": "plain"})
    service = DeadLetterService(app, engine, dlq, OrderStore(engine), QUICK)
    assert service.rescue.run(SYSTEM) == []
    assert in_all(queues, queues.dlq_url) == 1


def test_a_second_time_it_stays_dead_and_the_reason_says_so(service, queues, die_again):
    [message_id] = bury(queues, [order_body()])
    service.rescue.run(SYSTEM)
    die_again()
    for _ in range(2):
        assert service.rescue.run(SYSTEM) == []
    assert in_all(queues, queues.dlq_url) == 1
    message = service.messages.get(message_id)
    assert (message.kind, message.error, message.gone_at) == ("lost", f"{NO_ATTEMPT}; {RESCUED_BEFORE}", None)


def test_one_that_dies_again_is_the_same_order_with_its_new_reason(service, queues, store, die_again):
    [message_id] = bury(queues, [order_body()])
    store.record_attempt(a_failure(message_id, kind="own", message="before", receive_count=1, final=False))
    service.rescue.run(SYSTEM)
    die_again()
    store.record_attempt(a_failure(message_id, kind="own", message="after", receive_count=9, final=True))
    service.rescue.run(SYSTEM)
    message = service.messages.get(message_id)
    assert (message.error, message.gone_at) == (f"after; {RESCUED_BEFORE}", None)
    assert service.messages.count() == 1


def test_what_an_operator_has_sent_again_is_not_sent_twice(service, queues):
    [message_id] = bury(queues, [order_body()])
    service.scan()
    service.repairs.run(service.repairs.plan("redrive", Selection.all(), "ada", "mended"))
    bury_copy(queues, order_body(), message_id=message_id)  # a copy of it that was on its way
    assert service.rescue.run(SYSTEM) == []


@pytest.mark.parametrize("action", ["redrive", "edit", "discard"])
def test_what_an_operators_repair_has_is_left_to_it(service, queues, action):
    body = order_body()
    [message_id] = bury(queues, [body])
    service.scan()
    edited = order_body(quantity=5, orderId=order_id_of(body)) if action == "edit" else None
    # Its process ends before it has done anything, as in a deployment.
    repair_id = service.repairs.plan(action, Selection.ids([message_id]), "ada", "fraud", new_body=edited)
    assert service.rescue.run(SYSTEM) == []
    assert (in_all(queues, queues.url), in_all(queues, queues.dlq_url)) == (0, 1)

    done = service.repairs.run(repair_id)
    assert (done.state, done.gone, done.sent + done.discarded) == ("done", 0, 1)
    assert [copy["Body"] for copy in queues.peek(queues.url)] == {"redrive": [body], "edit": [edited], "discard": []}[
        action
    ]


def test_an_operator_is_faster_than_a_rescue_that_is_on_record(service, queues):
    [theirs, own] = bury(queues, [order_body(), order_body()])
    service.scan()
    rescue_id = service.repairs.plan(RESCUE, Selection.all(), SYSTEM, "attempts left")
    discard_id = service.repairs.plan("discard", Selection.ids([theirs]), "ada", "fraud")
    done = service.repairs.run(rescue_id)
    assert (done.state, done.sent, done.gone) == ("done", 1, 1)
    assert [renewal.message_id for renewal in rescued(queues)] == [own]
    [left] = service.repairs.items(rescue_id, "gone")
    assert (left.message_id, left.error) == (theirs, f"left to the discard by ada (repair {discard_id})")
    assert service.repairs.run(discard_id).discarded == 1


def test_what_an_operators_repair_did_not_find_is_the_rescuers_again(service, queues):
    body = order_body()
    [message_id] = bury(queues, [body])
    service.scan()
    queues.sqs.purge_queue(QueueUrl=queues.dlq_url)
    done = service.repairs.run(service.repairs.plan("discard", Selection.all(), "ada", "fraud"))
    assert (done.state, done.gone) == ("done", 1)
    bury_copy(queues, body, message_id=message_id)  # it was on its way
    [rescue] = service.rescue.run(SYSTEM)
    assert rescue.sent == 1


def test_a_rescue_that_was_killed_is_gone_on_with_and_deletes_no_copy_of_its_own(engine, service, queues, store):
    body = order_body()
    [message_id] = bury(queues, [body])
    service.scan()
    repair_id = service.repairs.plan(RESCUE, Selection.all(), SYSTEM, "attempts left")
    # It was sent, and on record as that; its copy is dead already, and the original not deleted yet.
    bury_copy(queues, body, message_id=message_id, is_rescued=True)
    with engine.begin() as connection:
        state = {"state": "sent", "sent_at": datetime.now(UTC), "new_message_id": "copy"}
        connection.execute(update(repair_items).values(state))
    [done] = service.rescue.run(SYSTEM)
    assert (done.id, done.state) == (repair_id, "done")
    [left] = queues.peek(queues.dlq_url)
    assert opened(left)[1].is_rescued
    assert in_all(queues, queues.url) == 0
    service.scan()
    assert service.messages.get(message_id).gone_at is None


def test_a_rescue_that_another_process_runs_is_left_to_it(engine, service, queues):
    bury(queues, ["poison"])
    service.scan()
    repair_id = service.repairs.plan(RESCUE, Selection.all(), SYSTEM, "attempts left")
    soon = datetime.now(UTC) + timedelta(minutes=1)
    with engine.begin() as connection:
        connection.execute(update(repairs_table).values(runner="another", runner_until=soon))
    assert service.rescue.run(SYSTEM) == []
    assert service.repairs.progress(repair_id).waiting == 1


def test_of_all_processes_one_has_its_turn(engine, dlq, queues):
    bury(queues, [order_body()])
    every, outcomes = timedelta(minutes=1), []
    threads = [
        threading.Thread(target=lambda: outcomes.append(make_service(engine, dlq, QUICK).rescue.run_if_due(every)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(None) == 3
    assert in_all(queues, queues.url) == 1


def test_a_turn_comes_again(service):
    assert service.rescue.run_if_due(timedelta(0)) == []
    assert service.rescue.run_if_due(timedelta(0)) == []


def test_the_time_line_shows_one_order(engine, service, queues, store):
    body = order_body(timestamp="2026-01-24T12:00:00Z")
    [message_id] = bury(queues, [body])
    order_id = order_id_of(body)
    store.record_attempt(a_failure(message_id, kind="own", order_id=order_id, receive_count=1, final=False))
    history = History(store, EventReader(engine), service.messages, service.repairs)
    service.scan()
    assert history.timeline(order_id).state == "dead"
    service.rescue.run(SYSTEM)
    found = history.timeline(order_id)
    assert [entry.what for entry in found.entries if entry.what != "accepted"] == ["failed", "dead", "rescued"]
    assert (found.state, found.entries[-1].detail["operator"]) == ("retrying", SYSTEM)
    assert history.state_without_row(UUID(order_id)) == ("retrying", 1)


def _do_nothing(*args):
    """No task here runs."""
