"""The README's store of attempts works as it stands."""

import re
import sys
from datetime import UTC, datetime
from types import ModuleType

import pytest
from celery import Celery

from celery_sqs.tasks.attempt import Attempt
from celery_sqs.tasks.decision import Kind
from tests.processes import ROOT

README = ROOT / "celery_sqs" / "README.md"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Shop(Celery):
    """An app whose tasks are its own: Celery would give them to each app of the tests that come later."""

    def task(self, *args, **options):
        return super().task(*args, shared=False, **options)


@pytest.fixture
def store(tmp_path, monkeypatch):
    shop = ModuleType("shop")
    shop.app = Shop("shop", set_as_current=False)
    monkeypatch.setitem(sys.modules, "shop", shop)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "billing"}
    exec(_example(), names)  # noqa: S102  # it is ours
    return names["bill"].attempt_store


def _example():
    below = README.read_text().partition("# Attempts on record\n")[2]
    return re.search(r"^```python\n(.*?)^```$", below, re.MULTILINE | re.DOTALL)[1]


def attempt(receive_count, kind):
    return Attempt(
        task="bill",
        task_id="t",
        message_id="m1",
        kind=kind,
        args=("Ada",),
        error=ValueError("no account"),
        traceback="",
        receive_count=receive_count,
        worker="w@h",
        final=False,
        failed_at=NOW,
        next_visible_at=NOW,
    )


def test_it_knows_nothing_of_a_new_message(store):
    assert store.returned({"m1": 3})["m1"].attempts == 0


def test_an_attempt_that_has_begun_is_lost_when_its_message_comes_back(store):
    store.record(attempt(1, Kind.OWN))
    store.record(attempt(3, Kind.BEGUN))
    known = store.returned({"m1": 3, "m2": 3})["m1"]
    assert (known.receives, known.last_at, known.lost) == ({1, 3}, NOW, 3)
    assert store.returned({"m1": 3})["m1"].lost is None


def test_an_outcome_takes_the_place_of_what_has_begun_and_stands(store):
    store.record(attempt(1, Kind.BEGUN))
    store.record(attempt(1, Kind.OWN))
    store.record(attempt(1, Kind.BEGUN))
    store.withdraw("m1", 1)
    known = store.returned({"m1": 3})["m1"]
    assert (known.receives, known.lost) == ({1}, None)


def test_what_has_begun_and_is_withdrawn_is_forgotten(store):
    store.record(attempt(1, Kind.BEGUN))
    store.withdraw("m1", 1)
    assert store.returned({"m1": 3})["m1"].attempts == 0
