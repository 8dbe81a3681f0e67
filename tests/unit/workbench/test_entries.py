"""A time line as people read it: what happened, how long after, and what is new in it."""

from datetime import timedelta

import pytest

from celery_sqs.dlq import SYSTEM
from celery_sqs.workbench import Entry
from celery_sqs.workbench.display.entries import shown_entries
from celery_sqs.workbench.display.values import ago, plain, short
from tests.unit.workbench.fakes import NOW, REPAIR_ID


@pytest.fixture(autouse=True)
def _request(app):
    with app.test_request_context():
        yield


def entry(seconds, what, **detail):
    return Entry(at=NOW + timedelta(seconds=seconds), what=what, detail=detail)


def test_each_says_how_long_after_the_one_before():
    shown = shown_entries([entry(0, "accepted"), entry(0.25, "sent"), entry(0.25, "received"), entry(90, "started")])
    assert [each.later for each in shown] == ["", "+250 ms", "", "+1 min"]


def test_what_the_one_before_said_is_not_said_again():
    at_worker = {"worker": "w@h", "receive_count": 1}
    shown = shown_entries([entry(0, "received", **at_worker), entry(1, "started", **at_worker)])
    assert [each.facts for each in shown] == [[("worker", "w@h", None), ("receive", "1", None)], []]


def test_an_error_is_quoted_and_a_repair_has_a_link():
    told = {"error": "InvalidOrder: no", "repair_id": REPAIR_ID, "next_visible_at": "2026-01-24T12:00:00+00:00"}
    [shown] = shown_entries([entry(0, "failed", **told)])
    assert shown.quote == "InvalidOrder: no"
    assert shown.facts == [
        ("repair", REPAIR_ID, f"/monitor/repairs/{REPAIR_ID}"),
        ("next try from", "2026-01-24 12:00:00", None),
    ]


def test_what_nobody_has_words_for_is_shown_as_it_is():
    [shown] = shown_entries([entry(0, "novelty", some_thing=[1], at_at="soon", nothing=None)])
    assert (shown.title, shown.facts) == ("Novelty", [("some thing", "[1]", None), ("at at", "soon", None)])


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.35, "350 ms"), (1, "1 s"), (1.25, "1.2 s"), (59, "59 s"), (61, "1 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_times_are_short(seconds, text):
    assert short(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "now"), (0.9, "now"), (5.9, "5 s ago"), (3600, "1 h ago"), (-90, "in 2 min")]
)
def test_instants_are_told_by_how_long_ago_they_were(seconds, text):
    assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_json_has_instants_in_iso_8601():
    assert plain({"at": [NOW.replace(microsecond=123000, second=5)]})["at"][0].endswith(":05.123Z")


def test_what_became_of_a_worker_is_said_in_words():
    [lost, begun, rescued] = shown_entries(
        [entry(0, "failed", kind="lost"), entry(1, "begun", kind="begun"), entry(2, "rescued", operator=SYSTEM)]
    )
    assert lost.facts == [("kind", "lost: its worker was killed, or it took too long", None)]
    assert (begun.title, begun.facts) == (
        "Attempt begun, alone: it is on record before it runs",
        [("kind", "running, or its worker was killed", None)],
    )
    assert (rescued.title, rescued.facts) == (
        "Sent again by itself: it was dead with attempts left",
        [("operator", "the rescuer", None)],
    )
