"""The workbench's arithmetic: percentiles from a histogram, and what the bars of a chart measure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from celery_sqs.monitor import BUCKETS, bucket
from celery_sqs.workbench.display.charts import HEIGHT, LOWEST, Bar, bars, ceiling
from celery_sqs.workbench.display.percentiles import Percentile, buckets, percentile

INFINITE = float("inf")


def heights(drawing):
    """The bars' heights, in the drawing's order."""
    return [float(size) for size in re.findall(r'<rect class="bar[^"]*"[^>]* height="([\d.]+)"', drawing)]


@pytest.mark.parametrize(
    ("histogram", "share", "expected"),
    [
        ({0.1: 100}, 0.5, 0.05),
        ({0.1: 50, 0.2: 50}, 0.5, 0.1),
        ({0.1: 50, 0.2: 50}, 0.75, 0.15),
        ({0.1: 0, 0.2: 10, 0.5: 0}, 1.0, 0.2),
        ({0.1: 99, 60: 1}, 0.99, 0.1),
        ({60: 1, 0.1: 99}, 0.5, 0.1 * 50 / 99),
    ],
)
def test_a_percentile_lies_within_its_bucket_as_if_all_were_spread_evenly(histogram, share, expected):
    assert percentile(histogram, share) == Percentile(pytest.approx(expected))


def test_of_nothing_there_is_no_percentile():
    assert percentile({}, 0.5) is None
    assert percentile({0.1: 0, INFINITE: 0}, 0.5) is None


def test_beyond_the_last_bound_it_is_more_than_that_bound():
    assert percentile({3600: 9, INFINITE: 91}, 0.99) == Percentile(3600, is_more=True)


@given(st.lists(st.floats(0.0001, 3600), min_size=1), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_a_percentile_is_in_the_bucket_of_the_value_that_it_stands_for(values, share):
    counts: dict[str, int] = {}
    for value in values:
        counts[bucket(value)] = counts.get(bucket(value), 0) + 1
    found = percentile(buckets(counts), share)
    ordered = sorted(values)
    exact = next(value for rank, value in enumerate(ordered, 1) if rank >= share * len(values))
    bounds = (0.0, *BUCKETS)
    upper = next(bound for bound in bounds if exact <= bound)
    lower = bounds[bounds.index(upper) - 1]
    assert lower - 1e-9 <= found.seconds <= upper + 1e-9


def test_the_buckets_are_those_counters_that_say_how_long_it_took():
    assert buckets({"sent": 7, "took_le_inf": 1, "took_le_0.25": 2, "took_le_10": 3}) == {0.25: 2, 10: 3, INFINITE: 1}


@pytest.mark.parametrize(
    ("highest", "expected"),
    [(0, 1), (1, 1), (7, 8), (10, 10), (11, 20), (99, 100), (100, 100), (101, 200), (1234, 2000), (0.3, 0.3)],
)
def test_a_chart_ends_at_a_round_number(highest, expected):
    assert ceiling([highest]) == pytest.approx(expected)


@given(st.lists(st.integers(0, 10**9)))
def test_no_value_is_above_a_charts_end(values):
    assert ceiling(values) * (1 + 1e-9) >= max(values, default=0)


def test_a_bars_height_is_its_share_of_the_charts():
    assert heights(bars([Bar("a", 5), Bar("b", 10)], "title", "ok", 10)) == [HEIGHT / 2, HEIGHT]


def test_what_is_nothing_has_no_bar_and_what_is_little_is_seen():
    assert heights(bars([Bar("a", 0), Bar("b", 1)], "title", "ok", 1_000_000)) == [LOWEST]


def test_a_bar_stays_within_the_chart():
    assert heights(bars([Bar("a", 99)], "title", "ok", 10)) == [HEIGHT]


def test_a_chart_says_what_it_is_and_what_each_bar_is():
    drawing = bars([Bar("12:00 UTC: 5", 5)], "Accepted per minute", "ok", 10)
    assert 'role="img" aria-label="Accepted per minute"' in drawing
    assert "<title>12:00 UTC: 5</title>" in drawing


def test_text_in_a_chart_is_escaped():
    drawing = bars([Bar("<script>", 5)], '"><script>', "ok", 10)
    assert "<script>" not in drawing


def test_a_chart_has_no_style_of_its_own():
    assert "style=" not in bars([Bar("a", 5, is_partial=True)], "title", "danger", 10)
