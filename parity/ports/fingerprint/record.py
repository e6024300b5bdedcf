"""A dump's fingerprint: of every array shape, dtype, hash, extremes, means and some elements; of turns hash and counts.

Conventions: hashes are SHA-256, of an array's elements in C order, little-endian, in the artefact's own dtype where
that holds them without loss, so that int32 and int64 of the same labels have one hash; of turns, of every speaker's
turns in milliseconds, without names and without order. Extremes and means are of the finite elements, in float64. The
sample is drawn without replacement by NumPy's PCG64 from the seed and the artefact's name, at most a quarter of the
elements, and its indices are of the flattened array.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isnan
from typing import Any

import numpy as np

from parity import __version__
from parity.errors import InputError, first_of
from parity.files.whole import sha256_bytes
from parity.measure.score import count
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.checks import check_dump
from parity.ports.dump.reading import Dump
from parity.ports.dump.rttm import may_be_scored, plain, spoken

KIND, SCHEMA = "parity fingerprint", 1
MOST = 256
"""Elements of a sample, unless asked otherwise."""

SHARE = 4
"""A sample is at most one element in so many."""

_LIST = re.compile(r"\[\s+([^][{}]*?)\s+\]")
"""A list of numbers over many lines, which is put on one."""

PROVENANCE = ("pyannote_audio_version", "clip_sha256")


@dataclass(frozen=True)
class Summary:
    """What is known of an array.

    Attributes
    ----------
    dtype, shape : as it was written
    sha256 : of its elements in the artefact's own dtype
    minimum, maximum, mean, rms : of the finite elements; None where there is none
    nan, infinite : how many are not finite
    index, sample : (n,) int64, ascending, in the flattened array; (n,) float64, the elements there
    chunks : of an artefact that is kept of some chunks, which
    """

    dtype: str
    shape: tuple[int, ...]
    sha256: str
    minimum: float | None
    maximum: float | None
    mean: float | None
    rms: float | None
    nan: int
    infinite: int
    index: np.ndarray = field(repr=False)
    sample: np.ndarray = field(repr=False)
    chunks: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """Elements of the array."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True)
class Spoken:
    """What is known of turns.

    Attributes
    ----------
    sha256 : of every speaker's turns, whatever they are called and in whatever order they stand
    turns, speakers : how many
    seconds : of speech, each speaker's added up
    """

    sha256: str
    turns: int
    speakers: int
    seconds: float


@dataclass(frozen=True)
class Fingerprint:
    """What is known of a recording's dump.

    Attributes
    ----------
    name, place : the recording, and where it was read from, for messages
    values : artefact -> what is known of it, in the pipeline's order
    manifest : of `PROVENANCE`, what the dump's manifest says
    """

    name: str
    place: str
    values: Mapping[str, Summary | Spoken]
    manifest: Mapping[str, Any] = field(default_factory=dict)


def fingerprint_of(
    dump: Dump, name: str, *, seed: int = 0, most: int = MOST, at: Fingerprint | None = None
) -> Fingerprint:
    """The fingerprint of one recording's dump.

    Parameters
    ----------
    name : of the recording
    seed, most : of the samples, and how many elements at most
    at : a fingerprint whose elements, and whose chunks, are looked at instead of drawing them anew

    Raises
    ------
    InputError : `parity validate` finds something wrong with the dump
    """
    problems, _ = check_dump(dump)
    if wrong := [problem for problem in problems if not may_be_scored(problem)]:
        raise InputError(first_of(wrong))
    values: dict[str, Summary | Spoken] = {}
    for artefact in [artefact for artefact in ARTEFACTS if artefact in dump.values]:
        value, other = dump.values[artefact], None if at is None else at.values.get(artefact)
        if isinstance(value, str):
            values[artefact] = _spoken(value)
            continue
        chunks = dump.chunks(artefact) if ARTEFACTS[artefact].by_chunk else None
        asked = other if isinstance(other, Summary) else None
        if asked is not None and asked.chunks is not None and chunks is not None and set(asked.chunks) <= set(chunks):
            value, chunks = value[np.searchsorted(chunks, asked.chunks)], np.array(asked.chunks, dtype=np.int64)
        same = asked is not None and asked.shape == value.shape
        index = asked.index if asked is not None and same else drawn(artefact, value.size, seed, most)
        values[artefact] = _summary(artefact, value, index, chunks)
    manifest = {key: dump.manifest[key] for key in PROVENANCE if isinstance(dump.manifest.get(key), str)}
    return Fingerprint(name, str(dump.folder), values, manifest)


