"""The framework serves any business: no word of the order intake is in it, neither in its code nor on its pages."""

import re

from tests.processes import ROOT

#: Not `order` itself: messages are in an order, and SQL has ORDER BY.
WORDS = re.compile(r"\borders\b|order_?id|order[- ]intake|persist_order|customer|\battempts\.c\b", re.IGNORECASE)

#: What users get: their page, README.md, has examples of any business.
KINDS = {".py", ".html", ".js", ".css", ".svg"}


def test_no_word_of_orders_is_in_the_framework():
    paths = sorted(path for path in (ROOT / "celery_sqs").rglob("*") if path.suffix in KINDS)
    assert {path.suffix for path in paths} == KINDS
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if WORDS.search(line)
    ]
    assert not found, "\n".join(found)
