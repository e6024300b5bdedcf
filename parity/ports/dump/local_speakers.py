"""The order of local speakers within a chunk, which is a convention: one order a chunk for all artefacts.

The network's own log-probabilities decide it where both sides have them and they are clear; else who speaks when, and
masks and embeddings only among speakers of whom that says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, permutations
from typing import Any

import numpy as np

from parity.ports.dump.aligned import Aligned

LEAST = 1e-4
"""Of an artefact's cost, which is at most 1 per speaker: what float32 makes of equal rows is no reason to renumber
them; one frame of 589 that differs is 1.7e-3."""


def speaker_orders(both: Aligned) -> np.ndarray | None:
    """(C, S) int64: which of the candidate's speakers is the reference's speaker s of chunk c; None: no evidence."""
    costs = [
        weight * _pairwise(both.want[name], both.got[name], axis, how)
        for name, axis, weight, how in _EVIDENCE
        if both.both(name) and both.want[name].ndim == 3
    ]
    recorded = both.chunks.get("segmentation_logits")
    if not costs and recorded is not None and len(recorded):
        costs = [np.zeros((int(recorded[-1]) + 1, 3, 3))]
    if not costs or len({cost.shape for cost in costs}) > 1:
        return None
    cost = _with_logits(both, sum(costs[1:], costs[0]))
    speakers = cost.shape[1]
    every = np.array(list(permutations(range(speakers))))  # the identity first
    totals = _totals(cost, every)
    best = np.argmin(totals, axis=1)
    better = (totals.min(axis=1) < 0.5 * totals[:, 0]) & (totals[:, 0] - totals.min(axis=1) > LEAST)
    chosen = np.where(better, best, 0)
    chunks, by_logits = _by_logits(both, cost.shape, every)
    if len(chunks) and not by_logits.any():  # the network's order is the reference's wherever it shows
        chosen = np.where(totals.min(axis=1) < _AS_GOOD_AS_EQUAL * totals[:, 0], chosen, 0)
    chosen[chunks] = by_logits
    return every[chosen]


def _totals(cost: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """(C, P): what each of P orders costs in each chunk."""
    return cost[:, np.arange(cost.shape[1])[None], orders].sum(axis=2)


def _by_logits(both: Aligned, shape: tuple[int, ...], orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chunks in which the log-probabilities tell the order, and which of the orders it is.

    They come before who speaks when, which a mistake in reading them spoils: a convention is taken from the earliest
    artefact that shows it.
    """
    chunks = both.chunks.get("segmentation_logits")
    if not _has_logits(both, shape) or chunks is None:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    want, got = (side["segmentation_logits"][:, :, 1:4] for side in (both.want, both.got))
    totals = _totals(_pairwise(want, got, 2, unlike), orders)
    least, second = np.partition(totals, 1, axis=1)[:, :2].T
    clear = (least < 0.5 * second) & (second - least > LEAST)
    return np.asarray(chunks)[clear], np.argmin(totals, axis=1)[clear]


def _has_logits(both: Aligned, shape: tuple[int, ...]) -> bool:
    chunks = both.chunks.get("segmentation_logits")
    if chunks is None or not both.both("segmentation_logits") or not len(chunks) or chunks[-1] >= shape[0]:
        return False
    want = both.want["segmentation_logits"]
    return want.ndim == 3 and want.shape[2] == 7 and shape[1] == 3


def _pairwise(want: np.ndarray, got: np.ndarray, axis: int, how: Callable[..., np.ndarray]) -> np.ndarray:
    """(C, S, S): how unlike the reference's speaker s and the candidate's speaker t of each chunk are."""
    want, got = (np.moveaxis(x, axis, 1).astype(np.float64) for x in (want, got))
    speakers = range(want.shape[1])
    return np.stack([np.stack([how(want[:, s], got[:, t]) for t in speakers], 1) for s in speakers], 1)


def _with_logits(both: Aligned, cost: np.ndarray) -> np.ndarray:
    """The cost and, for the chunks whose logits were recorded, what the classes of single speakers add to it."""
    if not _has_logits(both, cost.shape):
        return cost
    chunks = both.chunks["segmentation_logits"]
    want, got = both.want["segmentation_logits"], both.got["segmentation_logits"]
    cost[chunks] += _LOGITS_WEIGHT * _pairwise(want[:, :, 1:4], got[:, :, 1:4], 2, unlike)
    return cost


