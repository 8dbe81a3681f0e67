"""Planning a repair: what makes no sense is refused, and leaves no trace."""

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq.queue import DeadLetterQueue
from celery_sqs.message import exact_json
from orders.schema import from_message
from orders.store import Arrival, OrderStore
from tasks.repair.bench import Bench
from tasks.repair.letters import Chosen
from tasks.repair.mirror import mirror, remove
from tasks.repair.repairs import DISCARD, EDIT, REDRIVE, NoSuchRepair, Refused
from tests.repairing import order_body, order_id_of

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def bench(engine):
    """A bench whose SQS is away: nothing here needs it."""
    return Bench(engine, DeadLetterQueue(Endpoint("us-east-1", NOWHERE), f"{NOWHERE}/0/work", f"{NOWHERE}/0/dlq"))


@pytest.fixture
def letter(engine):
    """A function that mirrors messages, as a look would; returns the id of the last."""

    def make(*bodies):
        with engine.begin() as connection:
            for body in bodies:
                mirror(connection, [{"MessageId": f"id of {body}", "Body": body}])
        return f"id of {bodies[-1]}"

    return make


def planned(bench, action, chosen, reason="mended", **changes):
    return bench.repairs.plan(action, chosen, "ada", reason, **changes)


class TestEdit:
    @pytest.mark.parametrize("new_body", ["poison", "{}", "", None], ids=["poison", "empty-object", "empty", "none"])
    def test_what_would_not_be_accepted_is_refused(self, bench, letter, new_body):
        message_id = letter(order_body(quantity=0))
        with pytest.raises(Refused):
            planned(bench, EDIT, Chosen.ids([message_id]), new_body=new_body)

    def test_it_says_which_field_is_wrong(self, bench, letter):
        body = order_body(quantity=0)
        message_id = letter(body)
        with pytest.raises(Refused, match="no valid order: totalPrice: Must be from 0"):
            planned(bench, EDIT, Chosen.ids([message_id]), new_body=body.replace("0,", "1,").replace("99.5", "-1"))

    def test_one_that_changes_nothing_is_refused(self, bench, letter):
        body = order_body()
        message_id = letter(body)
        with pytest.raises(Refused, match="nothing is changed"):
            planned(bench, EDIT, Chosen.ids([message_id]), new_body=body)

    def test_one_that_makes_another_order_of_it_is_refused(self, bench, letter):
        message_id = letter(order_body(quantity=0))
        with pytest.raises(Refused, match="has to stay so"):
            planned(bench, EDIT, Chosen.ids([message_id]), new_body=order_body())

    def test_one_that_contradicts_the_stored_order_is_refused_and_shows_both(self, engine, bench, letter):
        body = order_body()
        order = from_message(exact_json.loads(body))
        OrderStore(engine).persist([Arrival(order=order, task_id="t", attempts=1, worker="w")])
        message_id = letter(body.replace("Widget", "Gadget"))
        with pytest.raises(Refused, match=r"another order is stored.*Widget.*Gizmo"):
            planned(bench, EDIT, Chosen.ids([message_id]), new_body=body.replace("Widget", "Gizmo"))

    def test_it_is_of_one_message(self, bench, letter):
        letter(order_body(), order_body())
        with pytest.raises(Refused, match="exactly one"):
            planned(bench, EDIT, Chosen.all(), new_body=order_body())

    def test_what_becomes_an_order_by_it_is_on_record_as_that_order(self, bench, letter):
        mended = order_body()
        repair_id = planned(bench, EDIT, Chosen.ids([letter("poison")]), new_body=mended)
        [item] = bench.repairs.items(repair_id)
        assert (item.order_id, item.task, item.body) == (order_id_of(mended), "persist_order", "poison")
        assert bench.repairs.of_order(order_id_of(mended)) == [(bench.repairs.progress(repair_id), item)]


@pytest.mark.parametrize("reason", ["", "  \n"], ids=["empty", "blank"])
def test_a_discard_without_a_reason_is_refused(bench, letter, reason):
    letter("poison")
    with pytest.raises(Refused, match="reason"):
        planned(bench, DISCARD, Chosen.all(), reason=reason)
    assert bench.repairs.latest(10) == []


@pytest.mark.parametrize(
    "chosen", [Chosen.all(), Chosen.ids(["never heard of"]), Chosen.group("0" * 16)], ids=["all", "ids", "group"]
)
def test_there_has_to_be_something_to_repair(bench, chosen):
    with pytest.raises(Refused, match="no message"):
        planned(bench, REDRIVE, chosen)
    assert bench.repairs.latest(10) == []


def test_what_has_left_the_dlq_cannot_be_chosen(engine, bench, letter):
    message_id = letter("poison")
    with engine.begin() as connection:
        remove(connection, [message_id])
    with pytest.raises(Refused):
        planned(bench, REDRIVE, Chosen.ids([message_id]))


def test_a_plan_records_every_message_before_anything_is_done(bench, letter):
    letter("one", "two")
    progress = bench.repairs.progress(planned(bench, REDRIVE, Chosen.all()))
    assert (progress.state, progress.total, progress.waiting, progress.runner_alive) == ("running", 2, 2, False)
    assert [item.body for item in bench.repairs.items(progress.id)] == ["one", "two"]


@pytest.mark.parametrize("name", ["half a pair: \ud800", "☕" * 1000])
def test_whoever_the_operator_is_it_is_on_record(bench, letter, name):
    letter("poison")
    repair_id = bench.repairs.plan(REDRIVE, Chosen.all(), name, name)
    assert bench.repairs.progress(repair_id).operator[:5] == name[:5]


def test_a_repair_that_nobody_planned_is_not_there(bench):
    for ask in (bench.repairs.progress, bench.repairs.run):
        with pytest.raises(NoSuchRepair):
            ask("never heard of")
