"""`FastPathSchema` loads what marshmallow's own way loads, and refuses what that refuses, with the same words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields, pre_load

from app.schemas import NewOrder
from orders.fields import FastPathSchema
from orders.schema import OrderMessage, to_message
from tests.unit.samples import an_order, json_values, prices

GOOD = {"productName": "Widget", "quantity": 2, "totalPrice": "99.90"}

objects = st.fixed_dictionaries(
    {},
    optional={
        "productName": st.text() | json_values,
        "quantity": st.integers(-1, 100_002) | json_values,
        "totalPrice": prices | json_values,
        "color": json_values,
    },
)

MESSAGE = to_message(an_order(product_name="Widget"))
messages = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.just(value) | json_values for name, value in MESSAGE.items()},
        "color": json_values,
    },
)


def outcome(load, value):
    """What loading a value gives, or the reasons why it is refused."""
    try:
        return load(value)
    except ValidationError as error:
        return error.messages


@given(objects | json_values)
@example(GOOD)
@example(GOOD | {"quantity": None})
@example(GOOD | {"quantity": 100_001})
@example({**GOOD, "color": "red"})
def test_it_loads_what_marshmallow_loads_and_refuses_what_that_refuses(value):
    schema = NewOrder()
    assert isinstance(schema, FastPathSchema)
    assert outcome(schema.load, value) == outcome(lambda given: Schema.load(schema, given), value)


@given(messages)
@example(MESSAGE)
@example({**MESSAGE, "color": "red"})
@example(MESSAGE | {"timestamp": None})
@example(MESSAGE | {"status": "done"})
def test_it_does_so_where_unknown_keys_are_left_out(value):
    schema = OrderMessage()
    assert isinstance(schema, FastPathSchema)
    assert outcome(schema.load, value) == outcome(lambda given: Schema.load(schema, given), value)


def watched(base):
    """A schema whose objects must not go marshmallow's way."""

    class Watched(base):
        def _do_load(self, *args, **kwargs):
            pytest.fail("marshmallow's way was gone")

    return Watched()


def test_what_is_good_is_loaded_without_marshmallows_way():
    assert watched(NewOrder).load(GOOD)["product_name"] == "Widget"
    assert watched(OrderMessage).load({**MESSAGE, "color": "red"})["product_name"] == "Widget"


class Hooked(NewOrder):
    @pre_load
    def _renamed(self, data, **kwargs):
        return {"productName": data["title"], **{name: data[name] for name in data.keys() - {"title"}}}


class FieldHooked(NewOrder):
    quantity = fields.Integer(required=True, pre_load=lambda value: value * 2)


class Optional(NewOrder):
    quantity = fields.Integer(load_default=1)


@pytest.mark.parametrize(
    ("schema", "given"),
    [
        (Hooked(), {"title": "Widget", "quantity": 2, "totalPrice": "99.90"}),
        (Hooked(), {"title": "Other", "productName": "Widget", "totalPrice": "99.90"} | {"quantity": 2}),
        (FieldHooked(), GOOD),
        (Optional(), {"productName": "Widget", "totalPrice": "99.90"}),
        (NewOrder(many=True), GOOD),
        (NewOrder(many=True), [GOOD]),
    ],
    ids=["a hook", "a hook and all keys", "a field's hook", "an optional field", "one for many", "many"],
)
def test_a_schema_with_hooks_or_optional_fields_or_for_many_goes_marshmallows_way(schema, given):
    assert outcome(schema.load, given) == outcome(lambda value: Schema.load(schema, value), given)
