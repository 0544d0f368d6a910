"""Whoever begins at README.md finds every page, and no link leads nowhere."""

import re
from pathlib import Path

import pytest

from cloudmta.testing import ROOT

PAGES = sorted((ROOT / "docs").glob("*.md"))


def links(page: Path) -> list[str]:
    """Return the relative links of a page, without what follows a #."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    return [link.partition("#")[0] for link in found if not re.match(r"[a-z]+:|#", link)]


def test_readme_leads_to_every_page():
    assert {f"docs/{page.name}" for page in PAGES} - set(links(ROOT / "README.md")) == set()


@pytest.mark.parametrize("page", [ROOT / "README.md", *PAGES], ids=lambda page: page.name)
def test_its_links_lead_somewhere(page):
    assert [link for link in links(page) if not (page.parent / link).exists()] == []
