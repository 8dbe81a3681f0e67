"""docs/scaling.md has the tables that the model prints."""

import json
import re

import pytest

from bench.fleet.__main__ import PAGE, PLOTS, RESULTS
from bench.fleet.page import Model, replaced


@pytest.fixture(scope="module")
def model():
    return Model(json.loads(RESULTS.read_text()))


@pytest.fixture(scope="module")
def tables(model):
    return model.tables()


def test_the_page_has_the_tables_that_the_model_prints(tables):
    page = PAGE.read_text()
    changed = [name for name, text in tables.items() if f"<!-- {name} -->\n{text}\n<!-- end -->" not in page]
    assert changed == [], "run `python -m bench.fleet --write`, and read what the page says of them"


def test_the_page_has_no_further_table_of_the_model(tables):
    assert set(re.findall(r"^<!-- (?!end)(.+) -->$", PAGE.read_text(), re.MULTILINE)) == set(tables)


def test_each_kind_of_scenario_has_its_plot(model):
    kinds = {outcome.scenario.kind for outcome in model.outcomes}
    assert [kind for kind in kinds if not (PLOTS / f"scaling-{kind}.svg").exists()] == []


def test_a_page_without_a_place_for_a_table_is_refused():
    with pytest.raises(LookupError, match="0 places for the table needs"):
        replaced("# Scaling\n", {"needs": "| a |"})


def test_a_table_is_replaced_and_what_is_around_it_is_not():
    page = "before\n<!-- needs -->\nold\n<!-- end -->\nafter\n"
    assert replaced(page, {"needs": "new"}) == "before\n<!-- needs -->\nnew\n<!-- end -->\nafter\n"


def test_what_a_rate_needs_grows_with_it(model):
    for less, more in zip(model.needs, model.needs[1:], strict=False):
        assert (less.webs, less.workers, less.requests, less.database, less.connections) < (
            more.webs,
            more.workers,
            more.requests,
            more.database,
            more.connections,
        )


def test_each_fleet_stores_what_arrives(model):
    assert [need.rate for need in model.needs if abs(need.observed.rate / need.rate - 1) > 0.05] == []
