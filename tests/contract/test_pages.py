"""The pages of the repository name only files, headings and tests that exist."""

import re

import pytest

from tests.processes import ROOT

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/*.md", "celery_sqs/*.md")
    for path in ROOT.glob(pattern)
)
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page):
    text = CODE.sub("", (ROOT / page).read_text())
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    broken = [link for link in links if not exists(page, link)]
    assert not broken, f"{page} links to what is not there: {broken}"


def test_every_file_that_a_decision_names_exists():
    named = re.findall(
        r"`((?:app|celery_sqs|config|orders|tasks|terraform|tests)/[\w./-]*)`", (ROOT / "DECISIONS.md").read_text()
    )
    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


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
