"""Order ids: valid, recognisable as our own, and the same for a repeated request."""

from uuid import RFC_4122, UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from orders.fields import parse_order_id
from orders.identity import Identity
from tests.unit.samples import order_ids, user_ids

OURS = Identity("the-secret-of-this-service-0123456789")
THEIRS = Identity("the-secret-of-another-one-0123456789")

keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)


@given(user_ids, st.none() | keys)
def test_an_id_is_a_valid_version_4_uuid(user_id, key):
    order_id = OURS.issue(user_id, key)
    assert (order_id.version, order_id.variant) == (4, RFC_4122)
    assert parse_order_id(str(order_id)) == order_id


@given(user_ids, st.none() | keys)
def test_an_id_is_recognised_for_its_own_user(user_id, key):
    assert OURS.issued(OURS.issue(user_id, key), user_id)


@given(user_ids, user_ids, st.none() | keys)
def test_an_id_is_not_recognised_for_another_user(user_id, other_id, key):
    assert OURS.issued(OURS.issue(user_id, key), other_id) == (user_id == other_id)


@given(user_ids, st.none() | keys)
def test_an_id_is_not_recognised_with_another_secret(user_id, key):
    assert not OURS.issued(THEIRS.issue(user_id, key), user_id)


@given(user_ids, order_ids)
def test_a_made_up_id_is_not_recognised(user_id, order_id):
    assert not OURS.issued(order_id, user_id)


def test_a_random_uuid_is_not_recognised():
    assert not any(OURS.issued(uuid4(), 1) for _ in range(1000))


@given(user_ids, st.none() | keys, st.integers(0, 127))
def test_an_id_with_any_bit_turned_is_not_recognised(user_id, key, bit):
    order_id = OURS.issue(user_id, key)
    assert not OURS.issued(UUID(int=order_id.int ^ 1 << bit), user_id)


@given(user_ids, keys)
def test_an_idempotency_key_names_the_same_order_twice(user_id, key):
    assert OURS.issue(user_id, key) == OURS.issue(user_id, key)


def test_a_key_names_the_order_that_it_named_in_an_earlier_release():
    # A client may repeat a request across a deploy, so what follows from a key is written down here.
    assert str(OURS.issue(1, "a-key")) == "2234af5d-5c03-458a-bd0a-16675eef870c"


@given(user_ids, keys, keys)
def test_another_key_names_another_order(user_id, key, other_key):
    assert (OURS.issue(user_id, key) == OURS.issue(user_id, other_key)) == (key == other_key)


@given(user_ids, user_ids, keys)
def test_another_users_key_names_another_order(user_id, other_id, key):
    assert (OURS.issue(user_id, key) == OURS.issue(other_id, key)) == (user_id == other_id)


def test_a_user_and_a_key_are_never_mixed_up():
    # Concatenated without care, the user 1 with the key "1:k" would be the user 11 with the key ":k".
    assert len({OURS.issue(1, "1:k"), OURS.issue(11, ":k"), OURS.issue(1, "k"), OURS.issue(1, ":k")}) == 4


def test_ids_without_a_key_are_all_different():
    assert len({OURS.issue(1) for _ in range(10_000)}) == 10_000
