"""Planning a repair: what makes no sense is refused, and leaves no trace."""

import pytest

from celery_sqs.aws.endpoint import Endpoint
from celery_sqs.dlq import DISCARD, EDIT, REDRIVE, DeadLetterQueue, NoSuchRepair, Refused, Selection
from celery_sqs.message import exact_json
from orders.outcome import Arrival
from orders.schema import from_message
from orders.store import OrderStore
from tests.dead_orders import make_service, make_snapshot, order_body, order_id_of

NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
def service(engine):
    """A service whose SQS is away: nothing here needs it."""
    return make_service(
        engine, DeadLetterQueue(Endpoint("us-east-1", NOWHERE), f"{NOWHERE}/0/work", f"{NOWHERE}/0/dlq")
    )


@pytest.fixture
def dead(engine):
    """A function that makes dead messages known, as a scan would; returns the id of the last."""
    snapshot = make_snapshot(engine, "work")

    def make(*bodies):
        for body in bodies:
            snapshot.add([{"MessageId": f"id of {body}", "Body": body}])
        return f"id of {bodies[-1]}"

    return make


def planned(service, action, selection, reason="mended", **changes):
    return service.repairs.plan(action, selection, "ada", reason, **changes)


class TestEdit:
    @pytest.mark.parametrize("new_body", ["poison", "{}", "", None], ids=["poison", "empty-object", "empty", "none"])
    def test_what_would_not_be_accepted_is_refused(self, service, dead, new_body):
        message_id = dead(order_body(quantity=0))
        with pytest.raises(Refused):
            planned(service, EDIT, Selection.ids([message_id]), new_body=new_body)

    def test_it_says_which_field_is_wrong(self, service, dead):
        body = order_body(quantity=0)
        message_id = dead(body)
        with pytest.raises(Refused, match="no valid order: totalPrice: Must be from 0"):
            planned(service, EDIT, Selection.ids([message_id]), new_body=body.replace("0,", "1,").replace("99.5", "-1"))

    def test_one_that_changes_nothing_is_refused(self, service, dead):
        body = order_body()
        message_id = dead(body)
        with pytest.raises(Refused, match="nothing is changed"):
            planned(service, EDIT, Selection.ids([message_id]), new_body=body)

    def test_one_that_makes_another_order_of_it_is_refused(self, service, dead):
        message_id = dead(order_body(quantity=0))
        with pytest.raises(Refused, match="has to stay so"):
            planned(service, EDIT, Selection.ids([message_id]), new_body=order_body())

    def test_one_that_contradicts_the_stored_order_is_refused_and_shows_both(self, engine, service, dead):
        body = order_body()
        order = from_message(exact_json.loads(body))
        OrderStore(engine).persist([Arrival(order=order, task_id="t", attempts=1, worker="w")])
        message_id = dead(body.replace("Widget", "Gadget"))
        with pytest.raises(Refused, match=r"another order is stored.*Widget.*Gizmo"):
            planned(service, EDIT, Selection.ids([message_id]), new_body=body.replace("Widget", "Gizmo"))

    def test_it_is_of_one_message(self, service, dead):
        dead(order_body(), order_body())
        with pytest.raises(Refused, match="exactly one"):
            planned(service, EDIT, Selection.all(), new_body=order_body())

    def test_what_becomes_an_order_by_it_is_on_record_as_that_order(self, service, dead):
        mended = order_body()
        repair_id = planned(service, EDIT, Selection.ids([dead("poison")]), new_body=mended)
        [item] = service.repairs.items(repair_id)
        assert (item.subject, item.task, item.body) == (order_id_of(mended), "persist_order", "poison")
        assert service.repairs.of_subject(order_id_of(mended)) == [(service.repairs.progress(repair_id), item)]


@pytest.mark.parametrize("reason", ["", "  \n"], ids=["empty", "blank"])
def test_a_discard_without_a_reason_is_refused(service, dead, reason):
    dead("poison")
    with pytest.raises(Refused, match="reason"):
        planned(service, DISCARD, Selection.all(), reason=reason)
    assert service.repairs.latest(10) == []


@pytest.mark.parametrize(
    "selection",
    [Selection.all(), Selection.ids(["never heard of"]), Selection.group("0" * 16)],
    ids=["all", "ids", "group"],
)
def test_there_has_to_be_something_to_repair(service, selection):
    with pytest.raises(Refused, match="no message"):
        planned(service, REDRIVE, selection)
    assert service.repairs.latest(10) == []


def test_what_has_left_the_dlq_cannot_be_selected(engine, service, dead):
    message_id = dead("poison")
    make_snapshot(engine, "work").remove([message_id])
    with pytest.raises(Refused):
        planned(service, REDRIVE, Selection.ids([message_id]))


def test_a_plan_records_every_message_before_anything_is_done(service, dead):
    dead("one", "two")
    progress = service.repairs.progress(planned(service, REDRIVE, Selection.all()))
    assert (progress.state, progress.total, progress.waiting, progress.runner_alive) == ("running", 2, 2, False)
    assert [item.body for item in service.repairs.items(progress.id)] == ["one", "two"]


@pytest.mark.parametrize("name", ["half a pair: \ud800", "☕" * 1000])
def test_whoever_the_operator_is_it_is_on_record(service, dead, name):
    dead("poison")
    repair_id = service.repairs.plan(REDRIVE, Selection.all(), name, name)
    assert service.repairs.progress(repair_id).operator[:5] == name[:5]


def test_a_repair_that_nobody_planned_is_not_there(service):
    for ask in (service.repairs.progress, service.repairs.run):
        with pytest.raises(NoSuchRepair):
            ask("never heard of")
