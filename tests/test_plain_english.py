"""'One folder per recording', never 'a folder a recording': in every command's help, and in every source."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
import typer
from support import ROOT

from parity.__main__ import app

THING = (
    "artefact|block|call|chunk|class|clip|cluster|core|draw|fault|file|fixture|folder|frame|hour|kind|layer|line|machine|"
    "minute|module|peer|product|recording|row|runtime|sample|second|side|size|snapshot|speaker|stage|step|tensor|token|"
    "trial|utterance|window"
)
WORST = re.compile(
    rf"\b(?:(?:one|a) (?:folder|line|row|table|process|file)|one|once"
    rf"|seconds|steps|microseconds|frames|log-probabilities|bits|numbers|chunks|symbols|[kMG]B|\d s)"
    rf" an? (?:{THING})\b(?!')",
    re.IGNORECASE,
)
FINE = re.compile(r"once a (?:fixture|run|stage|draw) (?:is|has|was|ends)|at once a ")
SOURCES = [
    path
    for folder in ("parity", "capture", "bench", "peers")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".j2", ".js")
]


def found(text: str) -> list[str]:
    return [match[0] for match in WORST.finditer(FINE.sub("", " ".join(text.split())))]


def helps(command: click.Command, name: str) -> dict[str, str]:
    texts = [command.help or "", *(getattr(option, "help", "") or "" for option in command.params)]
    said = {name: "\n".join(texts)}
    for below, inner in getattr(command, "commands", {}).items():
        said |= helps(inner, f"{name} {below}")
    return said


HELPS = helps(typer.main.get_command(app), "parity")


@pytest.mark.parametrize(
    "words",
    ["one folder a recording", "a folder a fixture", "a line a layer", "seconds a chunk", "1.3 MB a second of audio"],
)
def test_what_nobody_says_is_found(words):
    assert found(words) == [words.removesuffix(" of audio").removeprefix("1.3 ")]


@pytest.mark.parametrize("words", ["one folder per recording", "a second of audio", "it is a file", "one clip"])
def test_what_people_say_is_not(words):
    assert found(words) == []


def test_there_is_help_to_read():
    assert len(HELPS) > 20 and all(HELPS.values())


@pytest.mark.parametrize("name", HELPS)
def test_help_is_in_plain_english(name):
    assert found(HELPS[name]) == []


@pytest.mark.parametrize("path", [ROOT / "noxfile.py", *SOURCES], ids=lambda path: str(path.relative_to(ROOT)))
def test_sources_are_in_plain_english(path: Path):
    assert found(path.read_text(encoding="utf-8")) == []
