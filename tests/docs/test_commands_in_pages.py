"""Tutorial and how-to pages: each command of a `console` block runs, ends as said, and prints what is shown."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support import ROOT

PAGES = [ROOT / "docs" / "tutorial.md", *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
BLOCK = re.compile(r'^```(?P<language>\w+)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.M | re.S)
PROGRAMS = {"parity": [sys.executable, "-m", "parity"], "python": [sys.executable], "ls": ["ls"]}


@dataclass
class Command:
    """One line after `$`: its words, the exit status that is said (`# exits 1`), and the lines shown beneath."""

    words: list[str]
    status: int = 0
    shown: list[str] = field(default_factory=list)


def blocks(text: str) -> Iterator[tuple[str, str, str]]:
    """Language, title and text of each fenced block."""
    for found in BLOCK.finditer(text):
        yield found["language"], found["title"] or "", found["text"]


def commands(text: str) -> list[Command]:
    """The commands of a console block."""
    found: list[Command] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            said, _, comment = line[2:].partition("    # ")
            found.append(Command(shlex.split(said), int(comment.removeprefix("exits ") or 0)))
        else:
            found[-1].shown.append(line)
    return found


def runnable(page: Path) -> bool:
    return any(language == "console" for language, _, _ in blocks(page.read_text(encoding="utf-8")))


def squeezed(text: str) -> list[str]:
    """Lines that hold anything, without what only aligns them."""
    return [line for line in (" ".join(line.split()) for line in text.splitlines()) if line]


def in_order(shown: list[str], printed: list[str]) -> bool:
    """Whether each line that is shown stands in one that was printed, in that order."""
    rest = iter(printed)
    return all(any(line in other for other in rest) for line in shown)


@pytest.mark.models
@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=lambda page: page.stem)
def test_every_command_of_a_page_does_what_is_shown(page, tmp_path):
    for language, title, text in blocks(page.read_text(encoding="utf-8")):
        if language == "python" and title:
            (tmp_path / title).write_text(text, encoding="utf-8")
        for command in commands(text) if language == "console" else ():
            run(command, tmp_path)


def run(command: Command, folder: Path) -> None:
    program, *arguments = command.words
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    done = subprocess.run(
        [*PROGRAMS[program], *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    said = shlex.join(command.words)
    printed = done.stdout + done.stderr
    assert done.returncode == command.status, f"{said}: ended with {done.returncode}\n{printed}"
    assert in_order(squeezed("\n".join(command.shown)), squeezed(printed)), f"{said}: printed\n{printed}"


def test_the_tutorial_and_most_questions_have_commands():
    assert len([page for page in PAGES if runnable(page)]) >= 5


def test_what_is_shown_has_to_be_printed_in_that_order():
    printed = squeezed("one   two\n\nthree\n")
    assert in_order(["two", "three"], printed)
    assert not in_order(["three", "two"], printed)
    assert not in_order(["four"], printed)
