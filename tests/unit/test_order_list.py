"""GET /api/v1/orders: one's own persisted orders, newest first, page by page."""

import base64
from datetime import timedelta
from itertools import chain
from urllib.parse import parse_qs, urlsplit

import pytest

from orders.outcome import Position
from tests.unit.samples import ACCEPTED_AT, an_arrival, an_order

URL = "/api/v1/orders"


@pytest.fixture
def get(api, token):
    """A function that asks as user 7."""

    def ask(url=URL, **query):
        return api.get(url, query_string=query or None, headers=token(7))

    return ask


@pytest.fixture
def stored(store):
    """A function that stores orders accepted so many seconds after the first; returns their ids."""

    def persist(*seconds, user_id=7):
        orders = [an_order(user_id=user_id, timestamp=ACCEPTED_AT + timedelta(seconds=after)) for after in seconds]
        store.persist([an_arrival(order) for order in orders])
        return [str(order.order_id) for order in orders]

    return persist


def ids(answer):
    assert answer.status_code == 200, answer.text
    return [order["orderId"] for order in answer.json["orders"]]


def walk(get, limit):
    """The ids on each page, following `next` as a client would."""
    answer = get(limit=limit)
    pages = [ids(answer)]
    while answer.json["next"] is not None:
        answer = get(answer.json["next"])
        pages.append(ids(answer))
        assert len(pages) < 100, "paging does not end"
    return pages


def cursor_of(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


@pytest.mark.parametrize("name", ["Limit", "page", "user_id", "cursor[]", ""])
def test_a_parameter_that_there_is_not_is_refused_by_its_name(get, name):
    answer = get(**{name: "1", "limit": "2"})
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": name or "_schema", "detail": "Unknown field."}]


def test_a_parameter_that_is_given_twice_is_refused_by_its_name(get):
    answer = get(f"{URL}?limit=1&limit=2")
    assert answer.status_code == 422
    assert answer.json["errors"] == [{"field": "limit", "detail": "Must be given once."}]


def test_who_has_no_orders_gets_an_empty_page(get):
    assert get().json == {"orders": [], "next": None}


def test_orders_are_listed_newest_first(get, stored):
    oldest, newest, middle = stored(1, 3, 2)
    assert ids(get()) == [newest, middle, oldest]


def test_a_listed_order_is_told_like_a_single_one(api, get, stored, token):
    [order_id] = stored(1)
    assert get().json["orders"] == [api.get(f"{URL}/{order_id}", headers=token(7)).json]


def test_somebody_elses_orders_are_never_shown(get, stored):
    mine = stored(1, 3, 5)
    stored(2, 4, 6, user_id=8)
    assert sorted(ids(get())) == sorted(mine)
    assert sorted(chain.from_iterable(walk(get, 1))) == sorted(mine)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
@pytest.mark.parametrize(
    "seconds",
    [
        pytest.param([1, 2, 3, 4, 5, 6, 7], id="all different"),
        pytest.param([5, 5, 5, 5, 5, 5, 5], id="all at once"),
        pytest.param([1, 2, 2, 2, 3, 3, 4], id="some at once"),
        pytest.param([0, 0.001, 0.002, 0.0021, 0.0022, 0.999, 1], id="microseconds apart"),
    ],
)
def test_following_next_shows_every_order_exactly_once(get, stored, seconds, limit):
    expected = sorted(zip(seconds, stored(*seconds), strict=True), reverse=True)
    pages = walk(get, limit)
    assert list(chain.from_iterable(pages)) == [order_id for _, order_id in expected]
    assert all(len(page) == limit for page in pages[:-1])
    assert 0 < len(pages[-1]) <= limit


def test_orders_that_arrive_meanwhile_move_no_later_page(get, stored):
    oldest, middle, newest = stored(1, 2, 3)
    first = get(limit=2)
    stored(4, 5)
    assert ids(first) == [newest, middle]
    assert ids(get(first.json["next"])) == [oldest]


def test_next_keeps_the_limit(get, stored):
    stored(1, 2, 3)
    assert parse_qs(urlsplit(get(limit=1).json["next"]).query)["limit"] == ["1"]


def test_a_page_has_50_orders_unless_told_otherwise(get, stored):
    stored(*range(60))
    assert len(ids(get())) == 50
    assert len(ids(get(limit=60))) == 60


@pytest.mark.parametrize("limit", ["0", "-1", "201", "ten", "", "1.5", "9" * 5000, "1_0", "+1", " 1", "\u0661"])
def test_a_limit_out_of_range_is_named(get, limit):
    answer = get(limit=limit)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["limit"]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "☕",
        "%00",
        "AAAA",
        cursor_of(""),
        cursor_of("2026-01-24T12:00:00+00:00"),
        cursor_of("2026-01-24T12:00:00+00:00 "),
        cursor_of("2026-01-24T12:00:00+00:00 1"),
        cursor_of("2026-01-24T12:00:00 1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
        cursor_of("yesterday 1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
        cursor_of("0001-01-01T00:00:00+14:00 1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
        cursor_of("9999-12-31T23:59:59-14:00 1b4e28ba-2fa1-4d2b-883f-0016d3cca427"),
    ],
)
def test_a_cursor_that_is_none_of_ours_is_named(get, stored, cursor):
    stored(1)
    answer = get(cursor=cursor)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json["errors"]] == ["cursor"]


def test_the_store_starts_just_behind_a_position(store, stored):
    stored(1, 2, 3)
    newest, middle, oldest = store.newest(7, 10)
    position = Position(accepted_at=middle.order.timestamp, order_id=middle.order.order_id)
    assert store.newest(7, 10, position) == [oldest]
    assert store.newest(7, 1) == [newest]
