"""The evidence for a diagnosis: candidate, reference, and the reference with the mistake in it, side by side.

Task: the sides of a comparison, and a diagnosis -> the elements around the worst one, on all three. The mistake is
planted in the native stage and run on the reference's own inputs; where these are not at hand, two sides are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.diagnosis.of_dump import Sides
from parity.diagnosis.result import Diagnosis
from parity.diagnosis.workshop import native_workshop
from parity.errors import InputError
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.pipeline.stage import ChunkSeries
from parity.ports.yardstick import reference_of
from parity.replay.engine import lacks, reference_artefacts

SHOWN = 96
"""Elements that are shown: the worst, and what lies around it in the array's own order."""


@dataclass(frozen=True)
class Evidence:
    """What is shown of one artefact.

    Attributes
    ----------
    artefact : which
    shape : of the whole array
    start : of the first element shown, in the array's own order
    candidate, reference : (n,) floats, NaN where there is no number
    mistaken : (n,) the reference with the mistake; None where no mistake is named, or it could not be run
    """

    artefact: str
    shape: tuple[int, ...]
    start: int
    candidate: np.ndarray
    reference: np.ndarray
    mistaken: np.ndarray | None


def evidence(
    sides: Sides, diagnosis: Diagnosis, faults: Iterable[Fault], families: Iterable[Family] = ()
) -> Evidence | None:
    """The evidence for one diagnosis; None where what differs is text, or of another shape."""
    aligned = sides.comparison.aligned
    arrays = (n for n in diagnosis.judged_by if isinstance(aligned.got.get(n), np.ndarray))
    name = next((n for n in arrays if aligned.got[n].shape == aligned.want[n].shape and aligned.got[n].size), None)
    if name is None:
        return None
    got, want = aligned.got[name], aligned.want[name]
    made = _mistaken(sides, diagnosis, name, list(faults), list(families))
    if made is not None and made.shape != want.shape:
        made = None
    with np.errstate(invalid="ignore"):
        apart = np.abs(got.astype(np.float64) - want.astype(np.float64)).ravel()
    worst = int(np.argmax(np.where(np.isfinite(apart), apart, -1)))
    start = max(0, min(worst - SHOWN // 2, want.size - SHOWN))
    part = slice(start, start + SHOWN)
    return Evidence(name, want.shape, start, _of(got, part), _of(want, part), None if made is None else _of(made, part))


def _of(values: np.ndarray, part: slice) -> np.ndarray:
    return values.ravel()[part].astype(np.float64)


def _mistaken(
    sides: Sides, diagnosis: Diagnosis, name: str, faults: list[Fault], families: list[Family]
) -> np.ndarray | None:
    """What the stage makes of the reference's own inputs with the mistake in it."""
    planted = _planted(diagnosis, faults, families)
    if not planted:
        return None
    given: Mapping[str, Any] = reference_artefacts(reference_of(sides.reference), {})
    chain = dict.fromkeys([*(fault.stage for fault in planted), diagnosis.stage])
    try:
        pipeline, workshop = native_workshop(chain, sides.parameters, sides.means, sides.weights, sides.threads)
        for fault in planted:
            pipeline = fault.plant(pipeline, workshop)
        made = dict(given)
        for stage in chain:
            if any(lacks(read, pipeline, made) for read in pipeline[stage].reads):
                return None
            made |= pipeline[stage](made)
    except (InputError, LookupError, TypeError):
        return None
    value = made.get(name)
    if isinstance(value, ChunkSeries):
        chunks = sides.comparison.aligned.chunks.get(name, value.chunks)
        value = value.take(chunks) if set(map(int, chunks)) <= set(map(int, value.chunks)) else None
    return value if isinstance(value, np.ndarray) else None


def _planted(diagnosis: Diagnosis, faults: list[Fault], families: list[Family]) -> list[Fault]:
    """The mistakes that a diagnosis names, as they are planted."""
    mistake = diagnosis.mistake
    if mistake is None:
        return []
    by_name = {fault.name: fault for fault in faults}
    family = next((family for family in families if family.name == mistake.name), None)
    if family is not None and mistake.parameter is not None:
        return [family.at(mistake.parameter.value)]
    return [by_name[name] for name in mistake.name.split(" + ") if name in by_name]
