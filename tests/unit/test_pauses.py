"""A paused queue: nothing of it begins, no receive is spent, and other queues go on."""

import pytest
from celery import Celery
from celery.exceptions import TaskRevokedError
from celery.worker import state

from celery_sqs import SQSTask
from celery_sqs.consume.budget import Budget, Step, at_pause
from celery_sqs.consume.delivery import State
from celery_sqs.consume.receiver import Receiver, Source
from celery_sqs.message.renewal import Renewal
from celery_sqs.tasks.batch import BatchTask
from tests.unit.channels import QUEUE, Stand, refuse
from tests.unit.test_collector_strategy import Worker as BatchWorker
from tests.unit.test_strategy import Worker as SingleWorker


@pytest.fixture
def stand():
    return Stand()


def pause(stand, *queues):
    stand.channel.pauses.set(queues)
    stand.channel.turn()


def test_no_step_of_a_pause_spends_a_receive():
    assert at_pause(Budget(receives=1, max_receives=3)) is Step.RENEW
    assert at_pause(Budget(receives=1, max_receives=None)) is Step.RELEASE
    assert at_pause(Budget(receives=1, max_receives=3, is_renewable=False)) is Step.PARK


@pytest.mark.parametrize("has_store", [True, False])
def test_what_waits_for_the_event_loop_goes_back_with_its_receives_unspent(stand, has_store):
    stand.owner.has_store = has_store
    stand.receive(1)
    pause(stand, QUEUE)
    [copy] = stand.copies()
    assert (copy.receives_since, copy.attempts, copy.is_suspect) == (0, 0, False)
    assert (stand.handed_over(), len(stand.channel.in_flight)) == ([], 0)


def test_what_a_poll_under_way_still_brings_goes_back(stand):
    pause(stand, QUEUE)
    one = stand.receive(1)
    assert stand.handed_over() == []
    assert len(stand.copies()) == 1
    assert one.state is State.SETTLED


def test_what_has_come_back_and_is_looked_up_goes_back_when_that_is_known(stand):
    one = stand.receive(1, receives=2)
    stand.channel.turn()
    assert stand.owner.examined == [one]
    pause(stand, QUEUE)
    one.attempts, one.explained = 1, 1
    stand.channel.proceed(one, Step.RUN, records=True)
    stand.channel.turn()
    [copy] = stand.copies()
    assert (copy.attempts, copy.receives_since, copy.is_suspect) == (1, 0, False)


@pytest.mark.parametrize("is_alone", [False, True], ids=["behind what is looked up", "a suspect behind it"])
def test_what_waits_for_its_turn_goes_back_at_once(stand, is_alone):
    stand.receive(1, receives=2)
    waiting = stand.receive(2)
    waiting.is_alone = is_alone
    stand.channel.turn()
    assert waiting.state is State.READY
    pause(stand, QUEUE)
    assert [copy.message_id for copy in stand.copies()] == ["m2"]
    assert (waiting.state, stand.handed_over()) == (State.SETTLED, [])


def test_a_suspect_that_waits_for_its_turn_goes_back_as_one(stand):
    renewal = Renewal(message_id="m1", sent_at=1, receives=1, attempts=0, receives_since=0, is_suspect=True)
    one = stand.receive(1, renewal=renewal)
    stand.channel.turn()
    one.attempts = 0
    stand.channel.in_flight.suspend(True)
    stand.channel.proceed(one, Step.RUN_ALONE, records=True)
    pause(stand, QUEUE)
    [copy] = stand.copies()
    assert copy.is_suspect
    assert not stand.channel.ready.is_exclusive


def test_other_queues_go_on(stand):
    pause(stand, "another")
    one = stand.receive(1)
    assert stand.handed_over() == [one.receipt_handle]


def test_what_cannot_be_copied_is_kept_beside_the_others_and_goes_on_once_at_the_resume(stand):
    one = stand.receive(1, is_renewable=False)
    pause(stand, QUEUE)
    stand.channel.in_flight.resize(1)
    assert (one.state, stand.handed_over(), stand.channel.in_flight.room()) == (State.PARKED, [], 1)
    pause(stand, QUEUE, "another")
    pause(stand)
    assert stand.handed_over() == [one.receipt_handle]
    assert (stand.copies(), stand.released()) == ([], [])


def test_what_sqs_takes_no_copy_of_is_kept_too(stand):
    stand.sqs._script.append(refuse)
    one = stand.receive(1)
    pause(stand, QUEUE)
    stand.channel.settlements.close(5)
    stand.channel.turn()
    assert (one.state, stand.received) == (State.PARKED, [])


@pytest.fixture
def app():
    app = Celery("paused", set_as_current=False)
    yield app
    state.reset_state()


def nothing(*_):
    """What nobody runs."""


def test_a_single_call_that_waits_for_a_process_does_not_begin(app):
    worker = SingleWorker(app.task(base=SQSTask, name="a.task", shared=False)(nothing))
    one = worker.receive(1)
    [request] = worker.waiting
    pause(worker.stand, QUEUE)
    with pytest.raises(TaskRevokedError):
        request.execute_using_pool(worker.pool)
    worker.stand.channel.turn()
    assert (worker.pool.accept, len(worker.stand.copies()), one.state) == ([], 1, State.SETTLED)


def test_calls_of_a_batch_go_back_though_no_process_is_free(app):
    app.task(base=BatchTask, name="a.task", shared=False)(nothing)
    worker = BatchWorker(app)
    one = worker.receive()
    worker.stand.channel.ready._arrived.clear()  # it has been handed over already
    collector = worker.consumer.collectors["a.task"]
    collector._running = worker.consumer.pool.num_processes
    pause(worker.stand, QUEUE)
    worker.turn()
    worker.stand.channel.turn()
    assert (len(worker.stand.copies()), one.state, worker.consumer.pool.calls) == (1, State.SETTLED, [])


def test_a_paused_receiver_does_not_poll_and_is_healthy(stand):
    paused = set()
    source = Source(queue=QUEUE, url="http://q")
    receiver = Receiver(None, source, stand.channel.in_flight, None, None, lambda: QUEUE not in paused)
    receiver._succeeded_at -= 100
    assert receiver.seconds_since_success >= 100
    paused.add(QUEUE)
    assert receiver.seconds_since_success == 0
    with receiver._next_poll() as poll:
        assert poll is None
