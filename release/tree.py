"""May there be a release? The tree is clean, the version is the one in the code, and the changelog says something."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from parity.errors import InputError
from parity.history.changelog import SECTION, entry

VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
IN_CODE = re.compile(r'^__version__ = "([^"]+)"$', re.M)


def git(root: Path, *words: str) -> str:
    """What git says, without the last line break.

    Raises
    ------
    InputError : git refuses, in its own words
    """
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"git {words[0]}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout.rstrip("\n")


def dirty(status: str, version: str) -> list[str]:
    """Names that `git status --porcelain` lists, but for what this release writes.

    Parameters
    ----------
    status : one line per name, two letters before it
    """
    names = [line[3:] for line in status.splitlines() if line.strip()]
    return [name for name in names if not name.startswith(f"reports/{version}/")]


def code_version(root: Path) -> str:
    """The version, in the one place where it stands.

    Raises
    ------
    InputError : the place does not say one
    """
    found = IN_CODE.search((root / "parity" / "__init__.py").read_text(encoding="utf-8"))
    if not found:
        raise InputError("parity/__init__.py: no line `__version__ = …`")
    return found[1]


def check(root: Path, version: str) -> str:
    """Refuse what may be no release; the commit that it is made of.

    Raises
    ------
    InputError : the version is no version or not the code's, the tree is dirty, or the changelog says nothing of it
    """
    if not VERSION.fullmatch(version):
        raise InputError(f"{version}: not a version such as 0.2.0")
    if (coded := code_version(root)) != version:
        raise InputError(
            f"parity/__init__.py says {coded}, not {version}; next: python -m release {version} --prepare, and commit"
        )
    changed = dirty(git(root, "status", "--porcelain", "--untracked-files=all"), version)
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        raise InputError(f"the tree is not clean: {', '.join(changed[:3])}{more}; commit or put aside")
    if not entry((root / "CHANGELOG.md").read_text(encoding="utf-8"), version):
        raise InputError(f"CHANGELOG.md: nothing under `## [{version}]`; say what a user notices")
    return git(root, "rev-parse", "HEAD")


def prepared(code: str, changelog: str, citation: str, version: str, day: str) -> tuple[str, str, str]:
    """The three texts with the version in them: what is unreleased becomes the version's, with its day.

    Parameters
    ----------
    code, changelog, citation : `parity/__init__.py`, `CHANGELOG.md`, `CITATION.cff`
    day : as 2026-11-26

    Raises
    ------
    InputError : nothing is unreleased, or the version has a section already
    """
    if SECTION.search(changelog) and any(found[1] == version for found in SECTION.finditer(changelog)):
        raise InputError(f"CHANGELOG.md: has a section [{version}] already")
    if not entry(changelog, "Unreleased"):
        raise InputError("CHANGELOG.md: nothing under `## [Unreleased]`; say what a user notices")
    dated = changelog.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - {day}\n", 1)
    cited = re.sub(r"^version: .*$", f"version: {version}", citation, count=1, flags=re.M)
    cited = re.sub(r"^date-released: .*$", f"date-released: {day}", cited, count=1, flags=re.M)
    return IN_CODE.sub(f'__version__ = "{version}"', code, count=1), dated, cited