def unequal(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """The share of elements that differ in each row."""
    return np.mean(want != got, axis=-1)


def unlike(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """The distance of each row in units of the reference's length, at most 1; NaN is like NaN and nothing else."""
    with np.errstate(all="ignore"):
        apart = np.linalg.norm(want - got, axis=-1) / np.maximum(np.linalg.norm(want, axis=-1), 1e-30)
    absent = np.isnan(want).any(axis=-1), np.isnan(got).any(axis=-1)
    apart = np.where(absent[0] | absent[1], (absent[0] != absent[1]).astype(float), apart)
    return np.minimum(apart, 1.0)


# Who speaks when decides, embeddings only among speakers of whom that says nothing.
_EVIDENCE = (("segmentations", 2, 1e4, unequal), ("masks", 1, 1e2, unequal), ("embeddings", 1, 1.0, unlike))
_LOGITS_WEIGHT = 1e-1  # and these among speakers who are silent, and so have one embedding
_AS_GOOD_AS_EQUAL = 0.02
"""Of the cost without reordering: what a chunk may keep where all log-probabilities that were recorded are in order."""


def order_local_speakers(both: Aligned, orders: np.ndarray) -> None:
    """Every artefact that has local speakers, in the reference's order of them.

    Parameters
    ----------
    orders : (C, S) int64, as `speaker_orders` gives them
    """
    moved = np.any(orders != np.arange(orders.shape[1]), axis=1)
    words = f"local speakers in another order in {int(moved.sum())} of {len(orders)} chunks"
    axes = {"segmentations": 2, "masks": 1, "embeddings": 1, "soft_clusters": 1, "hard_clusters": 1}
    for name, axis in axes.items():
        value = both.got.get(name)
        if value is None or value.ndim <= axis or (len(value), value.shape[axis]) != orders.shape:
            continue
        index = orders.reshape(len(orders), *(-1 if a == axis else 1 for a in range(1, value.ndim)))
        both.change(name, np.take_along_axis(value, index, axis), words)
    logits, chunks = both.got.get("segmentation_logits"), both.chunks.get("segmentation_logits")
    if (
        chunks is not None
        and logits is not None
        and logits.ndim == 3
        and logits.shape[2] == 7
        and (not len(chunks) or chunks[-1] < len(orders))
    ):
        both.change("segmentation_logits", in_order(logits, orders[chunks]), words)
    row, speaker = both.got.get("train_chunk_idx"), both.got.get("train_speaker_idx")
    if speaker is not None and indexes(row, speaker, orders):
        both.change("train_speaker_idx", np.argsort(orders, axis=1)[row, speaker].astype(speaker.dtype), words)


def in_order(logits: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Logits (n, F, 7) of n chunks whose local speakers are taken in another order, (n, S)."""
    classes = np.array([_classes(order) for order in orders]).reshape(len(orders), -1)
    return np.take_along_axis(logits, classes[:, None, :], 2)


def _classes(order: np.ndarray) -> list[int]:
    """The candidate's class for each class of the reference: nobody, one of three, two of three."""
    sets = [frozenset(chosen) for size in range(3) for chosen in combinations(range(3), size)]
    return [sets.index(frozenset(int(order[speaker]) for speaker in chosen)) for chosen in sets]


def indexes(chunk: Any, speaker: Any, orders: np.ndarray) -> bool:
    """Whether chunk and local speaker of the training embeddings are there, whole, and inside what they index."""
    if (
        chunk is None
        or speaker is None
        or np.shape(chunk) != np.shape(speaker)
        or np.ndim(chunk) != 1
        or not len(chunk)
    ):
        return False
    whole = chunk.dtype.kind in "iu" and speaker.dtype.kind in "iu"
    return whole and _inside(chunk, len(orders)) and _inside(speaker, orders.shape[1])


def _inside(index: np.ndarray, size: int) -> bool:
    return bool(index.min() >= 0 and index.max() < size)
