"""A folder, and the map it is read through: a path like any other to whoever only names it.

`read_dump`, `dumps_below` and `read_snapshot` look for the map, so that a mapped folder goes wherever a dump's or a
snapshot's does. A path made from a mapped one (its parent, a file in it) is a plain path again.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

from parity.errors import InputError
from parity.maps.table import FIXTURE, ArrayMap, Entry

if sys.platform == "win32":
    from pathlib import WindowsPath as _Native
else:
    from pathlib import PosixPath as _Native

ALONE = "."
"""What the one recording of a folder that holds no other is called; see `parity.ports.dump.reading.dumps_below`."""


class MappedPath(_Native):
    """A folder that is read through a map.

    Attributes
    ----------
    through : the map; None of a path that was made from a mapped one
    fixture : what `{fixture}` stands for; empty: a tree, or a map that names none
    chosen : whether it is one recording
    """

    through: ArrayMap | None = None
    fixture: str = ""
    chosen: bool = False


def through(folder: Path, mapping: ArrayMap, *, fixture: str = "", chosen: bool = False) -> MappedPath:
    """The folder, read through a map."""
    path = MappedPath(folder)
    path.through, path.fixture, path.chosen = mapping, fixture, chosen
    return path


def is_mapped(path: object) -> TypeGuard[MappedPath]:
    """Whether a path is read through a map."""
    return isinstance(path, MappedPath) and path.through is not None


def mapping_of(path: MappedPath) -> ArrayMap:
    """The map of a mapped path."""
    assert path.through is not None
    return path.through


def name_of(path: Path) -> str:
    """The recording's name in the lab: its folder's, or what the map says."""
    if not is_mapped(path):
        return path.resolve().name
    own = path.fixture or path.resolve().name
    return mapping_of(path).fixtures.get(own, own)


def recordings(tree: MappedPath) -> dict[str, Path]:
    """The recordings of a folder by their names in the lab; the only one is called `ALONE`.

    Raises
    ------
    InputError : the folder has none of the map's files, or two recordings bear one name
    """
    if tree.chosen:
        return {ALONE: tree}
    mapping = mapping_of(tree)
    if not tree.is_dir():
        raise InputError(f"{tree}: not a folder; a map ({mapping.label}) says what lies in one")
    if mapping.many:
        owned = [through(tree, mapping, fixture=name, chosen=True) for name in sorted(set(_names(tree, mapping)))]
    elif _holds_any(tree, mapping):
        return {ALONE: through(tree, mapping, chosen=True)}
    else:
        below = sorted(path for path in tree.iterdir() if path.is_dir() and not path.name.startswith("."))
        owned = [through(path, mapping, chosen=True) for path in below if _holds_any(path, mapping)]
    if not owned:
        first = ", ".join(entry.file for entry in list(mapping.entries.values())[:3])
        raise InputError(f"{tree}: holds none of the files that map {mapping.label} names: {first}, …")
    if mapping.many and len(owned) == 1:
        return {ALONE: owned[0]}
    named: dict[str, Path] = {}
    for path in owned:
        if (name := name_of(path)) in named:
            raise InputError(f"{mapping.label}: fixtures: two recordings of {tree} are called {name}")
        named[name] = path
    return named


def recording_in(folder: Path, name: str) -> Path:
    """One recording's folder: of a mapped tree the one of that name, else the folder of that name.

    Raises
    ------
    InputError : a mapped tree holds none of that name
    """
    if not is_mapped(folder):
        return folder / name
    found = {name_of(path): path for path in recordings(folder).values()}
    if name not in found:
        raise InputError(f"{folder}: map {mapping_of(folder).label} finds {', '.join(found)} there, and no {name}")
    return found[name]


def file_of(path: MappedPath, entry: Entry) -> Path:
    """Where an entry's file lies.

    Raises
    ------
    InputError : outside the folder
    """
    return inside(path, entry.file)


def named(path: MappedPath, name: str) -> str:
    """What a map calls a file, with the recording's own name in the place of `{fixture}`."""
    return name.replace(FIXTURE, path.fixture or FIXTURE)


def names_a_file(path: MappedPath, artefact: str) -> bool:
    """Whether the map names an artefact, and its file is there; nothing is read.

    Raises
    ------
    InputError : outside the folder
    """
    entry = mapping_of(path).entries.get(artefact)
    return entry is not None and file_of(path, entry).is_file()


def inside(path: MappedPath, name: str) -> Path:
    """A file of a folder, by what a map calls it.

    Raises
    ------
    InputError : it lies outside, by its name or behind a link
    """
    root, name = Path(str(path)), named(path, name)
    file = root / name
    absolute = Path(name).is_absolute() or ".." in Path(name).parts
    if absolute or not file.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{name}: lies outside {root}; a map names files in the folder that it is given")
    return file


def _holds_any(folder: Path, mapping: ArrayMap) -> bool:
    place = through(folder, mapping, chosen=True)
    return any(file_of(place, entry).is_file() for entry in mapping.entries.values())


def _names(tree: MappedPath, mapping: ArrayMap) -> Iterator[str]:
    """What `{fixture}` may stand for, given the files that there are."""
    root = Path(str(tree))
    for pattern in {entry.file for entry in mapping.entries.values() if FIXTURE in entry.file}:
        inside(tree, pattern)
        first, *rest = (re.escape(part) for part in Path(pattern).as_posix().split(FIXTURE))
        fits = re.compile(first + "(?P<name>[^/]+)" + "(?P=name)".join(rest))
        literal = re.sub(r"([*?[])", r"[\1]", pattern)
        for file in root.glob(literal.replace(FIXTURE, "*")):
            match = fits.fullmatch(file.relative_to(root).as_posix())
            if match and file.is_file() and not match["name"].startswith("."):
                yield match["name"]
