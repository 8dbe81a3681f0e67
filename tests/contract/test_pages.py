"""The pages for contributors: the glossary has each term once, in order, and every file that a page names is there."""

import re

import pytest

from tests.processes import ROOT

PAGES = ("CONTRIBUTING.md", "celery_sqs/README.md", "docs/glossary.md", "docs/internals.md")


def test_the_glossary_has_each_term_once_in_alphabetic_order():
    _, table = (ROOT / "docs" / "glossary.md").read_text().split("|---|---|\n")
    terms = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()]
    assert terms == sorted(set(terms), key=str.casefold)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_or_heading(page):
    path = ROOT / page
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text()):
        file, _, heading = target.partition("#")
        linked = path.parent / file if file else path
        assert linked.is_file(), f"{page} links {target}"
        assert not heading or heading in anchors(linked), f"{page} links {target}"


@pytest.mark.parametrize("page", PAGES)
def test_every_module_that_a_page_names_is_there(page):
    named = set(re.findall(r"`((?:app|celery_sqs|config|orders|tasks|tests)/[\w/]+\.py)`", (ROOT / page).read_text()))
    assert sorted(path for path in named if not (ROOT / path).is_file()) == []


def anchors(path):
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
