"""`persist_order` takes one order a call: what it does not take is dead with a reason, and nothing of it is lost."""

import pytest

from app.history.order_history import order_in
from app.services import Services
from celery_sqs import Call, exact_json
from celery_sqs.dlq import decode_message
from orders.schema import InvalidOrder, to_message
from tests.unit.samples import an_order

ORDERS = [an_order(user_id=7), an_order(user_id=8)]
FIRST, SECOND = map(to_message, ORDERS)

NOT_ONE = {
    "two orders": ([FIRST, SECOND], {}, "2 positional and 0 keyword"),
    "one order twice": ([FIRST, FIRST], {}, "2 positional and 0 keyword"),
    "an order by keyword": ([], {"order": FIRST}, "0 positional and 1 keyword"),
    "another order by keyword": ([FIRST], {"order": SECOND}, "1 positional and 1 keyword"),
    "nothing": ([], {}, "0 positional and 0 keyword"),
}


@pytest.fixture
def task(app):
    return app.extensions[Services.NAME].celery.tasks["persist_order"]


@pytest.mark.parametrize("given", NOT_ONE)
def test_a_call_with_anything_but_one_order_is_dead_and_says_how_many_it_has(task, store, given):
    args, kwargs, said = NOT_ONE[given]
    calls = [a_call(args, kwargs), a_call([FIRST], {})]
    [error, none] = task.run(calls)
    assert isinstance(error, InvalidOrder)
    assert said in str(error)
    assert isinstance(error, task.permanent)
    assert none is None  # the call beside it
    assert list(store.get_many([order.order_id for order in ORDERS])) == [ORDERS[0].order_id]


@pytest.mark.parametrize("given", NOT_ONE)
def test_it_is_neither_accepted_nor_done_when_it_is_to_be_sent_again(task, given):
    args, kwargs, said = NOT_ONE[given]
    task.run([a_call([FIRST], {})])
    [answer] = task.dry_run([a_call(args, kwargs)])
    assert not answer.accepted
    assert said in answer.why
    assert task.are_done([a_call(args, kwargs)]) == [False]


@pytest.mark.parametrize("given", NOT_ONE)
def test_its_message_spells_no_order(given):
    args, kwargs, _ = NOT_ONE[given]
    assert order_in(exact_json.dumps([args, kwargs, {}])) is None


@pytest.mark.parametrize("detail", [[FIRST, SECOND], [[FIRST, SECOND], {}, {}]])
def test_an_event_with_two_orders_is_no_call_or_one_of_two(task, detail):
    event = dict.fromkeys(["version", "id", "source", "account", "time", "region"], "x")
    body = exact_json.dumps(event | {"detail-type": "orders", "detail": detail})
    call = decode_message("-", body, {}, "persist_order", lambda _: True, ["eventbridge"]).call
    assert call is None or isinstance(task.run([call])[0], InvalidOrder)


def a_call(args, kwargs):
    return Call(id="a-task", message_id="a-message", args=args, kwargs=kwargs, receive_count=1, worker="worker@test")
