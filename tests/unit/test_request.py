"""A request says what its delivery knows, and lets it know when the pool has it."""

import threading
from types import SimpleNamespace

import pytest
from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery import Celery
from celery.concurrency.base import apply_target
from celery.exceptions import Ignore, Reject, TaskRevokedError
from celery.worker import state
from kombu.exceptions import ContentDisallowed

from celery_sqs import SQSTask
from celery_sqs.consume.delivery import State
from celery_sqs.message.renewal import Renewal
from celery_sqs.tasks.decision import Kind, Resent, RetryDecision
from celery_sqs.tasks.outcomes.tracer import DECISION
from celery_sqs.worker.request import SQSRequest
from tests.polling import poll
from tests.unit.channels import CALL, RECEIVES, Stand
from tests.unit.deliveries import handles


class Pool:
    """Takes a run, and does nothing."""

    def apply_async(self, *args, **kwargs):
        """No result."""


@pytest.fixture
def stand():
    stand = Stand()
    yield stand
    stand.connection.release()
    state.reset_state()


@pytest.fixture
def request_of(stand):
    """A function that makes the request of a delivery which the channel has handed over."""
    app = Celery("request", set_as_current=False)

    @app.task(base=SQSTask, name="a.task", shared=False)
    def a_task(order):
        """Nobody runs it."""

    def request_of(one):
        stand.channel.hand_over(one)
        consumer = SimpleNamespace(app=app, hostname="w@h", event_dispatcher=None)
        message = stand.received[-1]
        return SQSRequest.of(message, app.tasks["a.task"], consumer, message.ack_log_error, message.reject_log_error)

    return request_of


def a_copy(stand):
    one = stand.receive(1, receives=2, renewal=Renewal(message_id="first", sent_at=0, receives=4, attempts=1))
    one.attempts = 1
    return one


def test_attempts_and_receives_are_those_of_the_message_and_not_of_its_copy(stand, request_of):
    request = request_of(a_copy(stand))
    assert (request.message_id, request.attempt, request.receive_count) == ("first", 2, 6)
    assert request.max_receive_count == RECEIVES
    call = request.call()
    assert (call.message_id, call.retries, call.receive_count) == ("first", 1, 6)


@pytest.mark.parametrize("alone", [True, False])
def test_it_says_whether_it_is_to_run_alone(stand, request_of, alone):
    one = stand.receive(1)
    one.is_alone = alone
    assert request_of(one).is_alone is alone


def test_its_delivery_knows_that_it_has_begun(stand, request_of):
    one = stand.receive(1)
    request = request_of(one)
    assert not one.is_submitted
    request.begin()
    assert (one.is_submitted, one.state) == (True, State.RUNNING)


def test_a_call_that_waited_for_a_thread_runs(stand, request_of):
    one = stand.receive(1)
    ran = []
    apply_target(ran.append, (1,), {}, ran.append, accept_callback=request_of(one).on_accepted)
    assert (ran[0], one.state) == (1, State.RUNNING)


def test_what_is_parked_is_not_the_pools_any_more(stand, request_of):
    one = stand.receive(1)
    request_of(one).begin()
    task = SimpleNamespace(name="a.task", is_back=lambda: True)
    stand.channel.park(one.receipt_handle, task)
    assert (one.is_submitted, one.state) == (False, State.PARKED)


@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_failed_attempt_that_is_not_on_record_is_counted(stand, request_of, unrecorded, is_recorded):
    request_of(stand.receive(1)).settle(RetryDecision(Kind.OWN, is_recorded=is_recorded))
    assert unrecorded() == (0 if is_recorded else 1)


class Events:
    """Keeps the events that it is given."""

    enabled = True

    def __init__(self):
        self.sent = []

    def send(self, event, **fields):
        self.sent.append((event, fields))


class Backend:
    """Keeps what is reported to it, and in which thread; or refuses all of it."""

    max_retries = 0

    def __init__(self):
        self.reported, self.is_away, self.app = [], False, None

    def _tell(self, state, task_id):
        if self.is_away:
            raise ConnectionError
        self.reported.append((state, task_id, threading.current_thread().name))

    def mark_as_failure(self, task_id, *_, **__):
        self._tell("FAILURE", task_id)

    def mark_as_retry(self, task_id, *_, **__):
        self._tell("RETRY", task_id)

    def mark_as_revoked(self, task_id, *_, **__):
        self._tell("REVOKED", task_id)


@pytest.fixture
def reported(request_of, stand):
    """A function that reports to the request of a delivery of a failure, as the pool does; returns the backend."""

    def reported(error, attempts=0, is_away=False, decision=None):
        one = stand.receive(1, receives=attempts + 1)
        one.attempts = attempts
        request = request_of(one)
        request.task.backend = backend = Backend()
        backend.is_away = is_away
        einfo = einfo_of(error)
        if decision is not None:
            setattr(einfo, DECISION, decision)
        request.on_failure(einfo)
        poll(lambda: stand.channel.in_flight.get(one.receipt_handle) is None, 2, "it is settled")
        return backend.reported

    return reported


