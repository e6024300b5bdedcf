"""The README is short; what it links and what pages name is there; pages speak plainly."""

from __future__ import annotations

import re

import pytest
from support import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
LINKED = sorted({link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link})
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
FILES = re.compile(r"`((?:parity|capture|bench|peers|tests|docs)/[\w./-]+)`")
OLD_WORDS = re.compile(r"(folder|snapshot|object|line|trial|chunk|trunk|pass) a (recording|fixture|core|chunk|clip)\b")


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("link", LINKED)
def test_what_the_readme_links_is_there(link):
    assert (ROOT / link.partition("#")[0]).exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_say_one_thing_per_another(page):
    found = OLD_WORDS.search(page.read_text(encoding="utf-8"))
    assert found is None, found and found[0]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_names_are_there(page):
    named = set(FILES.findall(page.read_text(encoding="utf-8")))
    assert [name for name in sorted(named) if "NAME" not in name and not (ROOT / name).exists()] == []


def test_the_picture_is_small():
    assert (ROOT / "docs" / "page.png").stat().st_size < 300_000
