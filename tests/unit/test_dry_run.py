"""The dry run: what would become of a dead message, without running it."""

import json

import pytest

from celery_sqs.dlq import DeadLetterQueue, DeadLetterService
from celery_sqs.dlq.hooks import CHUNK, TaskHooks
from celery_sqs.message import exact_json
from celery_sqs.settings import Settings
from celery_sqs.tasks.task import SQSTask
from orders.outcome import Arrival
from orders.schema import from_message
from tests.dead_orders import a_dead_message, make_celery, order_body


@pytest.fixture
def hooks(engine):
    app = make_celery(engine)
    app.task(_do_nothing, base=SQSTask, name="send_mail", shared=False)
    return TaskHooks(app)


@pytest.fixture
def answer(hooks):
    def ask(message):
        [answer] = hooks.dry_run([message])
        return answer.accepted, answer.why

    return ask


@pytest.fixture
def stored(store):
    body = order_body()
    order = from_message(exact_json.loads(body))
    store.persist([Arrival(order=order, task_id="t", attempts=1, worker="w")])
    return body


def test_a_valid_order_would_be_stored_and_is_not(answer, store):
    body = order_body()
    assert answer(a_dead_message(body)) == (True, "would be stored")
    assert store.get(from_message(exact_json.loads(body)).order_id) is None


def test_an_order_that_is_stored_with_equal_content_is_no_trouble(answer, stored):
    later = json.dumps(json.loads(stored) | {"timestamp": "2026-02-01T00:00:00Z"})
    assert answer(a_dead_message(later)) == (True, "is stored already, equal")


def test_a_conflict_shows_both_orders(answer, stored):
    accepted, why = answer(a_dead_message(stored.replace("99.5", "77.10")))
    assert not accepted
    assert '"totalPrice":99.50' in why
    assert '"totalPrice":77.10' in why


def test_an_invalid_order_names_every_bad_field(answer):
    accepted, why = answer(a_dead_message(order_body(quantity=0, userId="x")))
    assert not accepted
    assert why.startswith("no valid order: ")
    assert "quantity: Must be greater than or equal to 1" in why
    assert "userId: Must be a whole number." in why


@pytest.mark.parametrize("body", ["poison", "[1, 2]", "[" * 10_000, ""], ids=["text", "array", "deep", "empty"])
def test_what_is_no_task_call_is_refused(answer, body):
    accepted, why = answer(a_dead_message(body))
    assert not accepted
    assert why.startswith("no task call: ")


def test_an_unknown_task_is_refused(answer):
    assert answer(a_dead_message("{}", celery_task="nobody's")) == (False, 'there is no task "nobody\'s" here')


def test_of_another_task_only_the_run_can_tell(answer):
    accepted, why = answer(a_dead_message("{}", celery_task="send_mail"))
    assert accepted
    assert "only the run itself" in why


def test_a_call_without_an_order_is_refused(answer):
    accepted, reason = answer(a_dead_message("[[], {}, {}]"))
    assert not accepted
    assert reason.startswith("no valid order: Must be one order as the one positional argument: the call has 0")


def test_many_are_tried_in_their_order(hooks, stored):
    bodies = [order_body() if number % 2 else "poison" for number in range(2 * CHUNK)] + [stored]
    answers = hooks.dry_run([a_dead_message(body, number) for number, body in enumerate(bodies)])
    assert [answer.accepted for answer in answers] == [body != "poison" for body in bodies]
    assert answers[-1].why == "is stored already, equal"


@pytest.mark.parametrize(("suffix", "is_refused"), [("", True), ("-of-others", False)])
def test_a_task_that_its_queue_does_not_list_would_be_refused(engine, store, suffix, is_refused):
    app = make_celery(engine)
    settings = Settings.of(app.conf)
    [queue] = settings.queues.values()
    service = DeadLetterService(app, engine, DeadLetterQueue(settings.endpoint, queue.url + suffix), store)
    [answer] = service.dry_run([a_dead_message("[[1], {}, {}]", celery_task="celery.map")])
    assert (answer.why == "the queue does not list the task 'celery.map'") == is_refused
    assert answer.accepted != is_refused


def _do_nothing():
    """No task here runs."""
