"""What a stage makes, multiplied by something or with something added.

Both are linear, so that the value that fits best has a closed form; it is the first that is tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from parity.faults.family import LINEAR, Family
from parity.pipeline import Pipeline
from parity.pipeline.artefact import ARTEFACTS
from parity.pipeline.stage import ChunkSeries

FARTHEST = 1e6

Known = Mapping[str, Any]
Change = Callable[[np.ndarray, float], np.ndarray]


def _scaled(values: np.ndarray, factor: float) -> np.ndarray:
    return (values * factor).astype(values.dtype)


def _shifted(values: np.ndarray, offset: float) -> np.ndarray:
    return (values + offset).astype(values.dtype)


def _applied(stage: str, name: str, change: Change, pipeline: Pipeline, workshop: Any, value: float) -> Pipeline:
    native, writes = pipeline[stage].run, pipeline[stage].writes

    def run(*inputs: Any) -> Any:
        results = native(*inputs)
        made = dict(zip(writes, results if len(writes) > 1 else (results,), strict=True))
        made[name] = _changed(made[name], change, value)
        return tuple(made.values()) if len(writes) > 1 else made[name]

    return pipeline.replacing(stage, run)


def _changed(made: Any, change: Change, value: float) -> Any:
    if isinstance(made, ChunkSeries):
        return ChunkSeries(made.chunks, lambda chunk: change(made.compute(chunk), value))
    return made if made is None else change(made, value)


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
    return [] if both is None or not both[0].size else [float(np.mean(both[1] - both[0]))]


def _family(name: str, points: Mapping[str, float], *, offset: bool) -> Family:
    stage = ARTEFACTS[name].stage
    return Family(
        name=f"{name}_{'offset' if offset else 'scale'}",
        stage=stage,
        parameter=f"{name} with an offset of" if offset else f"{name} multiplied by",
        reference=lambda workshop: 0.0 if offset else 1.0,
        plant=partial(_applied, stage, name, _shifted if offset else _scaled),
        low=-FARTHEST,
        high=FARTHEST,
        scale=LINEAR,
        values=partial(_offset if offset else _factor, name),
        points=points,
    )


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
    *(_family(name, points, offset=False) for name, points in SCALES.items()),
    *(_family(name, points, offset=True) for name, points in OFFSETS.items()),
]
