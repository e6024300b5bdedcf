"""What lies in a folder of goldens: every array and every list of turns, with where it lies, in whatever form.

Conventions: a folder with folders only is several recordings', one each; files that differ in a beginning only
(`one_embeddings.npy`, `two_embeddings.npy`) are several recordings' too, told apart by `{fixture}`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files.arrays import read_file
from parity.maps.arrays import known_suffix, read_array
from parity.maps.lists import as_array, read_json
from parity.maps.table import FIXTURE, SUFFIXES, Entry
from parity.maps.turns import read_turns
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.rttm import check_rttm, may_be_scored
from parity.ports.proposal.names import CALLED

SMALLEST = 2
"""Elements below which an array is a setting."""

DEPTH = 3
"""Of keys in a JSON document."""

FEWEST = 3
"""Files that begin alike before that is a recording's name."""

NAMES = {*ARTEFACTS, *(name for names in CALLED.values() for name in names)}
"""What files are called after, rather than recordings."""


@dataclass(frozen=True)
class Stored:
    """One array, or list of turns, as it lies there.

    Attributes
    ----------
    file, key, form : as a map's entry has them
    value : the array, or RTTM text
    windowed : whether a sliding window lies beside it
    """

    file: str
    key: str | None
    form: str
    value: Any
    windowed: bool = False

    @property
    def place(self) -> str:
        """In words."""
        return f"{self.file}: {self.key}" if self.key else self.file

    @property
    def names(self) -> list[str]:
        """What it may be called after: its key, its file, both."""
        stem = Path(self.file).stem.replace(FIXTURE, "").strip("_.-")
        last = self.key.rpartition(".")[2] if self.key else stem
        return [name.lower() for name in (last, stem, f"{stem}_{last}")]


@dataclass
class Inventory:
    """What a folder holds of the recording that was looked at.

    Attributes
    ----------
    folder, fixture : of that recording: its folder, and what `{fixture}` stands for, or empty
    name : what it is called
    others : the other recordings
    stored : arrays and turns
    unread : files that could not be read, and why, in a line each
    """

    folder: Path
    fixture: str = ""
    name: str = ""
    others: list[str] = field(default_factory=list)
    stored: list[Stored] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def take_inventory(folder: Path, prefer: tuple[str, ...] = ()) -> Inventory:
    """What a folder holds.

    Parameters
    ----------
    prefer : names of recordings that are looked at rather than others

    Raises
    ------
    InputError : there is no such folder, or nothing in it that may hold arrays or turns
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; expected one with somebody's goldens in it")
    entries = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    files = [path for path in entries if path.is_file() and known_suffix(path)]
    folders = [path for path in entries if path.is_dir()]
    if not files and folders:
        chosen = next((path for path in folders if path.name in prefer), folders[0])
        return _listed(Inventory(chosen, "", chosen.name, [path.name for path in folders if path != chosen]), chosen)
    if not files:
        raise InputError(f"{folder}: holds no file that arrays or turns lie in ({', '.join(SUFFIXES)})")
    names = _prefixes([path.name for path in files])
    if not names:
        return _listed(Inventory(folder, "", folder.resolve().name), folder)
    chosen_name = next((name for name in names if name in prefer), names[0])
    others = [name for name in names if name != chosen_name]
    return _listed(Inventory(folder, chosen_name, chosen_name, others), folder)


def _prefixes(files: list[str]) -> list[str]:
    """The names of recordings that files begin with; none where they do not tell."""
    rests: dict[str, set[str]] = defaultdict(set)
    for file in files:
        for cut in re.finditer(r"[_.-]", Path(file).stem):
            rests[file[: cut.start()]].add(file[cut.start() :])
    shared = [name for name in rests if len(rests[name]) >= 2]
    found = [a for a in shared if any(a != b and len(rests[a] & rests[b]) >= 2 for b in shared)]
    if not found:
        found = [name for name in shared if len(rests[name]) == len(files) >= FEWEST and name.lower() not in NAMES]
        return found[-1:]
    return sorted(name for name in found if not any(name != other and name.startswith(other) for other in found))


def _listed(inventory: Inventory, folder: Path) -> Inventory:
    described = {path.with_suffix(".json").name for path in folder.iterdir() if SUFFIXES.get(path.suffix) == "raw"}
    for path in sorted(folder.iterdir()):
        own = not inventory.fixture or re.match(rf"{re.escape(inventory.fixture)}[_.-]", path.name)
        if not path.is_file() or not known_suffix(path) or not own or path.name.startswith("."):
            continue
        if path.name in described:
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            inventory.unread.append(f"{path.name}: a link that leads out of the folder")
            continue
        file = FIXTURE + path.name.removeprefix(inventory.fixture) if inventory.fixture else path.name
        try:
            inventory.stored += list(_in_file(path, file, inventory))
        except InputError as error:
            inventory.unread.append(f"{path.name}: {one_line(error).removeprefix(f'{path}: ')}")
    return inventory


def _in_file(path: Path, file: str, inventory: Inventory) -> Iterator[Stored]:
    form = SUFFIXES[path.suffix]
    if form in ("npy", "npz", "safetensors"):
        contents = read_file(path, f".{form}")
        inventory.unread += [problem.removeprefix(f"{path.parent}/") for problem in contents.problems]
        windowed = "sliding_window_start" in contents.arrays
        for key, value in contents.arrays.items():
            if value.size >= SMALLEST:
                yield Stored(file, key, form, value, windowed and key == "data")
    elif form == "raw":
        yield Stored(file, None, form, read_array(path, Entry("qinit", file, form))[0])
    elif form == "json":
        yield from _in_json(path, file)
    else:  # rttm, csv
        yield Stored(file, None, form, _turns(path, Entry("diarization", file, form)))


def _turns(path: Path, entry: Entry) -> str:
    """The turns of a file, which can be scored."""
    text, _ = read_turns(path, entry, "clip")
    if wrong := [problem for problem in check_rttm(path.name, text) if not may_be_scored(problem)]:
        raise InputError(wrong[0].removeprefix(f"{path.name}: "))
    return text


def _in_json(path: Path, file: str) -> Iterator[Stored]:
    document = read_json(path)
    for key, value in _lists(document, ()):
        name = ".".join(key) or None
        if value and isinstance(value[0], dict):
            try:
                yield Stored(file, name, "json", _turns(path, Entry("diarization", file, "json", name)))
            except InputError:  # a list of objects that are no turns
                continue
        else:
            try:
                array = as_array(value)
            except InputError:  # a list of text, or of several lengths
                continue
            if array.size >= SMALLEST:
                yield Stored(file, name, "json", array)


def _lists(document: Any, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    if isinstance(document, list):
        yield way, document
    elif isinstance(document, dict) and len(way) < DEPTH:
        for key, value in document.items():
            yield from _lists(value, (*way, str(key)))


def is_text(stored: Stored) -> bool:
    """Whether it is turns."""
    return not isinstance(stored.value, np.ndarray)
