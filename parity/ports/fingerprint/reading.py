"""A fingerprint read strictly: every key of the right kind, and nothing in it that contradicts another thing in it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.names import did_you_mean
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.fingerprint.record import KIND, PROVENANCE, SCHEMA, SHARE, Fingerprint, Spoken, Summary

MOST_BYTES = 1 << 26
CLOSE = 1e-9
"""Relative slack between a mean and the extremes it lies between: sums are rounded."""

OF_ARRAYS = ("dtype", "shape", "sha256", "minimum", "maximum", "mean", "rms", "nan", "infinite", "index", "sample")
OF_TURNS = ("sha256", "turns", "speakers", "seconds")


def is_fingerprint(path: Path) -> bool:
    """Whether a path is a fingerprint's: a JSON file."""
    return path.suffix == ".json" and path.is_file()


def read_fingerprints(path: Path) -> dict[str, Fingerprint]:
    """The fingerprints in a file, by the recordings' names.

    Raises
    ------
    InputError : it is none, is of another schema, or contradicts itself; names file, recording, artefact and value
    """
    document = _document(path)
    recordings = document.get("recordings")
    if document.get("kind") != KIND or not isinstance(recordings, dict) or not recordings:
        raise InputError(f"{path}: not a fingerprint; expected what parity fingerprint writes")
    if document.get("schema") != SCHEMA:
        raise InputError(f"{path}: a fingerprint of schema {document.get('schema')!r}; this lab reads schema {SCHEMA}")
    return {name: _recording(f"{path}: {name}", name, held) for name, held in recordings.items()}


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = read_json(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({one_line(error, 120)})") from None
    if not isinstance(document, dict):
        raise InputError(f"{path}: not a fingerprint; expected what parity fingerprint writes")
    return document


def _recording(place: str, name: str, held: Any) -> Fingerprint:
    artefacts = held.get("artefacts") if isinstance(held, dict) else None
    if not isinstance(artefacts, dict) or not artefacts:
        raise InputError(f"{place}: holds no `artefacts`")
    if unknown := [one for one in artefacts if one not in ARTEFACTS]:
        close = did_you_mean(unknown, list(ARTEFACTS))
        raise InputError(f"{place}: no artefact is called {', '.join(unknown)}; {close}names are in dumps.md")
    values = {one: _value(f"{place}: {one}", one, artefacts[one]) for one in ARTEFACTS if one in artefacts}
    manifest = {key: held[key] for key in PROVENANCE if isinstance(held.get(key), str)}
    return Fingerprint(name, place, values, manifest)


def _value(place: str, artefact: str, said: Any) -> Summary | Spoken:
    wanted = OF_TURNS if ARTEFACTS[artefact].dtype == "text" else OF_ARRAYS
    if not isinstance(said, dict) or (missing := [key for key in wanted if key not in said]):
        raise InputError(f"{place}: lacks {', '.join(missing) if isinstance(said, dict) else 'everything'}")
    if unknown := [key for key in said if key not in (*wanted, "chunks")]:
        raise InputError(f"{place}: unknown key {', '.join(unknown)}; there are {', '.join(wanted)}")
    if not isinstance(said["sha256"], str) or not re.fullmatch("[0-9a-f]{64}", said["sha256"]):
        raise InputError(f"{place}: sha256 = {one_line(said['sha256'], 70)!r}; 64 hexadecimal digits")
    return _spoken(place, said) if wanted is OF_TURNS else _summary(place, artefact, said)


def _spoken(place: str, said: Mapping[str, Any]) -> Spoken:
    turns, speakers, seconds = _whole(place, said, "turns"), _whole(place, said, "speakers"), said["seconds"]
    if type(seconds) not in (int, float) or not (math.isfinite(seconds) and seconds >= 0) or speakers > turns:
        raise InputError(f"{place}: {turns} turns of {speakers} speakers in {one_line(seconds, 40)} s; that cannot be")
    return Spoken(said["sha256"], turns, speakers, float(seconds))


def _summary(place: str, artefact: str, said: Mapping[str, Any]) -> Summary:
    shape = _integers(place, said, "shape")
    size = math.prod(shape)
    index, sample = np.array(_integers(place, said, "index"), dtype=np.int64), _sample(place, said)
    if len(index) != len(sample) or len(index) > size // SHARE:
        raise InputError(f"{place}: {len(index)} indices and {len(sample)} elements of {size}; at most one in {SHARE}")
    if len(index) and (np.any(np.diff(index) <= 0) or index[-1] >= size):
        raise InputError(f"{place}: index is not ascending below {size}")
    low, high, mean, rms = (_number(place, said, key) for key in ("minimum", "maximum", "mean", "rms"))
    chunks = tuple(_integers(place, said, "chunks")) if "chunks" in said else None
    if (chunks is not None) != ARTEFACTS[artefact].by_chunk or (chunks is not None and len(chunks) != shape[0]):
        raise InputError(f"{place}: chunks = {one_line(chunks, 40)} for shape {shape}; which chunks its rows are")
    nan, infinite = _whole(place, said, "nan"), _whole(place, said, "infinite")
    whole = (str(said["dtype"]), tuple(shape), said["sha256"])
    made = Summary(*whole, low, high, mean, rms, nan, infinite, index, sample, chunks)
    _consistent(place, made)
    return made


def _consistent(place: str, made: Summary) -> None:
    """Refuse extremes that leave out the mean or an element that is shown, and counts beyond the size."""
    low, high, mean, rms = made.minimum, made.maximum, made.mean, made.rms
    known = made.nan + made.infinite
    empty = known == made.size
    if known > made.size or any((number is None) != empty for number in (low, high, mean, rms)):
        raise InputError(f"{place}: {made.nan} NaN, {made.infinite} infinite of {made.size}: contradicts its means")
    if low is None or high is None or mean is None or rms is None:
        return
    slack = CLOSE * max(abs(low), abs(high), 1e-300)
    finite = made.sample[np.isfinite(made.sample)]
    shown = not finite.size or (finite.min() >= low and finite.max() <= high)
    between = low - slack <= mean <= high + slack and abs(mean) - slack <= rms <= max(abs(low), abs(high)) + slack
    if not (between and shown):
        said = f"minimum {low:g}, maximum {high:g}, mean {mean:g}, rms {rms:g}"
        raise InputError(f"{place}: {said} and the sample contradict each other")


def _sample(place: str, said: Mapping[str, Any]) -> np.ndarray:
    known = {None: np.nan, "inf": np.inf, "-inf": -np.inf}
    held = said["sample"]
    numbers = isinstance(held, list) and all(_is_number(one) or one in (None, "inf", "-inf") for one in held)
    if not numbers:
        raise InputError(f"{place}: sample = {one_line(held, 60)!r}; numbers, null for NaN, inf and -inf as text")
    return np.array([one if _is_number(one) else known[one] for one in held], dtype=np.float64)


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def _integers(place: str, said: Mapping[str, Any], key: str) -> list[int]:
    value = said[key]
    if not isinstance(value, list) or any(type(one) is not int or not 0 <= one < 1 << 62 for one in value):
        raise InputError(f"{place}: {key} = {one_line(value, 60)!r}; a list of whole numbers from 0")
    return value


def _whole(place: str, said: Mapping[str, Any], key: str) -> int:
    value = said[key]
    if type(value) is not int or value < 0:
        raise InputError(f"{place}: {key} = {one_line(value, 60)!r}; a whole number from 0")
    return value


def _number(place: str, said: Mapping[str, Any], key: str) -> float | None:
    value = said[key]
    if value is not None and not _is_number(value):
        raise InputError(f"{place}: {key} = {one_line(value, 60)!r}; a finite number, or null where there is none")
    return None if value is None else float(value)
