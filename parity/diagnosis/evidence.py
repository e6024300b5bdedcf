"""The evidence for a diagnosis: candidate, reference, and the reference with the mistake in it, side by side.

Task: what both sides made, and what the mistake makes -> the elements around the worst one, on all three. Of a dump the
mistake is planted in the native stage and run on the reference's own inputs; where these are not at hand, two sides are
shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parity.diagnosis.of_dump import Sides
from parity.diagnosis.result import Diagnosis, Evidence
from parity.diagnosis.workshop import native_workshop
from parity.errors import InputError
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.measure.drift import in_words
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries
from parity.ports.yardstick import reference_of
from parity.replay.engine import lacks, reference_artefacts

SHOWN = 96
"""Elements that are shown."""


def evidence(
    sides: Sides, diagnosis: Diagnosis, faults: Iterable[Fault], families: Iterable[Family] = ()
) -> Evidence | None:
    """The evidence for one diagnosis of a dump; None where what differs is text, or of another shape."""
    aligned, planted = sides.comparison.aligned, planted_by(diagnosis, faults, families)
    chunks, step = aligned.chunks, sides.parameters.chunk_step
    name = _drawn(diagnosis, aligned.got, aligned.want)
    if name is None:
        return None
    made = _mistaken(sides, diagnosis, name, planted) if planted else None
    return around(name, aligned.got[name], aligned.want[name], made, chunks.get(name), step)


def of_parts(
    diagnosis: Diagnosis,
    candidate: Mapping[str, Any],
    reference: Mapping[str, Any],
    mistaken: Mapping[str, Any] | None,
    chunks: Mapping[str, np.ndarray],
    step: float,
) -> Evidence | None:
    """The same of what a stage made of the reference's own inputs; artefacts by name on all three sides."""
    name = _drawn(diagnosis, candidate, reference)
    if name is None:
        return None
    return around(name, candidate[name], reference[name], (mistaken or {}).get(name), chunks.get(name), step)


def _drawn(diagnosis: Diagnosis, got: Mapping[str, Any], want: Mapping[str, Any]) -> str | None:
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


def _mistaken(sides: Sides, diagnosis: Diagnosis, name: str, planted: list[Fault]) -> np.ndarray | None:
    """What the stage makes of the reference's own inputs with the mistake in it."""
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


def planted_by(diagnosis: Diagnosis, faults: Iterable[Fault], families: Iterable[Family]) -> list[Fault]:
    """The mistakes that a diagnosis names, as they are planted; none where it names nothing."""
    mistake = diagnosis.mistake
    if mistake is None:
        return []
    by_name = {fault.name: fault for fault in faults}
    family = next((family for family in families if family.name == mistake.name), None)
    if family is not None and mistake.parameter is not None:
        return [family.at(mistake.parameter.value)]
    return [by_name[name] for name in mistake.name.split(" + ") if name in by_name]
