"""Which folder is whose: one folder per fixture, or the folder of one fixture, told apart by what they hold.

`run --arrays`, `explain --arrays` and `compare` all take either. A folder with arrays or RTTM in it is one recording's;
one with only folders in it has one folder per recording, each named after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from parity.errors import InputError
from parity.maps.place import ALONE, name_of
from parity.ports.dump.reading import dumps_below

T = TypeVar("T")


def is_one_recording(path: Path) -> bool:
    """Whether a folder holds one recording's arrays itself.

    Raises
    ------
    InputError : it holds nothing that a dump may hold, nor folders of them
    """
    return ALONE in dumps_below(path)


def folder_of(path: Path, name: str) -> Path:
    """Where one recording's arrays lie: the folder itself where it is one recording's, else the one of its name in it.

    Raises
    ------
    InputError : the folder holds nothing, or has no folder of that name
    """
    below = dumps_below(path)
    if ALONE in below:
        return below[ALONE]
    if name not in below:
        raise InputError(f"{path / name}: not a folder; {path} has {', '.join(sorted(below))}")
    return below[name]


def pairs(reference: Path, candidate: Path) -> tuple[dict[str, tuple[Path, Path]], list[str]]:
    """Recordings that both sides have, by name, and a sentence about each that only one has.

    Where one side is one recording and the other has one folder per recording, the one of the same name is meant.

    Raises
    ------
    InputError : a side holds nothing, or no recording has a namesake
    """
    theirs, ours = dumps_below(reference), dumps_below(candidate)
    if ALONE in theirs and ALONE in ours:
        return {name_of(ours[ALONE]): (theirs[ALONE], ours[ALONE])}, []
    if ALONE in theirs or ALONE in ours:
        one, many = (reference, candidate) if ALONE in theirs else (candidate, reference)
        alone, below = (theirs[ALONE], ours) if ALONE in theirs else (ours[ALONE], theirs)
        name = name_of(alone)
        if name not in below:
            raise InputError(
                f"{one}: is one recording, {many} has one folder per recording and none of them is {name}; name the "
                "folder of the recording"
            )
        return {name: (alone, below[name]) if ALONE in theirs else (below[name], alone)}, []
    return namesakes(reference, candidate, theirs, ours)


def named_below(path: Path) -> dict[str, Path]:
    """The dumps of a tree by the recordings' names, also the only one.

    Raises
    ------
    InputError : there is nothing
    """
    return {name_of(place) if name == ALONE else name: place for name, place in dumps_below(path).items()}


def namesakes(
    reference: Path, candidate: Path, theirs: Mapping[str, T], ours: Mapping[str, T]
) -> tuple[dict[str, tuple[T, T]], list[str]]:
    """What both sides have, by name, and a sentence about each that only one has.

    Parameters
    ----------
    reference, candidate : where they lie, for messages
    theirs, ours : recordings of the two, by their names

    Raises
    ------
    InputError : no recording has a namesake
    """
    common = {name: (theirs[name], ours[name]) for name in theirs if name in ours}
    if not common:
        raise InputError(
            f"{candidate}: no recording of it has a namesake in {reference}: {', '.join(sorted(ours)[:4])} against "
            f"{', '.join(sorted(theirs)[:4])}"
        )
    missing = [f"{name}: only in {reference}, not compared" for name in theirs if name not in ours]
    return common, missing + [f"{name}: only in {candidate}, not compared" for name in ours if name not in theirs]
