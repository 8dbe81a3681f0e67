"""`GoodFirst` loads what marshmallow's own way loads, and refuses what that refuses, with the same words."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError

from app.schemas import NewOrder
from orders.fields import GoodFirst
from tests.unit.samples import json_values, prices

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
    assert isinstance(schema, GoodFirst)
    assert outcome(schema.load, value) == outcome(lambda given: Schema.load(schema, given), value)


def test_what_is_good_is_loaded_without_marshmallows_way():
    class Watched(NewOrder):
        def _do_load(self, *args, **kwargs):
            pytest.fail("marshmallow's way was gone")

    assert Watched().load(GOOD)["product_name"] == "Widget"
