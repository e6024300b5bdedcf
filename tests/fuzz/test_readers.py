"""Every reader is in the table, takes what is good, and holds against a few of the inputs that `nox -s fuzz` gives."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support.imports import modules
from support.schemas import valid

from fuzz.__main__ import lines, passed, report
from fuzz.materials import write
from fuzz.mutators import BAD_JSON, FORMATS, spoil
from fuzz.processes import Counts, _pieces
from fuzz.readers import NOT_FUZZED, READERS
from fuzz.worker import CORRUPT, REFUSED, TAKEN, Found, made, run, schedule

NAME = re.compile(r"(read|parse|load)_\w+")
INCOMPLETE = ("embedding", "report")
"""Whose good inputs are containers only, in which something is missing in the end."""


def public_readers() -> set[str]:
    found = set()
    for name, path in modules("parity").items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and NAME.fullmatch(node.name):
                found.add(f"{name.removesuffix('.__init__')}.{node.name}")
    return found


def test_every_function_that_reads_has_an_entry_or_a_reason():
    covered = {name for reader in READERS.values() for name in reader.covers}
    assert public_readers() - covered - set(NOT_FUZZED) == set()
    assert not covered & set(NOT_FUZZED)


def test_what_the_table_names_is_there():
    there = {
        f"{name.removesuffix('.__init__')}.{node.name}"
        for name, path in modules("parity").items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    named = {name for reader in READERS.values() for name in reader.covers} | set(NOT_FUZZED)
    assert {name.replace("Catalogue.read", "Catalogue") for name in named} - there == set()


@pytest.mark.parametrize("name", [name for name in READERS if name not in INCOMPLETE])
def test_what_is_good_is_taken(tmp_path, name):
    for number, files in enumerate(READERS[name].good()):
        if READERS[name].mend:
            READERS[name].mend(files)
        folder = tmp_path / str(number)
        folder.mkdir()
        write(folder, files)
        READERS[name].read(folder)


@pytest.mark.parametrize("name", READERS)
def test_a_few_bad_inputs_are_refused_in_a_line_or_may_be_taken(name):
    bad = [found for found in run(name, 20, range(12)) if found.outcome not in (REFUSED, TAKEN)]
    assert bad == []


def test_an_input_is_made_of_the_seed_and_its_number_alone():
    good = READERS["json"].good()
    assert made("json", 3, 7, good) == made("json", 3, 7, READERS["json"].good())
    assert len({str(made("json", 3, number, good)) for number in range(20)}) > 15


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_spoilt_into_corrupt_files_too(suffix):
    import random

    if suffix in ("yaml", "toml", "csv"):
        return  # what is wrong with a value there, only its reader can say
    files = [f for reader in READERS.values() for f in reader.good() if any(n.endswith(f".{suffix}") for n in f)][:2]
    name = next(name for name in files[0] if name.endswith(f".{suffix}"))
    spoilt = [spoil(random.Random(number), name, files[0][name]) for number in range(60)]
    assert any(one.corrupt for one in spoilt) and len({one.data for one in spoilt}) > 10


def test_a_reader_that_takes_everything_is_caught(monkeypatch):
    from dataclasses import replace

    monkeypatch.setattr("fuzz.worker.READERS", {"json": replace(READERS["json"], read=lambda folder: None)})
    outcomes = {found.outcome for found in run("json", 1, range(30))}
    assert outcomes == {TAKEN, CORRUPT}


def test_a_reader_that_raises_waits_or_ends_the_process_is_caught(monkeypatch):
    from dataclasses import replace

    def wait(folder: Path) -> None:
        while (folder / "x.json").exists():
            pass

    for read, outcome in ((lambda folder: 1 / 0, "traceback"), (lambda folder: exit(3), "traceback"), (wait, "hang")):
        monkeypatch.setattr("fuzz.worker.SECONDS", 0.05)
        monkeypatch.setattr("fuzz.worker._read_good", lambda *arguments: None)
        monkeypatch.setattr("fuzz.worker.READERS", {"json": replace(READERS["json"], read=read)})
        assert {found.outcome for found in run("json", 1, range(2))} == {outcome}


def test_inputs_are_shared_out_by_share_and_none_is_lost():
    tasks = schedule(10_000, list(READERS))
    assert sum(len(numbers) for _, numbers in tasks) == 10_000 and len(tasks) == len(READERS)
    pieces = _pieces(tasks, 3)
    again = [(reader, number) for piece in pieces for reader, numbers in piece for number in numbers]
    assert sorted(again) == sorted((reader, number) for reader, numbers in tasks for number in numbers)


def test_the_report_counts_what_went_wrong_and_says_how_to_see_it_again():
    counts = Counts({("json", REFUSED): 9, ("json", "traceback"): 1})
    document = report([Found("json", 4, "traceback", "KeyError: 'a'", "parity/x.py:3")], counts, 1, 2.0, 100)
    assert document["summary"]["inputs"] == 10 and document["summary"]["tracebacks"] == 1 and not passed(document)
    said = list(lines(valid(document, "fuzz_schema.json")))
    assert said[0].startswith("BROKEN. 10 inputs to 1 readers: 1 tracebacks, 0 hangs, 0 accepted corrupt")
    assert said[2] == "  nox -s fuzz -- --seed 1 --reader 'json' --only 4"


# what a round found, in a few bytes


@pytest.mark.parametrize("text", [text for text in BAD_JSON if len(text) < 600])
def test_a_value_that_is_none_makes_a_report_no_report(tmp_path, text):
    from parity.errors import InputError
    from parity.files.documents import read_document

    (tmp_path / "x.json").write_text(f'{{"a": {text}}}', encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_document(tmp_path / "x.json")
