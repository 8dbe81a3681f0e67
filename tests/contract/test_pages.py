"""The pages of the repository name only files, headings and tests that exist."""

import re

import pytest

from tests.processes import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "celery_sqs/*.md")
    for path in ROOT.glob(pattern)
)
HISTORY = {"CHANGELOG.md"}  # it names files that have gone
NAMED = re.compile(r"`((?:app|celery_sqs|config|orders|tasks|terraform|tests)/[\w./-]*)`")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    text = CODE.sub("", (ROOT / page).read_text())
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    broken = [link for link in links if not exists(page, link)]
    assert not broken, f"{page} links to what is not there: {broken}"


@pytest.mark.parametrize("page", sorted(set(PAGES) - HISTORY))
def test_every_file_of_the_code_that_a_page_names_exists(page):
    assert [path for path in NAMED.findall((ROOT / page).read_text()) if not (ROOT / path).exists()] == []


def test_there_are_files_to_look_for():
    assert len(NAMED.findall((ROOT / "DECISIONS.md").read_text())) > len(PAGES)


def test_the_glossary_has_each_term_once_in_alphabetic_order():
    _, table = (ROOT / "docs" / "glossary.md").read_text().split("|---|---|\n")
    terms = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()]
    assert terms == sorted(set(terms), key=str.casefold)


@pytest.mark.parametrize("link", ["no-such-file.md", "README.md#no-such-heading", "#no-such-heading"])
def test_a_broken_link_is_recognised(link):
    assert not exists("README.md", link)


def exists(page, link):
    """Whether a link of a page leads to a file and, with a fragment, to a heading of it."""
    name, _, fragment = link.partition("#")
    target = (ROOT / page).parent / name if name else ROOT / page
    return target.exists() and (not fragment or fragment in anchors(target))


def anchors(file):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", file.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
