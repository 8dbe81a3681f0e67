"""Repairs on an emulator and in each database: what is sent again is stored, and all of it is on record."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import DISCARD, EDIT, REDRIVE, AlreadyRunning, DeadLetterQueue, Selection, Throttle
from celery_sqs.dlq.tables import repairs as repairs_table
from celery_sqs.message import exact_json
from orders.outcome import Arrival
from orders.schema import from_message
from tests.dead_orders import QUICK, FakeWorker, a_failure, bury, in_all, make_service, order_body, order_id_of, visible


@pytest.fixture
def dlq(emulator, queues):
    return DeadLetterQueue(Endpoint("us-east-1", emulator.url, ("test", "test")), queues.url, queues.dlq_url, wait=0)


@pytest.fixture
def service(engine, dlq):
    return make_service(engine, dlq, QUICK)


@pytest.fixture
def fake_worker(engine, queues):
    with FakeWorker(engine, queues).at_work() as working:
        yield working


@pytest.fixture
def is_stored(store):
    def ask(body):
        order = from_message(exact_json.loads(body))
        stored = store.get(order.order_id)
        return stored is not None and stored.order.content == order.content

    return ask


def planned(service, action=REDRIVE, selection=None, **changes):
    """Plan a repair after a scan, as operators do."""
    service.scan()
    return service.repairs.plan(action, selection or Selection.all(), "ada", changes.pop("reason", "mended"), **changes)


def states(service, repair_id):
    return Counter(item.state for item in service.repairs.items(repair_id, limit=1000))


class TestRedrive:
    def test_all_that_is_sent_again_is_stored_and_confirmed_by_its_row(self, service, queues, fake_worker, is_stored):
        bodies = [order_body() for _ in range(230)]
        bury(queues, bodies, celery_id={"DataType": "String", "StringValue": "a-task"})

        done = service.repairs.run(planned(service))

        assert (done.state, done.note) == ("done", "")
        assert (done.total, done.confirmed, done.waiting, done.sent, done.failed) == (230, 230, 0, 0, 0)
        assert all(map(is_stored, bodies))
        assert in_all(queues, queues.dlq_url) == 0
        assert Counter(fake_worker.received) == Counter(bodies), "each was sent once"
        assert service.messages.count() == 0

    def test_who_when_what_and_why_stay_on_record(self, service, queues, fake_worker):
        body = order_body()
        [message_id] = bury(queues, [body])
        before = datetime.now(UTC)
        done = service.repairs.run(planned(service, reason="the price list was empty ☕"))
        assert (done.operator, done.action, done.reason) == ("ada", REDRIVE, "the price list was empty ☕")
        assert before <= done.began_at <= done.ended_at <= datetime.now(UTC)
        [item] = service.repairs.items(done.id)
        assert (item.message_id, item.body, item.new_body, item.state) == (message_id, body, None, "confirmed")
        assert item.new_message_id not in {None, message_id}
        assert before <= item.sent_at <= item.changed_at
        assert service.repairs.latest(10) == [done]
        assert service.repairs.of_subject(order_id_of(body)) == [(done, item)]

    def test_only_the_selection_are_sent_and_the_others_are_visible_at_once(self, service, queues, fake_worker, store):
        bodies = [order_body() for _ in range(30)]
        message_ids = bury(queues, bodies)
        done = service.repairs.run(planned(service, selection=Selection.ids(message_ids[:3])))
        assert (done.total, done.confirmed) == (3, 3)
        assert Counter(fake_worker.received) == Counter(bodies[:3])
        assert visible(queues, queues.dlq_url) == 27

    def test_a_group_is_sent_and_no_other(self, service, queues, fake_worker, store):
        mended, broken = order_body(), order_body()
        [mended_id, broken_id] = bury(queues, [mended, broken])
        store.record_attempt(a_failure(mended_id, error_class="Mended"))
        store.record_attempt(a_failure(broken_id, error_class="Broken"))
        service.scan()
        [group] = [group for group in service.messages.groups() if group.error_class == "Mended"]
        assert service.repairs.run(planned(service, selection=Selection.group(group.fingerprint))).confirmed == 1
        assert fake_worker.received == [mended]

    def test_progress_is_told_as_it_goes_and_to_everybody(self, engine, dlq, service, queues, fake_worker):
        bury(queues, [order_body() for _ in range(150)])
        repair_id, reports, elsewhere = planned(service), [], make_service(engine, dlq)
        seen = []
        done = service.repairs.run(
            repair_id, lambda progress: (reports.append(progress), seen.append(elsewhere.repairs.progress(repair_id)))
        )
        assert reports[-1] == done
        assert [progress.waiting for progress in reports] == sorted((each.waiting for each in reports), reverse=True)
        assert any(progress.runner_alive for progress in seen)
        assert not done.runner_alive

    def test_what_is_stored_already_with_the_same_content_is_confirmed(self, service, queues, fake_worker, store):
        body = order_body()
        order = from_message(exact_json.loads(body))
        store.persist([Arrival(order=order, task_id="before", attempts=1, worker="before")])
        bury(queues, [body])
        assert service.repairs.run(planned(service)).confirmed == 1

    def test_what_fails_again_is_failed_and_says_why(self, service, queues, fake_worker, store):
        body = order_body()
        order = from_message(exact_json.loads(body))
        store.persist([Arrival(order=order, task_id="before", attempts=1, worker="before")])
        bury(queues, [body.replace("Widget", "Gadget"), order_body()])
        done = service.repairs.run(planned(service))
        assert (done.state, done.failed, done.confirmed) == ("done", 1, 1)
        assert "ConflictingOrder: another" in done.note
        [item] = service.repairs.items(done.id, "failed")
        assert item.error == "ConflictingOrder: another"
        assert f"such as {item.new_message_id}: " in done.note  # the one that is in the DLQ now

    def test_what_nobody_works_off_stays_sent_and_that_is_said(self, engine, dlq, queues):
        service = make_service(engine, dlq, Throttle(confirm_within=0.5, poll=0.05))
        bury(queues, [order_body()])
        done = service.repairs.run(planned(service))
        assert (done.state, done.sent, done.confirmed) == ("done", 1, 0)
        assert "1 are not confirmed" in done.note
        with FakeWorker(engine, queues).at_work():
            assert make_service(engine, dlq, QUICK).repairs.run(done.id).confirmed == 1, "run again, it checks again"

    def test_a_done_repair_that_is_run_again_does_nothing(self, service, queues, fake_worker):
        bury(queues, [order_body()])
        done = service.repairs.run(planned(service))
        assert service.repairs.run(done.id) == done
        assert len(fake_worker.received) == 1


class TestCanaries:
    def test_when_the_first_fail_the_rest_is_not_sent(self, service, queues, fake_worker):
        bodies = [order_body(quantity=0) for _ in range(40)]
        bury(queues, bodies)
        done = service.repairs.run(planned(service, canaries=3))
        assert (done.state, done.failed, done.waiting) == ("stopped", 3, 37)
        assert "3 failed again" in done.note
        assert "InvalidOrder" in done.note
        assert len(fake_worker.received) == 3
        assert visible(queues, queues.dlq_url) == 37

    def test_when_the_first_are_not_confirmed_the_rest_is_not_sent(self, engine, dlq, queues):
        service = make_service(engine, dlq, Throttle(confirm_within=0.3, poll=0.05))
        bury(queues, [order_body() for _ in range(10)])
        done = service.repairs.run(planned(service, canaries=2))
        assert (done.state, done.sent, done.waiting) == ("stopped", 2, 8)
        assert "not confirmed" in done.note
        assert in_all(queues, queues.url) == 2

    def test_a_stopped_repair_goes_on_with_canaries_of_its_own(self, service, queues, engine, fake_worker):
        bad, good = [order_body(quantity=0) for _ in range(2)], [order_body() for _ in range(10)]
        bury(queues, bad)
        repair_id = planned(service, canaries=1)
        assert service.repairs.run(repair_id).state == "stopped"
        again = service.repairs.run(repair_id)
        assert (again.state, again.failed, again.waiting) == ("done", 2, 0)
        bury(queues, good)
        assert service.repairs.run(planned(service, canaries=2)).confirmed == 10

    def test_without_canaries_all_are_sent(self, service, queues, fake_worker):
        bury(queues, [order_body(quantity=0) for _ in range(12)])
        done = service.repairs.run(planned(service, canaries=0))
        assert (done.state, done.failed) == ("done", 12)


class TestEdit:
    def test_an_invalid_order_is_mended_sent_and_stored(self, service, queues, fake_worker, is_stored):
        broken = order_body(quantity="2")
        mended = broken.replace('"2"', "2")
        [message_id] = bury(queues, [broken])
        done = service.repairs.run(planned(service, EDIT, Selection.ids([message_id]), new_body=mended))
        assert (done.action, done.confirmed) == (EDIT, 1)
        assert is_stored(mended)
        assert fake_worker.received == [mended]
        [item] = service.repairs.items(done.id)
        assert (item.body, item.new_body) == (broken, mended)
        assert in_all(queues, queues.dlq_url) == 0

    def test_what_was_no_order_at_all_can_become_one(self, service, queues, fake_worker, is_stored):
        mended = order_body()
        [message_id] = bury(queues, ["poison"])
        done = service.repairs.run(planned(service, EDIT, Selection.ids([message_id]), new_body=mended))
        assert done.confirmed == 1
        assert is_stored(mended)


class TestDiscard:
    def test_what_is_discarded_leaves_the_dlq_and_stays_in_the_repair_log(self, service, queues):
        message_ids = bury(queues, ["poison", "more poison"])
        done = service.repairs.run(planned(service, DISCARD, Selection.ids(message_ids[:1]), reason="rubbish"))
        assert (done.state, done.discarded, done.waiting) == ("done", 1, 0)
        assert [message["Body"] for message in queues.peek(queues.dlq_url)] == ["more poison"]
        assert in_all(queues, queues.url) == 0
        assert [item.body for item in service.repairs.items(done.id)] == ["poison"]
        assert service.messages.get(message_ids[0]).gone_at is not None


class TestTwoOperators:
    def test_who_redrive_the_same_messages_at_once_do_no_harm_and_are_told(self, engine, dlq, queues, fake_worker):
        bodies = [order_body() for _ in range(120)]
        bury(queues, bodies)
        services = [make_service(engine, dlq, QUICK), make_service(engine, dlq, QUICK)]
        services[0].scan()
        repair_ids = [
            service.repairs.plan(REDRIVE, Selection.all(), name, "mended")
            for service, name in zip(services, ("ada", "bob"), strict=True)
        ]
        threads = [
            threading.Thread(target=service.repairs.run, args=(repair_id,))
            for service, repair_id in zip(services, repair_ids, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        done = [services[0].repairs.progress(repair_id) for repair_id in repair_ids]
        assert [progress.state for progress in done] == ["done", "done"]
        assert sum(progress.confirmed for progress in done) == 120
        assert sum(progress.gone for progress in done) == 120
        assert set(fake_worker.received) == set(bodies)
        gone = [item.error for repair_id in repair_ids for item in services[0].repairs.items(repair_id, "gone", 200)]
        assert all(error.startswith("sent again by ") for error in gone)

    def test_a_repair_is_run_by_one_process_at_a_time(self, engine, service, queues):
        bury(queues, ["poison"])
        repair_id = planned(service, DISCARD)
        self.let_run(engine, repair_id, timedelta(seconds=60))
        assert service.repairs.progress(repair_id).runner_alive
        with pytest.raises(AlreadyRunning):
            service.repairs.run(repair_id)
        self.let_run(engine, repair_id, timedelta(seconds=-1))
        assert not service.repairs.progress(repair_id).runner_alive
        assert service.repairs.run(repair_id).discarded == 1

    def test_what_somebody_has_taken_out_by_other_means_is_gone(self, service, queues):
        bury(queues, ["poison"])
        repair_id = planned(service, DISCARD)
        queues.sqs.purge_queue(QueueUrl=queues.dlq_url)
        done = service.repairs.run(repair_id)
        assert (done.state, done.gone) == ("done", 1)
        assert [item.error for item in service.repairs.items(repair_id)] == ["no longer in the DLQ"]

    def test_what_somebody_only_hides_is_waited_for(self, service, queues):
        bury(queues, ["poison"])
        repair_id = planned(service, DISCARD)
        queues.sqs.receive_message(QueueUrl=queues.dlq_url, VisibilityTimeout=1)
        assert service.repairs.run(repair_id).discarded == 1

    def let_run(self, engine, repair_id, until):
        with engine.begin() as connection:
            statement = update(repairs_table).where(repairs_table.c.id == repair_id)
            connection.execute(statement.values(runner="somebody", runner_until=datetime.now(UTC) + until))
