"""The order intake as a later version will be: `celery -A tests.e2e.next_version worker`.

Its messages have a field more, `currency`, and `productName` is called `title`. It does what docs/evolving.md asks of a
version in between: it reads messages with and without both, and writes the old name beside the new one.
"""

from marshmallow import fields, post_load, pre_load
from marshmallow.validate import OneOf

from orders.order import Order
from orders.outcome import Arrival
from orders.schema import OrderMessage
from tasks import app
from tasks.orders import PERSIST_ORDER, OrderTask


class NextMessage(OrderMessage):
    currency = fields.String(load_default="EUR", validate=OneOf(["EUR", "USD"]))

    @pre_load
    def _renamed(self, data, **kwargs):
        return {**data, "productName": data["title"]} if "title" in data else data

    @post_load
    def _without(self, data, **kwargs):
        del data["currency"]  # it would have a column of its own
        return data


class NextTask(OrderTask):
    abstract = True
    message_attributes = {"schema_version": {"DataType": "Number", "StringValue": "2"}}  # noqa: RUF012


@app.task(bind=True, base=NextTask, name=PERSIST_ORDER, lazy=False)
def persist_order(self, calls):
    arrivals = [
        Arrival(
            order=Order(**NextMessage().load(call.args[0])),
            task_id=call.id,
            attempts=call.retries + 1,
            worker=call.worker,
        )
        for call in calls
    ]
    self.store.persist(arrivals)
    return [None] * len(calls)


def to_next(message):
    return {**message, "currency": "USD", "title": message["productName"]}
