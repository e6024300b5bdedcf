"""The README: short, and nothing in it leads nowhere."""

from __future__ import annotations

import re

import pytest
from support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKED = sorted({link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link})
OLD_WORDS = re.compile(r"(folder|snapshot|object|line|trial|chunk|trunk|pass) a (recording|fixture|core|chunk|clip)\b")


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("link", LINKED)
def test_what_the_readme_links_is_there(link):
    assert (ROOT / link.partition("#")[0]).exists()


@pytest.mark.parametrize("page", ["README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))])
def test_pages_say_one_thing_per_another(page):
    found = OLD_WORDS.search((ROOT / page).read_text(encoding="utf-8"))
    assert found is None, found and found[0]


def test_the_picture_is_small():
    assert (ROOT / "docs" / "page.png").stat().st_size < 300_000
