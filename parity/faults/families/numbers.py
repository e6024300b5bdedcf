"""What a stage makes, multiplied by something or with something added.

Both are linear, so that the value that fits best has a closed form; it is the first that is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from parity.faults.families.building import changing
from parity.faults.family import Family
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries

FARTHEST = 1e6

Known = Mapping[str, Any]


def _scaled(values: Any, factor: float) -> Any:
    return _each(values, lambda numbers: (numbers * factor).astype(numbers.dtype))


def _shifted(values: Any, offset: float) -> Any:
    return _each(values, lambda numbers: (numbers + offset).astype(numbers.dtype))


def _each(made: Any, change: Callable[[np.ndarray], np.ndarray]) -> Any:
    """All numbers changed: of an array, or of each chunk when it is asked for."""
    if isinstance(made, ChunkSeries):
        return ChunkSeries(made.chunks, lambda chunk: change(made.compute(chunk)))
    return change(made)


def _both(name: str, native: Known, candidate: Known) -> tuple[np.ndarray, np.ndarray] | None:
    """What native code and the candidate have where both are numbers; None where they have other shapes."""
    ours, theirs = native.get(name), candidate.get(name)
    if ours is None or theirs is None or np.shape(ours) != np.shape(theirs):
        return None
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    usable = np.isfinite(ours) & np.isfinite(theirs)
    return ours[usable], theirs[usable]


def _factor(name: str, given: Known, native: Known, candidate: Known) -> list[float]:
    both = _both(name, native, candidate)
    if both is None or not np.any(both[0]):
        return []
    return [float(both[0] @ both[1] / (both[0] @ both[0]))]


def _offset(name: str, given: Known, native: Known, candidate: Known) -> list[float]:
    both = _both(name, native, candidate)
    if both is None or not both[0].size:
        return []
    apart = both[1] - both[0]
    # Of axes that are free in their sign an offset turns some round: most of the numbers still have it.
    return sorted({float(np.mean(apart)), float(np.median(apart))})


def _multiplied(name: str, points: Mapping[str, float]) -> Family:
    return changing(
        f"{name}_scale", f"{name} multiplied by", 1.0, _scaled, -FARTHEST, FARTHEST, points, partial(_factor, name),
        stage=ARTEFACTS[name].stage, artefacts=(name,),
    )  # fmt: skip


def _added_to(name: str, points: Mapping[str, float]) -> Family:
    return changing(
        f"{name}_offset", f"{name} with an offset of", 0.0, _shifted, -FARTHEST, FARTHEST, points,
        partial(_offset, name), stage=ARTEFACTS[name].stage, artefacts=(name,),
    )  # fmt: skip


# Not of the ELBO: of two numbers a scale and an offset explain anything.
SCALES: dict[str, dict[str, float]] = {
    "chunk_waveforms": {},
    "fbank": {},
    "embeddings": {},
    "post_xvec": {"xvec_without_sqrt_128": float(1 / np.sqrt(128))},
    "post_plda": {},
    "phi": {},
    "dendrogram": {},
    "qinit": {},
    "centroids": {},
    "soft_clusters": {},
}
OFFSETS: dict[str, dict[str, float]] = {
    "fbank": {},
    "embeddings": {},
    "post_xvec": {},
    "post_plda": {},
    "phi": {},
    "centroids": {},
    "soft_clusters": {"scores_as_similarities": -1.0},
}

FAMILIES = [
    *(_multiplied(name, points) for name, points in SCALES.items()),
    *(_added_to(name, points) for name, points in OFFSETS.items()),
]
