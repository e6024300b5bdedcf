"""The reference's noise floor: how far its own artefacts move under changes that mean nothing, kept beside a snapshot.

`noise.json` in a snapshot's folder is made by `capture` (docs/captures.md) and holds one entry a variant: one benign
change (one thread, other batch sizes, another instruction set, one ulp on the waveform), and what it did to every
artefact. It belongs to the very snapshot it was measured against: its manifest's hash is kept, and an envelope of
another one is refused.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from parity.beside import read_beside
from parity.files.whole import write_text
from parity.pipeline.artefact import LAYOUTS
from parity.snapshot import NOISE

SCHEMA = 1
ALL_EMBEDDINGS = "embeddings_all_rows"
KNOWN = (*(name for layout in LAYOUTS.values() for name in layout.artefacts), ALL_EMBEDDINGS)


@dataclass(frozen=True)
class Noise:
    """How far one artefact moved.

    Attributes
    ----------
    max_abs, rms : as `parity.measure.drift.Drift` has them, in the artefact's unit; None where no distance is defined: the
        artefact took another shape, is not there, or every element is excused
    mismatches : elements that differ where a port's must not: labels, lines, all of them where the shape changed
    excused : elements left out because a frame flipped whose two best classes are tied within noise
    """

    max_abs: float | None
    rms: float | None
    mismatches: int
    excused: int = 0


@dataclass(frozen=True)
class Variant:
    """One capture of the reference with one benign change.

    Attributes
    ----------
    name, what : of the change, and the change in one line
    seconds : wall time of the pipeline
    machine : what ran, as measured in that process: threads, instruction sets, batch sizes
    answer_changed : whether the RTTM, plain or exclusive, is another text than the snapshot's
    artefacts : name -> how far it moved; `embeddings` over rows of speakers active in their chunk, which are the ones
        that count, `embeddings_all_rows` over all
    """

    name: str
    what: str
    seconds: float
    machine: Mapping[str, Any]
    answer_changed: bool
    artefacts: Mapping[str, Noise]


@dataclass(frozen=True)
class NoiseFloor:
    """Every variant measured against one snapshot.

    Attributes
    ----------
    fixture : its name
    snapshot_sha256 : of the snapshot's manifest
    variants : in the order they were first measured
    """

    fixture: str
    snapshot_sha256: str
    variants: tuple[Variant, ...] = ()

    @property
    def envelope(self) -> dict[str, Noise]:
        """Artefact -> the largest of each number over the variants; None where no variant has it."""
        held = [name for name in KNOWN if any(name in variant.artefacts for variant in self.variants)]
        return {name: _largest(v.artefacts[name] for v in self.variants if name in v.artefacts) for name in held}

    def multiple(self, artefact: str, max_abs: float) -> float | None:
        """A drift in units of the largest the reference shows itself; None where it showed none.

        Parameters
        ----------
        artefact : its name
        max_abs : the drift, in the artefact's unit
        """
        floor = self.envelope.get(artefact)
        return max_abs / floor.max_abs if floor and floor.max_abs else None

    def with_variant(self, variant: Variant) -> NoiseFloor:
        """The same with one variant added, or measured anew in its old place."""
        kept = {entry.name: entry for entry in self.variants} | {variant.name: variant}
        return replace(self, variants=tuple(kept.values()))


def _largest(noises: Iterable[Noise]) -> Noise:
    noises = tuple(noises)

    def over(key: str) -> Any:
        return max((getattr(noise, key) for noise in noises if getattr(noise, key) is not None), default=None)

    return Noise(over("max_abs"), over("rms"), over("mismatches"), over("excused"))


def read_noise(folder: Path) -> NoiseFloor | None:
    """The noise floor beside a snapshot; None where it was not measured.

    Parameters
    ----------
    folder : the snapshot's

    Raises
    ------
    InputError : the file cannot be read, has other keys or values than it should, or belongs to another snapshot
    """
    return read_beside(folder, NOISE, _parsed, _cure(folder))


def write_noise(folder: Path, floor: NoiseFloor) -> None:
    """Write `noise.json` beside a snapshot, whole or not at all.

    Raises
    ------
    InputError : the folder cannot be written
    """
    document = {
        "schema": SCHEMA,
        "fixture": floor.fixture,
        "snapshot_sha256": floor.snapshot_sha256,
        "variants": [asdict(variant) for variant in floor.variants],
        "envelope": {name: asdict(noise) for name, noise in floor.envelope.items()},
    }
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    text = re.sub(r"\{[^{}]*\}", lambda row: re.sub(r"\n *", " ", row[0]), text)  # an artefact a line
    write_text(folder / NOISE, text + "\n")


def _cure(folder: Path) -> str:
    return f"remove it, or measure again: nox -s capture -- --noise --fixture {folder.name}"


def _parsed(document: Any) -> NoiseFloor:
    """The document as data; ValueError says what is wrong with it."""
    _table(document, ("schema", "fixture", "snapshot_sha256", "variants", "envelope"), "the file")
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema is {document['schema']!r}, this version reads {SCHEMA}")
    fixture, sha256 = (_of(str, document[key], key) for key in ("fixture", "snapshot_sha256"))
    rows = _of(list, document["variants"], "variants")
    variants = tuple(_variant(row, f"variants[{index}]") for index, row in enumerate(rows))
    if len({variant.name for variant in variants}) < len(variants):
        raise ValueError("a variant is listed twice")
    floor = NoiseFloor(fixture, sha256, variants)
    if _noises(document["envelope"], "envelope") != floor.envelope:
        raise ValueError("envelope is not the largest over its variants; was it edited?")
    return floor


def _variant(row: Any, where: str) -> Variant:
    _table(row, ("name", "what", "seconds", "machine", "answer_changed", "artefacts"), where)
    return Variant(
        name=_of(str, row["name"], f"{where}.name"),
        what=_of(str, row["what"], f"{where}.what"),
        seconds=_number(row["seconds"], f"{where}.seconds"),
        machine=_of(dict, row["machine"], f"{where}.machine"),
        answer_changed=_of(bool, row["answer_changed"], f"{where}.answer_changed"),
        artefacts=_noises(row["artefacts"], f"{where}.artefacts"),
    )


def _noises(table: Any, where: str) -> dict[str, Noise]:
    if unknown := sorted(set(_of(dict, table, where)) - set(KNOWN)):
        raise ValueError(f"{where} has {', '.join(unknown)}, which is no artefact")
    return {name: _noise(row, f"{where}.{name}") for name, row in table.items()}


def _noise(row: Any, where: str) -> Noise:
    _table(row, ("max_abs", "rms", "mismatches", "excused"), where)
    distances = [None if row[key] is None else _number(row[key], f"{where}.{key}") for key in ("max_abs", "rms")]
    if (distances[0] is None) != (distances[1] is None):
        raise ValueError(f"{where} has one of max_abs and rms, expected both or neither")
    return Noise(*distances, *(int(_number(row[key], f"{where}.{key}", int)) for key in ("mismatches", "excused")))


def _table(value: Any, keys: tuple[str, ...], where: str) -> None:
    if set(_of(dict, value, where)) != set(keys):
        raise ValueError(f"{where} has keys {', '.join(sorted(value)) or 'none'}, expected {', '.join(keys)}")


def _of(kind: type, value: Any, where: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{where} is {value!r:.60}, expected {kind.__name__}")
    return value


def _number(value: Any, where: str, kinds: Any = (int, float)) -> float:
    if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value) or value < 0:
        raise ValueError(f"{where} is {value!r:.60}, expected a finite number, at least 0")
    return value
