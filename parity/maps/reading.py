"""A recording read through a map: what a dump or a snapshot holds, from files under somebody else's names.

Only what the map names is opened, and of an archive only the keys that it names. Everything that is wrong is collected,
one line each, which begins with the map, the artefact and the file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files.whole import sha256_file
from parity.maps.arrays import known_suffix, read_array
from parity.maps.place import MappedPath, file_of, inside, mapping_of, name_of, named
from parity.maps.table import Entry
from parity.maps.turns import read_turns
from parity.pipeline.artefact import ARTEFACTS

MOST_NAMED = 6


@dataclass
class Found:
    """What a map found in a folder.

    Attributes
    ----------
    values : artefact -> array, or RTTM text, in the lab's form
    beside : `NAME_chunks` -> (n,) int64, of artefacts kept of some chunks only
    places : artefact -> file and key, for messages
    manifest : `pyannote_audio_version` and `clip_sha256`, where the map tells
    notes, problems : one line each
    """

    values: dict[str, Any] = field(default_factory=dict)
    beside: dict[str, np.ndarray] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read_mapped(place: MappedPath, only: Iterable[str] | None = None) -> Found:
    """What a map finds of one recording.

    Parameters
    ----------
    place : one recording, of `recordings`
    only : these artefacts, where not all that the map names are wanted
    """
    mapping, found = mapping_of(place), Found()
    wanted = None if only is None else set(only)
    for name, entry in mapping.entries.items():
        if wanted is not None and name not in wanted:
            continue
        try:
            _add(place, entry, found)
        except InputError as error:
            found.problems.append(f"{mapping.label}: {name}: {_shown(place, entry)}: {one_line(error)}")
    _add_manifest(place, found)
    if wanted is None and (unnamed := _unnamed(place)):
        more = f" and {len(unnamed) - MOST_NAMED} more" if len(unnamed) > MOST_NAMED else ""
        listed = ", ".join(unnamed[:MOST_NAMED])
        found.notes.append(f"{place}: not in map {mapping.label}, so not read: {listed}{more}")
    if not found.values and not found.problems:
        found.problems.append(f"{mapping.label}: {place}: none of its files is there")
    return found


def _add(place: MappedPath, entry: Entry, found: Found) -> None:
    path, name = file_of(place, entry), entry.artefact
    if not path.is_file():
        if entry.optional:
            found.notes.append(f"{path}: not there, and optional: {name}")
            return
        raise InputError("is not there; `optional = true` where it may be missing")
    value: Any
    try:
        if ARTEFACTS[name].dtype == "text":
            value, notes = read_turns(path, entry, name_of(place))
        else:
            value, notes = read_array(path, entry)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})") from None
    where = f"{path}: {entry.key}" if entry.key else str(path)
    found.values[name], found.places[name] = value, where
    found.notes += [f"{where}: {note}" for note in notes]
    if entry.chunks is not None:
        found.beside[f"{name}_chunks"] = np.array(entry.chunks, dtype=np.int64)


def _add_manifest(place: MappedPath, found: Found) -> None:
    mapping = mapping_of(place)
    if mapping.reference is not None:
        found.manifest["pyannote_audio_version"] = mapping.reference
    if mapping.clip is None:
        return
    try:
        clip = inside(place, mapping.clip)
        if clip.is_file():
            found.manifest["clip_sha256"] = sha256_file(clip)
    except InputError as error:
        found.problems.append(f"{mapping.label}: clip: {error}")


def _shown(place: MappedPath, entry: Entry) -> str:
    file = place / named(place, entry.file)
    return f"{file}: {entry.key}" if entry.key else str(file)


def _unnamed(place: MappedPath) -> list[str]:
    """Files beside the recording's own that may hold arrays and that no entry names."""
    mapping = mapping_of(place)
    if mapping.many or not place.is_dir():
        return []
    listed = {entry.file for entry in mapping.entries.values()}
    listed |= {str(Path(entry.file).with_suffix(".json")) for entry in mapping.entries.values() if entry.form == "raw"}
    files = sorted(path.name for path in Path(str(place)).iterdir() if path.is_file() and known_suffix(path))
    return [name for name in files if name not in listed and not name.startswith(".")]
