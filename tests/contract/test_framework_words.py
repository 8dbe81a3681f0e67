"""The framework serves any business: no word of the order intake is in its dead-letter queue."""

import re

from tests.processes import ROOT

#: Not `order` itself: messages are in an order, and SQL has ORDER BY.
WORDS = re.compile(r"\borders\b|order_?id|persist_order|customer|\battempts\.c\b", re.IGNORECASE)


def test_no_word_of_orders_is_in_the_dlq():
    modules = sorted((ROOT / "celery_sqs" / "dlq").rglob("*.py"))
    assert modules
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in modules
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if WORDS.search(line)
    ]
    assert not found, "\n".join(found)
