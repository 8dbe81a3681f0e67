"""What has become of an accepted order: missing only where no message of it can be left."""

from datetime import UTC, datetime, timedelta

import pytest

from orders.missing.facts import Facts
from orders.missing.fate import Fate, ScanFacts

NOW = datetime(2026, 1, 24, 12, 0, tzinfo=UTC)
KEPT_FOR = timedelta(hours=25)
LONG_AGO = NOW - timedelta(hours=60)
IN_BETWEEN = NOW - timedelta(hours=40)
LATELY = NOW - timedelta(hours=20)


def fate(as_of=NOW, renewed_at=None, accepted_at=LONG_AGO, **facts):
    scan_facts = ScanFacts(as_of=as_of, kept_for=KEPT_FOR, renewed_at=renewed_at)
    return scan_facts.fate(Facts(**{"accepted_at": accepted_at, "seen_at": accepted_at} | facts))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, Fate.MISSING),
        ({"is_stored": True, "is_dead": True}, Fate.STORED),
        ({"is_dead": True}, Fate.DEAD),
        ({"died_at": LONG_AGO}, Fate.DEAD),
        ({"died_at": LONG_AGO, "left_at": IN_BETWEEN}, Fate.MISSING),
        ({"died_at": LONG_AGO, "left_at": LATELY}, Fate.WAITING),
        ({"left_at": IN_BETWEEN, "died_at": LATELY}, Fate.DEAD),
        ({"died_at": LONG_AGO, "discarded_at": IN_BETWEEN}, Fate.DISCARDED),
        ({"discarded_at": LONG_AGO, "seen_at": IN_BETWEEN}, Fate.MISSING),
        ({"discarded_at": LONG_AGO, "seen_at": LATELY}, Fate.WAITING),
        ({"accepted_at": LATELY}, Fate.WAITING),
        ({"seen_at": LATELY}, Fate.WAITING),
        ({"accepted_at": NOW - KEPT_FOR}, Fate.WAITING),
        ({"accepted_at": NOW - KEPT_FOR - timedelta(seconds=1)}, Fate.MISSING),
        ({"as_of": None}, Fate.WAITING),
        ({"as_of": IN_BETWEEN}, Fate.WAITING),
        ({"renewed_at": LATELY}, Fate.WAITING),
        ({"renewed_at": IN_BETWEEN}, Fate.MISSING),
        ({"renewed_at": LATELY, "gone_at": IN_BETWEEN}, Fate.MISSING),
        ({"renewed_at": LATELY, "seen_at": IN_BETWEEN, "gone_at": LONG_AGO}, Fate.WAITING),
    ],
    ids=[
        "nothing since it was accepted",
        "stored after a redrive",
        "in the DLQ",
        "dead by its attempts",
        "redriven longer ago than the queue keeps it",
        "redriven",
        "dead again after a redrive",
        "discarded",
        "sent after its discard, and lost",
        "sent after its discard",
        "young",
        "received lately",
        "as old as the queue keeps it",
        "older by a second",
        "the DLQ was never scanned",
        "the last scan is old",
        "old messages were renewed lately, and it may be one of them",
        "the last renewal is too long ago",
        "the queue was empty before that renewal",
        "the queue was empty, and then it was seen",
    ],
)
def test_the_fate_follows_from_the_facts(facts, expected):
    assert fate(**facts) is expected
