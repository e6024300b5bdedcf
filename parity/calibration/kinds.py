"""Kinds of differences planted on a snapshot's artefacts, one at a time: named right, wrongly, or not at all.

Each is planted on the reference's array as a candidate has it that sums in another order: a few units in the last
place away, growing with the values. Plants of no kind are there as well: what is named of them is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from parity.measure.casts import rounded, truncated
from parity.measure.kinds import kinds
from parity.pipeline.artefact import ARTEFACTS

ON = ("segmentation_logits", "fbank", "embeddings", "post_xvec", "post_plda", "centroids", "soft_clusters")
FLOAT32 = 2.0**-24
UNITS = 4
"""Half units in the last place that the candidate's own sums are off, of each value."""

RIGHT, WRONG, NONE = "right", "wrong", "none"


@dataclass(frozen=True)
class Plant:
    """One kind planted.

    Attributes
    ----------
    name : of the plant
    kind : that has to be named; empty where naming any is wrong
    says : has to be in the words
    make : array in float64, generator of random numbers, frames of masks -> the array with it; None where it has no
        place in such an array
    """

    name: str
    kind: str
    says: str
    make: Callable[[np.ndarray, np.random.Generator, np.ndarray | None], np.ndarray | None]


@dataclass(frozen=True)
class Named:
    """What was said of one plant: `right`, `wrong` or `none`, and the kinds."""

    artefact: str
    plant: str
    outcome: str
    said: tuple[str, ...]


def _int8(values: np.ndarray, largest: np.ndarray | float) -> np.ndarray:
    step = np.asarray(largest) / 127
    return np.asarray(np.round(values / step) * step)


def _half(values: np.ndarray) -> np.ndarray:
    return np.asarray(values.astype(np.float16).astype(np.float64))


def _reordered(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray | None:
    # Before a logarithm sums lose most where it is quiet; what is planted here grows with the values.
    return None if values.shape[-1] == 80 else values


def _last_chunks(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray | None:
    if values.ndim != 3 or len(values) < 8:
        return None
    changed = values.copy()
    changed[16:] *= 1 + 0.1 * made.standard_normal(changed[16:].shape)
    return changed


def _edges(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray | None:
    if values.ndim != 3 or values.shape[1] < 100:
        return None
    changed = values.copy()
    changed[:, :2] *= 1 + 0.1 * made.standard_normal(changed[:, :2].shape)
    return changed


def _quiet(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray | None:
    if values.shape[-1] != 80:
        return None
    return np.maximum(values, np.quantile(values, 0.05))


def _short(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray | None:
    if lengths is None:
        return None
    short = lengths <= np.quantile(lengths, 0.3)
    return np.where(short[..., None], values * (1 + 0.1 * made.standard_normal(values.shape)), values)


def _noisy(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray:
    return np.asarray(values + 1e-3 * np.nanstd(values) * made.standard_normal(values.shape))


def _warped(values: np.ndarray, made: np.random.Generator, lengths: np.ndarray | None) -> np.ndarray:
    scale = np.nanmax(np.abs(values))
    return np.asarray(scale * np.tanh(values / scale))


PLANTS = (
    Plant("float16", "cast", "float16", lambda v, made, _: _half(v)),
    Plant("bfloat16", "cast", "bfloat16", lambda v, made, _: rounded(v, 8)),
    Plant("bfloat16, cut off", "cast", "truncation", lambda v, made, _: truncated(v, 8)),
    Plant("TF32", "cast", "TF32", lambda v, made, _: rounded(v, 11)),
    Plant("int8", "cast", "int8", lambda v, made, _: _int8(v, np.nanmax(np.abs(v)))),
    Plant("int8 by row", "cast", "int8", lambda v, made, _: _int8(v, np.nanmax(np.abs(v), axis=-1, keepdims=True))),
    Plant("three decimals", "cast", "steps", lambda v, made, _: np.round(v, 3)),
    Plant("a constant", "constant", "", lambda v, made, _: v + 0.01),
    Plant("a gain", "gain", "", lambda v, made, _: 1.003 * v),
    Plant("sums in another order", "reduction order", "", _reordered),
    Plant("the last batch of 16", "some chunks", "batch of 16", _last_chunks),
    Plant("two frames at the start", "edges", "the first 2", _edges),
    Plant("another floor", "quiet bins", "", _quiet),
    Plant("short masks", "short masks", "", _short),
    Plant("white noise, a thousandth", "", "", _noisy),
    Plant("a soft limit", "", "", _warped),
    Plant("rolled along the last axis", "", "", lambda v, made, _: np.roll(v, 1, axis=-1)),
    Plant("cast to float16 before a sum", "", "", lambda v, made, _: _half(v) + _half(np.roll(v, 1)) - np.roll(v, 1)),
)  # fmt: skip


def plant_kinds(values: Mapping[str, np.ndarray], chunks: Mapping[str, np.ndarray], seed: int = 0) -> list[Named]:
    """Plant every kind on every artefact that it has a place in.

    Parameters
    ----------
    values, chunks : of a snapshot
    """
    found = []
    for name in ON:
        if name not in values:
            continue
        want = values[name]
        lengths = values["masks"].sum(axis=2) if name == "embeddings" else None
        for plant in PLANTS:
            made = np.random.default_rng(seed)
            noise = UNITS * FLOAT32 * made.standard_normal(want.shape)
            base = np.asarray(want * (1 + noise), dtype=np.float64)
            got = plant.make(base, made, lengths)
            if got is None:
                continue
            if plant.kind != "reduction order" and np.array_equal(got, base, equal_nan=True):
                continue
            got = got.astype(np.float32 if ARTEFACTS[name].dtype == "float32" or plant.kind == "cast" else want.dtype)
            found.append(_judged(name, plant, got, want, chunks.get(name), lengths))
    return found


def _judged(
    name: str, plant: Plant, got: np.ndarray, want: np.ndarray, chunks: np.ndarray | None, lengths: np.ndarray | None
) -> Named:
    said = kinds(name, got, want, chunks=chunks, lengths=lengths)
    right = [kind for kind in said if kind.kind == plant.kind and plant.says in kind.words]
    outcome = NONE if not said else RIGHT if right else WRONG
    return Named(name, plant.name, outcome, tuple(kind.words for kind in said))
