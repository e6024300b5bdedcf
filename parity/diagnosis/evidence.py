"""The evidence for a diagnosis of a dump: candidate, reference, and the reference with the mistake in it, side by side.

Task: the sides of a comparison, and a diagnosis -> the elements around the worst one, on all three. The mistake is
planted in the native stage and run on the reference's own inputs; where these are not at hand, two sides are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from parity.diagnosis.drawing import around, drawn, planted_by
from parity.diagnosis.of_dump import Sides
from parity.diagnosis.result import Diagnosis, Evidence
from parity.diagnosis.workshop import native_workshop
from parity.errors import InputError
from parity.faults.family import Family
from parity.faults.fault import Fault
from parity.pipeline.stage import ChunkSeries
from parity.ports.yardstick import reference_of
from parity.replay.engine import lacks, reference_artefacts


def evidence(
    sides: Sides, diagnosis: Diagnosis, faults: Iterable[Fault], families: Iterable[Family] = ()
) -> Evidence | None:
    """The evidence for one diagnosis; None where what differs is text, or of another shape.

    Of a heavy stage the look-up has it already, for its inputs are heard in the clip.
    """
    if diagnosis.evidence is not None:
        return diagnosis.evidence
    aligned, planted = sides.comparison.aligned, planted_by(diagnosis, faults, families)
    chunks, step = aligned.chunks, sides.parameters.chunk_step
    name = drawn(diagnosis, aligned.got, aligned.want)
    if name is None:
        return None
    made = _mistaken(sides, diagnosis, name, planted) if planted else None
    return around(name, aligned.got[name], aligned.want[name], made, chunks.get(name), step)


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