def einfo_of(error):
    try:
        raise error
    except type(error):
        return ExceptionInfo()


def lines(caplog):
    return [record.getMessage() for record in caplog.records if record.getMessage().startswith("attempt failed")]


@pytest.mark.parametrize(("attempts", "state"), [(0, "RETRY"), (RECEIVES - 1, "FAILURE")])
@pytest.mark.parametrize("error", [WorkerLostError(), ContentDisallowed("json"), SystemExit(3), Reject("no")], ids=repr)
def test_what_the_pool_could_not_report_is_logged_and_reported_by_the_recorders_thread(
    stand, reported, caplog, error, attempts, state
):
    [(known, _, thread)] = reported(error, attempts)
    assert (known, thread[:12]) == (state, "sqs-recorder")
    assert len(lines(caplog)) == 1
    assert stand.released() == ["handle-1"]


def test_a_message_that_is_rejected_to_come_again_has_no_state_until_it_is_dead(reported):
    assert reported(Reject("not now", requeue=True)) == []


def test_a_result_backend_that_is_away_keeps_no_message(stand, reported):
    assert reported(WorkerLostError(), RECEIVES - 1, is_away=True) == []
    assert stand.released() == ["handle-1"]


def given_up(stand, caplog):
    """The lines about runs that could not be settled, whose messages are left to their visibility timeout."""
    assert stand.released() == handles(stand.sqs.deleted) == []
    assert not stand.channel.in_flight.all()
    return [line.getMessage() for line in caplog.records if "cannot be settled" in line.getMessage()]


def test_a_message_whose_failure_cannot_be_decided_on_comes_again_and_is_counted(stand, request_of, caplog, unrecorded):
    request = request_of(stand.receive(1))
    request.task.backoff_base = "x"
    request.on_failure(einfo_of(LookupError()))
    assert given_up(stand, caplog) == [f"the run of a.task[{request.id}] cannot be settled: its message comes again"]
    assert unrecorded() == 1


def test_so_does_one_whose_failure_cannot_be_settled_by_the_recorders_thread(stand, request_of, caplog):
    class Broken:
        enabled = True

        def send(self, event, **fields):
            raise LookupError(event)

    def away(attempt):
        raise ConnectionError

    request = request_of(stand.receive(1))
    request._eventer, request.task.put_on_record = Broken(), away
    request.task.is_outage = lambda error: isinstance(error, ConnectionError)
    request.on_failure(einfo_of(ContentDisallowed("json")))
    poll(lambda: not stand.channel.in_flight.all(), 2, "it is not in flight any more")
    assert len(given_up(stand, caplog)) == 1


def test_what_is_settled_already_is_not_given_up_and_the_error_is_logged(stand, request_of, caplog):
    request = request_of(stand.receive(1))
    request.settle(RetryDecision(Kind.BLOCKED, 5))
    request.give_up(LookupError())
    assert [line.getMessage() for line in caplog.records if line.exc_info] == [
        f"an error after the run of a.task[{request.id}] was settled"
    ]
    assert len(stand.channel.in_flight.all()) == 1


def test_what_the_pool_has_decided_takes_effect_and_nothing_is_reported_again(stand, reported, caplog):
    assert reported(LookupError(), decision=RetryDecision(Kind.OWN, 7)) == []
    assert (lines(caplog), stand.released()) == ([], ["handle-1"])


@pytest.mark.parametrize("decision", [None, RetryDecision(Kind.OWN, 7, is_resent=True)], ids=["ignored", "sent anew"])
def test_the_message_of_a_call_that_is_ignored_or_was_sent_anew_is_deleted(stand, reported, decision):
    assert reported(Ignore() if decision is None else Resent(), decision=decision) == []
    assert stand.released() == []
    assert handles(stand.sqs.deleted) == ["handle-1"]


def test_a_call_that_has_expired_is_revoked_by_the_recorders_thread_and_deleted(stand, request_of):
    headers = {"DataType": "String", "StringValue": '{"expires": "2020-01-01T00:00:00+00:00", "shadow": "another"}'}
    one = stand.receive(1, attributes={**CALL, "celery_headers": headers})
    request = request_of(one)
    request.task.backend = backend = Backend()
    with pytest.raises(TaskRevokedError):
        request.execute_using_pool(Pool())
    poll(lambda: stand.channel.in_flight.get(one.receipt_handle) is None, 2, "it is settled")
    assert [(state, thread[:12]) for state, _, thread in backend.reported] == [("REVOKED", "sqs-recorder")]
    stand.channel.settlements.close(5)
    assert handles(stand.sqs.deleted) == ["handle-1"]


def test_an_event_has_the_name_of_the_task_and_not_what_its_message_calls_it(stand, request_of):
    headers = {"DataType": "String", "StringValue": '{"shadow": "another"}'}
    request = request_of(stand.receive(1, attributes={**CALL, "celery_headers": headers}))
    request._eventer = Events()
    request.send_event("task-started")
    [(_, fields)] = request._eventer.sent
    assert (request.name, fields["name"]) == ("another", "a.task")
