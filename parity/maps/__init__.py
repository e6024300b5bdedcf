"""How do I read goldens that somebody else laid out, under their own names, as the lab's artefacts?

A *map* is a TOML table that says once, artefact by artefact, where in a folder an array lies and in what form: `table`
reads it, `place` finds the recordings of a folder through it, `arrays`, `lists` and `turns` read the files, `reading`
makes of them what a dump or a snapshot holds. Maps of public layouts are in `known/`. The form: docs/reference/maps.md.
"""

from __future__ import annotations

from parity.maps.place import (
    MappedPath,
    is_mapped,
    mapping_of,
    name_of,
    names_a_file,
    recording_in,
    recordings,
    through,
)
from parity.maps.reading import Found, read_mapped
from parity.maps.table import ArrayMap, Entry, known_maps, parse_map, read_map

__all__ = [
    "ArrayMap",
    "Entry",
    "Found",
    "MappedPath",
    "is_mapped",
    "known_maps",
    "mapping_of",
    "name_of",
    "names_a_file",
    "parse_map",
    "read_map",
    "read_mapped",
    "recording_in",
    "recordings",
    "through",
]
