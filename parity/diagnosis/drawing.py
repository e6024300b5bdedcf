"""What a picture of a diagnosis shows: the elements around the worst one, on all sides.

Task: what candidate and reference made, and what the mistake makes -> `Evidence`. Elements are shown in the array's own
order, the worst one in their middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parity.diagnosis.few_chunks import Part
from parity.diagnosis.result import Diagnosis, Evidence
from parity.diagnosis.trying import Bench
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.measure.drift import in_words
from parity.pipeline.artefact import ARTEFACTS

SHOWN = 96
"""Elements that are shown."""


def of_part(
    diagnosis: Diagnosis,
    part: Part,
    bench: Bench,
    chunks: Mapping[str, np.ndarray],
    step: float,
    faults: Iterable[Fault],
    families: Iterable[Family],
) -> Evidence | None:
    """What is shown of a stage that was looked up; None where what differs is text, or of another shape.

    Parameters
    ----------
    part : of the stage's artefacts, what was looked up
    bench : that mistakes were tried on
    chunks : of artefacts kept by chunk, which chunks both sides hold
    step : seconds from the start of one chunk to that of the next
    """
    name = drawn(diagnosis, part.candidate, part.reference)
    if name is None:
        return None
    planted = planted_by(diagnosis, faults, families)
    made = bench.made(*planted) if planted else None
    rows = {**chunks, **part.chunks}.get(name)
    return around(name, part.candidate[name], part.reference[name], (made or {}).get(name), rows, step)


def drawn(diagnosis: Diagnosis, got: Mapping[str, Any], want: Mapping[str, Any]) -> str | None:
    """The artefact that is shown: the first one that is an array of one shape on both sides and differs."""
    arrays = [n for n in diagnosis.judged_by if isinstance(got.get(n), np.ndarray) and got[n].size]
    alike = [n for n in arrays if n in want and got[n].shape == np.shape(want[n])]
    return next((n for n in alike if not np.array_equal(got[n], want[n])), None)


def around(name: str, got: np.ndarray, want: np.ndarray, made: Any, chunks: np.ndarray | None, step: float) -> Evidence:
    """What is shown of one artefact.

    Parameters
    ----------
    got, want : the two sides, of one shape
    made : what the mistake makes; left out where it is of another shape
    chunks : of an artefact kept by chunk, which chunk each row is
    step : seconds from the start of one chunk to that of the next
    """
    if not isinstance(made, np.ndarray) or made.shape != want.shape:
        made = None
    with np.errstate(invalid="ignore"):
        apart = np.abs(got.astype(np.float64) - want.astype(np.float64)).ravel()
    worst = int(np.argmax(np.where(np.isfinite(apart), apart, -1)))
    index = [int(i) for i in np.unravel_index(worst, want.shape)]
    if chunks is not None and index and index[0] < len(chunks):
        index[0] = int(chunks[index[0]])
    where = in_words(ARTEFACTS[name].dims, tuple(index), step)
    start = max(0, min(worst - SHOWN // 2, want.size - SHOWN))
    part = slice(start, start + SHOWN)
    mistaken = None if made is None else _of(made, part)
    return Evidence(name, where, want.shape, start, _of(got, part), _of(want, part), mistaken)


def _of(values: np.ndarray, part: slice) -> np.ndarray:
    return values.ravel()[part].astype(np.float64)


def planted_by(diagnosis: Diagnosis, faults: Iterable[Fault], families: Iterable[Family]) -> list[Fault]:
    """The mistakes that a diagnosis names, as they are planted; none where it names nothing."""
    mistake = diagnosis.mistake
    if mistake is None:
        return []
    by_name = {fault.name: fault for fault in faults}
    kin = {family.name: family for family in families}
    names = mistake.name.split(" + ")
    if mistake.parameters and set(names) <= set(kin):
        return [kin[name].at(known.value) for name, known in zip(names, mistake.parameters, strict=True)]
    return [by_name[name] for name in names if name in by_name]
