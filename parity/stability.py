"""How much a fixture's answer stands, as data, and as `stability.json` beside the snapshot it was measured against.

The numbers are made by `parity.perturb`. The file is no part of the snapshot but belongs to that very one: its
manifest's hash is kept, and a file of another one is refused.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from parity.beside import read_beside
from parity.files.whole import write_text
from parity.pipeline.artefact import ARTEFACTS
from parity.snapshot import STABILITY

SCHEMA = 1


@dataclass(frozen=True)
class Perturbed:
    """What noise on one artefact did to the answer.

    Attributes
    ----------
    draws : at each size
    sizes : of the noise, largest absolute value, rising
    changed : share of draws whose answer was another, at each size; None where that size was not run
    why : why sizes were not run; None where all were
    """

    draws: int
    sizes: tuple[float, ...]
    changed: tuple[float | None, ...]
    why: str | None = None

    @property
    def first_change(self) -> float | None:
        """The smallest size that changed the answer in any draw; None: none that was run did."""
        return next((size for size, share in zip(self.sizes, self.changed) if share), None)

    @property
    def held(self) -> float | None:
        """The largest size that was run and at which, as at all smaller ones, no draw changed the answer."""
        below = [s for s, share in zip(self.sizes, self.changed) if share == 0 and s < (self.first_change or math.inf)]
        return max(below, default=None)


@dataclass(frozen=True)
class Stability:
    """How much one fixture's answer stands, measured against one snapshot.

    Attributes
    ----------
    snapshot_sha256 : of the snapshot's manifest
    seed : of the draws
    mantissa_bits : of the extended precision; 53 where the platform has none, and only sums are better then
    rounding_noise : artefact -> largest absolute difference of the reference from extended precision, in the
        artefact's unit; None where nobody speaks and no stage after the embeddings ran
    embeddings, fbank : noise on rows of active speakers, and on every chunk
    """

    fixture: str
    snapshot_sha256: str
    seed: int
    mantissa_bits: int
    rounding_noise: Mapping[str, float] | None
    embeddings: Perturbed
    fbank: Perturbed


def read_stability(folder: Path) -> Stability | None:
    """What was measured of a snapshot; None where it was not.

    Parameters
    ----------
    folder : the snapshot's

    Raises
    ------
    InputError : the file cannot be read, has other keys or values than it should, or belongs to another snapshot
    """
    return read_beside(folder, STABILITY, _parsed, _cure(folder))


def write_stability(folder: Path, stability: Stability) -> None:
    """Write `stability.json` beside a snapshot, whole or not at all.

    Raises
    ------
    InputError : the folder cannot be written
    """
    text = json.dumps(_document(stability), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(folder / STABILITY, text + "\n")


def _cure(folder: Path) -> str:
    return f"remove it, or measure again: parity stability --fixture {folder.name}"


def _document(stability: Stability) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "fixture": stability.fixture,
        "snapshot_sha256": stability.snapshot_sha256,
        "seed": stability.seed,
        "mantissa_bits": stability.mantissa_bits,
        "rounding_noise": None if stability.rounding_noise is None else dict(stability.rounding_noise),
        "perturbed": {name: _row(getattr(stability, name)) for name in ("embeddings", "fbank")},
    }


def _row(found: Perturbed) -> dict[str, Any]:
    lists = {"sizes": list(found.sizes), "changed": list(found.changed)}
    return {**asdict(found), **lists, "first_change": found.first_change}


def _parsed(document: Any) -> Stability:
    """The document as data; ValueError, TypeError or KeyError say what is wrong with it."""
    if document["schema"] != SCHEMA:
        raise ValueError(f"schema is {document['schema']!r}, this version reads {SCHEMA}")
    noise, rows = document["rounding_noise"], document["perturbed"]
    if not (noise is None or isinstance(noise, dict)):
        raise ValueError(f"rounding_noise is {noise!r:.60}, expected numbers by artefact, or null")
    found = Stability(
        fixture=document["fixture"],
        snapshot_sha256=document["snapshot_sha256"],
        seed=document["seed"],
        mantissa_bits=document["mantissa_bits"],
        rounding_noise=noise,
        embeddings=_perturbed(rows["embeddings"]),
        fbank=_perturbed(rows["fbank"]),
    )
    if wrong := list(_wrong(found)):
        raise ValueError("; ".join(wrong))
    # Written again it must be the same: nothing is added, nothing left out, nothing contradicts itself.
    if _document(found) != document:
        raise ValueError("it has keys that are not known, or a first_change that its shares do not show")
    return found


def _perturbed(row: Mapping[str, Any]) -> Perturbed:
    return Perturbed(row["draws"], tuple(row["sizes"]), tuple(row["changed"]), row["why"])


def _wrong(found: Stability) -> Iterator[str]:
    for name in ("fixture", "snapshot_sha256"):
        if not isinstance(getattr(found, name), str):
            yield f"{name} is {getattr(found, name)!r:.60}, expected a text"
    for name, least in (("seed", 0), ("mantissa_bits", 53)):
        if not _number(getattr(found, name), int, least):
            yield f"{name} is {getattr(found, name)!r:.60}, expected a whole number, at least {least}"
    for name, value in (found.rounding_noise or {}).items():
        if name not in ARTEFACTS or not _number(value):
            yield f"rounding_noise.{name} is {value!r:.60}, expected an artefact's number, finite, at least 0"
    for name in ("embeddings", "fbank"):
        yield from (f"perturbed.{name}: {said}" for said in _wrong_row(getattr(found, name)))


def _wrong_row(row: Perturbed) -> Iterator[str]:
    if not _number(row.draws, int):
        yield f"draws is {row.draws!r:.60}, expected a whole number, at least 0"
    if len(row.sizes) != len(row.changed) or not all(map(_number, row.sizes)) or list(row.sizes) != sorted(row.sizes):
        yield f"sizes {row.sizes!r:.60} are not {len(row.changed)} rising numbers, one a share"
    if not all(share is None or (_number(share) and share <= 1) for share in row.changed):
        yield f"changed {row.changed!r:.60} holds what is no share between 0 and 1"
    if not (row.why is None or isinstance(row.why, str)) or (None in row.changed) != (row.why is not None):
        yield f"why is {row.why!r:.60}, expected a text where a size was not run, null otherwise"


def _number(value: Any, kinds: Any = (int, float), least: float = 0) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool) and math.isfinite(value) and value >= least
