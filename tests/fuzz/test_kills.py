"""Every command that writes is killed by `nox -s kills`, and what it looks at afterwards is what it should."""

from __future__ import annotations

import inspect
import random
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import typer.main
from support.schemas import valid

from fuzz import kills
from fuzz.kills import clean_run, passed, report, shares
from fuzz.wreckage import names_of, wrong
from fuzz.writers import COMMANDS, READ, READ_BY, SWITCHES, Command
from parity.__main__ import app

SAYS = re.compile(r"\b(write|draw|goes)\b|^replace", re.IGNORECASE)


def parameters():
    """(command, parameter, what it is called on the command line) of what names a path or has something written."""
    found = []

    def walk(command, words):
        for name, inner in getattr(command, "commands", {}).items():
            walk(inner, (*words, name))
        if command.callback is None or hasattr(command, "commands"):
            return
        signature = inspect.signature(inspect.unwrap(command.callback), eval_str=True)
        for parameter in command.params:
            kind = (
                str(signature.parameters[parameter.name].annotation) if parameter.name in signature.parameters else ""
            )
            is_path = "Path" in kind.split("typer.")[0]
            if is_path or parameter.name in SWITCHES or SAYS.search(parameter.help or ""):
                opts = parameter.opts if parameter.param_type_name == "option" else ()
                found.append((" ".join(words), parameter.name, tuple(opts), is_path))

    walk(typer.main.get_command(app), ())
    return found


def reads_only(command: str, name: str, is_path: bool) -> bool:
    return (is_path and name in READ) or (command, name) in READ_BY or name in ("resume", "overwrite", "draws")


def entries_of(command: str) -> list[Command]:
    words = command.split()
    return [found for found in COMMANDS.values() if list(found.words[: len(words)]) == words]


def without_an_entry(found) -> list[str]:
    missing = []
    for command, name, opts, is_path in found:
        if reads_only(command, name, is_path):
            continue
        entries = entries_of(command)
        if not (any(set(opts) & set(entry.words) for entry in entries) if opts else entries):
            missing.append(f"{command}: {name}")
    return missing


def test_every_option_that_has_something_written_is_killed():
    found = parameters()
    assert len({command for command, *_ in found}) > 20
    assert without_an_entry(found) == []


def test_a_new_option_or_command_that_writes_would_fail():
    new = [("margins", "plot", ("--plot",), False), ("render", "out", (), True), ("map", "notes", ("--notes",), True)]
    assert without_an_entry(new) == ["margins: plot", "render: out", "map: notes"]


def test_what_is_said_to_be_read_only_is_there():
    names = {name for _, name, *_ in parameters()}
    assert READ - names == set() and {(command, name) for command, name, *_ in parameters()} >= READ_BY


def test_kills_are_shared_out_by_what_a_command_takes():
    found = shares(200, {name: command.share for name, command in COMMANDS.items()})
    assert sum(found.values()) == 200 and min(found.values()) >= 1 and list(found) == list(COMMANDS)
    assert shares(5, {"a": 1, "b": 1}) == {"a": 2, "b": 3}


def test_what_a_kill_may_leave_is_told_from_what_it_may_not(tmp_path):
    command = Command(("x",), ("c.json", "c.md", "c.svg", "v.npz", "kit"), ("c.json", "c.md"))
    for name in command.before:
        (tmp_path / name).write_text('{"before": true}\n')
    whole = {*command.writes, "kit/a", "kit/b"}
    np.savez(tmp_path / "v.npz", embeddings=np.zeros(3), speaker=["A", "B", "C"])
    assert wrong(command, tmp_path, whole) == []
    (tmp_path / "c.json").write_text('{"half": ')
    (tmp_path / "c.md").unlink()
    (tmp_path / "c.svg").write_text("<svg><g>")
    (tmp_path / "v.npz").write_bytes((tmp_path / "v.npz").read_bytes()[:-40])
    (tmp_path / "kit").mkdir()
    (tmp_path / "kit" / "a").write_text("a")
    (tmp_path / ".c.csv.abcdefgh.part").write_text("")
    found = wrong(command, tmp_path, whole, over=True)
    assert {kind for kind, _ in found} == {"half_written", "lost_names", "left_overs"}
    said = " ".join(said for _, said in found)
    assert all(words in said for words in ("c.md is gone", "c.svg: ", "c.json: ", "v.npz: ", "kit lacks 1 of 3 names"))
    row = {**kills._killed("map", 0, random.Random(1)), "runs": 2, "killed": 1, "half_written": 1}
    document = valid(report([row], 1, 1.0), "kills_schema.json")
    assert not passed(document) and document["summary"]["killed"] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_a_command_killed_before_a_step_leaves_what_was_there():
    """Three of them, of one command: what the session does for every one."""
    command = COMMANDS["map"]
    seconds, steps, whole = clean_run(command)
    assert seconds > 0 and steps > 3 and whole == {"m.toml"}
    row = {"said": [], **dict.fromkeys(kills.BAD, 0)}
    killed = [
        kills._one(row, command, kills.Moment(step=step), whole)
        for step in random.Random(1).sample(range(1, steps + 1), 4)
    ]
    assert killed == [True] * 4 and row == {"said": [], **dict.fromkeys(kills.BAD, 0)}


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_a_command_that_writes_in_place_is_caught(monkeypatch):
    def in_place(application):
        path = Path(sys.argv[2])
        path.unlink()
        with path.open("w") as file:
            file.write("{}\n")

    monkeypatch.setattr(kills, "run_and_exit", in_place)
    command = Command(("x", "{}/c.json"), ("c.json",), ("c.json",), warm=())
    monkeypatch.setitem(kills.COMMANDS, "x", command)
    _, steps, whole = clean_run(command)
    assert steps == 2 and names_of(command, Path("/nowhere")) == set()
    row = {"said": [], **dict.fromkeys(kills.BAD, 0)}
    assert kills._one(row, command, kills.Moment(step=2), whole) and row["lost_names"]