def drawn(artefact: str, size: int, seed: int, most: int) -> np.ndarray:
    """Which elements are looked at: (n,) int64, ascending."""
    generator = np.random.Generator(np.random.PCG64([seed, zlib.crc32(artefact.encode())]))
    return np.sort(generator.choice(size, min(most, size // SHARE), replace=False)).astype(np.int64)


def _summary(artefact: str, value: np.ndarray, index: np.ndarray, chunks: np.ndarray | None) -> Summary:
    finite = value[np.isfinite(value)].astype(np.float64)
    held = finite.size > 0
    return Summary(
        dtype=value.dtype.name,
        shape=value.shape,
        sha256=_hash(artefact, value),
        minimum=float(finite.min()) if held else None,
        maximum=float(finite.max()) if held else None,
        mean=float(finite.mean()) if held else None,
        rms=float(np.sqrt(np.mean(finite**2))) if held else None,
        nan=int(np.isnan(value).sum()),
        infinite=int(np.isinf(value).sum()),
        index=index,
        sample=value.reshape(-1)[index].astype(np.float64),
        chunks=None if chunks is None else tuple(int(chunk) for chunk in chunks),
    )


def _hash(artefact: str, value: np.ndarray) -> str:
    own = np.dtype(ARTEFACTS[artefact].dtype)
    with np.errstate(all="ignore"):
        made = value.astype(own)
    if not np.array_equal(made, value, equal_nan=value.dtype.kind == own.kind == "f"):
        made = value
    made = np.where(np.isnan(made), np.nan, made).astype(made.dtype) if made.dtype.kind == "f" else made  # one NaN
    return sha256_bytes(np.ascontiguousarray(made, dtype=made.dtype.newbyteorder("<")).tobytes())


def spoken_hash(text: str) -> str:
    """The hash of RTTM text's turns, whatever the speakers are called and in whatever order the lines stand."""
    return _spoken(text).sha256


def _spoken(text: str) -> Spoken:
    by_speaker: dict[str, list[tuple[int, int]]] = {}
    for turn in spoken(plain(text)):
        by_speaker.setdefault(turn.speaker, []).append((round(turn.start * 1000), round(turn.duration * 1000)))
    lists = sorted(sorted(turns) for turns in by_speaker.values())
    speakers, turns = count(plain(text))
    milliseconds = sum(duration for turns_of in lists for _, duration in turns_of)
    return Spoken(sha256_bytes(json.dumps(lists).encode()), turns, speakers, milliseconds / 1000)


def fingerprint_text(found: list[Fingerprint], seed: int) -> str:
    """Fingerprints of recordings as the text of one JSON."""
    document = {
        "kind": KIND,
        "schema": SCHEMA,
        "version": __version__,
        "seed": seed,
        "recordings": {
            one.name: {
                **one.manifest,
                "artefacts": {name: _data(value) for name, value in one.values.items()},
            }
            for one in found
        },
    }
    text = json.dumps(document, indent=1, ensure_ascii=False)
    return _LIST.sub(lambda found: "[" + " ".join(found[1].split()) + "]", text) + "\n"


def _data(value: Summary | Spoken) -> dict[str, Any]:
    if isinstance(value, Spoken):
        return dict(vars(value))
    said = {key: entry for key, entry in vars(value).items() if key not in ("index", "sample", "chunks")}
    chunks = {} if value.chunks is None else {"chunks": list(value.chunks)}
    sample = [_number(number) for number in value.sample.tolist()]
    return {**said, "shape": list(value.shape), **chunks, "index": value.index.tolist(), "sample": sample}


def _number(number: float) -> float | str | None:
    return None if isnan(number) else number if abs(number) != np.inf else str(number)
