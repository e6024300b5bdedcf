"""What may be a release: versions, a clean tree, a changelog that says something."""

from __future__ import annotations

import subprocess

import pytest

from parity.errors import InputError
from release import tree

CHANGELOG = """# Changelog

## [Unreleased]

### Added

- a thing

## [0.1.0] - 2026-01-01

The first.

## [0.0.1]

### Added
"""


@pytest.fixture
def checkout(tmp_path):
    """A repository of one commit, with a version and a changelog."""
    (tmp_path / "parity").mkdir()
    (tmp_path / "parity" / "__init__.py").write_text('__version__ = "0.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *identity, *words], cwd=tmp_path, check=True)
    return tmp_path


def test_a_clean_tree_whose_changelog_says_something_is_its_commit(checkout):
    assert tree.check(checkout, "0.1.0") == tree.git(checkout, "rev-parse", "HEAD")


def test_what_the_release_itself_wrote_is_no_dirt(checkout):
    (checkout / "reports" / "0.1.0").mkdir(parents=True)
    (checkout / "reports" / "0.1.0" / "release.json").write_text("{}")
    assert tree.check(checkout, "0.1.0")


@pytest.mark.parametrize(
    "version, spoil, said",
    [
        ("one", None, "not a version such as 0.2.0"),
        ("0.1.0", lambda root: (root / "a.py").write_text(""), "the tree is not clean: a.py"),
        ("0.1.0", lambda root: (root / "CHANGELOG.md").write_text(""), "the tree is not clean: CHANGELOG.md"),
        ("0.2.0", None, "says 0.1.0, not 0.2.0; next: python -m release 0.2.0 --prepare"),
        ("0.1.0", lambda root: (root / "parity" / "__init__.py").write_text(""), "no line `__version__"),
    ],
)
def test_what_may_be_no_release_is_refused(checkout, version, spoil, said):
    if spoil:
        spoil(checkout)
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        tree.check(checkout, version)


def test_a_version_of_which_the_changelog_says_nothing_is_refused(checkout):
    (checkout / "parity" / "__init__.py").write_text('__version__ = "0.0.1"\n')
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "two"], cwd=checkout, check=True
    )
    with pytest.raises(InputError, match=r"nothing under `## \[0\.0\.1\]`"):
        tree.check(checkout, "0.0.1")


def test_an_entry_is_its_text_and_headings_alone_are_none():
    assert tree.entry(CHANGELOG, "Unreleased") == "### Added\n\n- a thing"
    assert tree.entry(CHANGELOG, "0.1.0") == "The first."
    assert tree.entry(CHANGELOG, "0.0.1") == tree.entry(CHANGELOG, "9.9.9") == ""


def test_preparing_puts_version_and_day_where_they_stand():
    cited = "version: 0.1.0\n"
    code, changelog, citation = tree.prepared('__version__ = "0.1.0"\n', CHANGELOG, cited, "0.2.0", "2026-11-26")
    assert (code, citation) == ('__version__ = "0.2.0"\n', "version: 0.2.0\n")
    assert tree.entry(changelog, "0.2.0") == "### Added\n\n- a thing" and tree.entry(changelog, "Unreleased") == ""
    assert "## [0.2.0] - 2026-11-26" in changelog
    with pytest.raises(InputError, match="nothing under"):
        tree.prepared(code, changelog, citation, "0.3.0", "2026-11-27")
    with pytest.raises(InputError, match="already"):
        tree.prepared(code, CHANGELOG, citation, "0.1.0", "2026-11-27")
