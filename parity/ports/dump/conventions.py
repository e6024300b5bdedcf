"""Differences that are conventions: a dump brought to the reference's numbering, and what was renumbered, in words.

Recognised: a frame more or less at the end; the order of local speakers within a chunk, one order a chunk for all
artefacts; the order of training embeddings; the numbering of AHC's and of the final clusters; signs of eigenvectors;
the cluster of a local speaker who says nothing in the chunk, which is a tie and which no later stage reads.
Conventions: an order is found from the artefacts that decide it and then applied to every artefact alike, so that a
dump whose artefacts contradict each other is not mended. A renumbering is taken only where it explains at least half
of the difference; otherwise the dump stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import combinations, permutations
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.reading import Dump
from parity.replay.outcome import unread

LEAST = 1e-4
"""Of an artefact's cost, which is at most 1 a speaker: what float32 makes of equal rows is no reason to renumber them;
one frame of 589 that differs is 1.7e-3."""

AT_END = {"F", "frames"}
CLUSTERS = "cluster numbering"


@dataclass
class Aligned:
    """Both sides under one numbering.

    Attributes
    ----------
    want, got : artefact -> value, of the reference and the candidate
    chunks : artefact kept by chunk -> the chunks both sides recorded
    gap : (C, F), gap of the reference's two best classes, or None
    by : artefact -> conventions that it needed, in words
    cropped : artefacts of which a last frame was left out
    orders : (C, S), which of the candidate's local speakers is the reference's speaker s of chunk c; None: not known
    """

    want: dict[str, Any]
    got: dict[str, Any]
    chunks: dict[str, np.ndarray] = field(default_factory=dict)
    gap: np.ndarray | None = None
    by: dict[str, list[str]] = field(default_factory=dict)
    cropped: set[str] = field(default_factory=set)
    orders: np.ndarray | None = None

    def both(self, *names: str) -> bool:
        """Whether both sides have all of them, in shapes that agree."""
        return all(
            name in self.want and name in self.got and np.shape(self.want[name]) == np.shape(self.got[name])
            for name in names
        )

    def change(self, name: str, value: np.ndarray, words: str) -> None:
        """Take a renumbered artefact; said where it is another than before."""
        if not np.array_equal(value, self.got[name], equal_nan=value.dtype.kind == "f"):
            self.by.setdefault(name, []).append(words)
        self.got[name] = value


def align(reference: Dump, candidate: Dump) -> Aligned:
    """Both dumps under the reference's conventions; the dumps themselves are left alone."""
    fitting = {name: value for name, value in candidate.values.items() if _fits(name, value)}
    both = Aligned(dict(reference.values), fitting, gap=reference.beside.get("segmentation_gap"))
    _same_chunks(both, reference, candidate)
    _same_end(both)
    orders = both.orders = speaker_orders(both)
    if orders is not None:
        _local_speakers(both, orders)
    _training_rows(both, orders)
    _ahc_clusters(both)
    _clusters(both)
    _silent(both)
    _columns(both)
    _signs(both)
    both.got = {name: both.got.get(name, value) for name, value in candidate.values.items()}
    return both


def _fits(name: str, value: Any) -> bool:
    """Whether an artefact has the dims and the kind of numbers that make renumbering it mean anything."""
    artefact = ARTEFACTS[name]
    if artefact.dtype == "text":
        return True
    whole = np.dtype(artefact.dtype).kind not in "iu" or value.dtype.kind in "iu"
    return value.ndim == len(artefact.dims) and value.size > 0 and whole


def _same_chunks(both: Aligned, reference: Dump, candidate: Dump) -> None:
    """Artefacts that may hold a subset of the chunks, cut down to those that both sides have."""
    for name in [name for name, artefact in ARTEFACTS.items() if artefact.by_chunk]:
        if name not in both.want or name not in both.got:
            continue
        theirs, ours = reference.chunks(name), candidate.chunks(name)
        if len(theirs) != len(both.want[name]) or len(ours) != len(both.got[name]):
            continue
        common, rows, mine = np.intersect1d(theirs, ours, return_indices=True)
        if len(common):
            both.want[name], both.got[name] = both.want[name][rows], both.got[name][mine]
            both.chunks[name] = common


def _same_end(both: Aligned) -> None:
    for name in set(both.want) & set(both.got):
        dims = ARTEFACTS[name].dims
        want, got = both.want[name], both.got[name]
        if ARTEFACTS[name].dtype == "text" or not want.ndim == got.ndim == len(dims):
            continue
        for axis in [axis for axis, letter in enumerate(dims) if letter in AT_END]:
            more = got.shape[axis] - want.shape[axis]
            if abs(more) != 1:
                continue
            end = min(got.shape[axis], want.shape[axis])
            both.cropped.add(name)
            both.want[name], both.got[name] = (np.take(x, np.arange(end), axis) for x in (want, got))
            both.by.setdefault(name, []).append(f"one frame {'more' if more > 0 else 'less'} at the end")
            if name == "segmentations" and both.gap is not None:
                both.gap = both.gap[:, :end]


# local speakers


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
    cost = _with_logits(both, sum(costs))
    speakers = cost.shape[1]
    every = np.array(list(permutations(range(speakers))))  # the identity first
    totals = cost[:, np.arange(speakers)[None], every].sum(axis=2)
    best = np.argmin(totals, axis=1)
    better = (totals.min(axis=1) < 0.5 * totals[:, 0]) & (totals[:, 0] - totals.min(axis=1) > LEAST)
    return every[np.where(better, best, 0)]


def _pairwise(want: np.ndarray, got: np.ndarray, axis: int, how: Callable) -> np.ndarray:
    """(C, S, S): how unlike the reference's speaker s and the candidate's speaker t of each chunk are."""
    want, got = (np.moveaxis(x, axis, 1).astype(np.float64) for x in (want, got))
    speakers = range(want.shape[1])
    return np.stack([np.stack([how(want[:, s], got[:, t]) for t in speakers], 1) for s in speakers], 1)


def _with_logits(both: Aligned, cost: np.ndarray) -> np.ndarray:
    """The cost and, for the chunks whose logits were recorded, what the classes of single speakers add to it."""
    chunks = both.chunks.get("segmentation_logits")
    if chunks is None or not both.both("segmentation_logits") or not len(chunks) or chunks[-1] >= len(cost):
        return cost
    want, got = both.want["segmentation_logits"], both.got["segmentation_logits"]
    if want.ndim != 3 or want.shape[2] != 7 or cost.shape[1] != 3:
        return cost
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


def _local_speakers(both: Aligned, orders: np.ndarray) -> None:
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
        and logits.ndim == 3
        and logits.shape[2] == 7
        and (not len(chunks) or chunks[-1] < len(orders))
    ):
        both.change("segmentation_logits", in_order(logits, orders[chunks]), words)
    index, speaker = both.got.get("train_chunk_idx"), both.got.get("train_speaker_idx")
    if _indexes(index, speaker, orders):
        both.change("train_speaker_idx", np.argsort(orders, axis=1)[index, speaker].astype(speaker.dtype), words)


def in_order(logits: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Logits (n, F, 7) of n chunks whose local speakers are taken in another order, (n, S)."""
    classes = np.array([_classes(order) for order in orders]).reshape(len(orders), -1)
    return np.take_along_axis(logits, classes[:, None, :], 2)


def _classes(order: np.ndarray) -> list[int]:
    """The candidate's class for each class of the reference: nobody, one of three, two of three."""
    sets = [frozenset(chosen) for size in range(3) for chosen in combinations(range(3), size)]
    return [sets.index(frozenset(int(order[speaker]) for speaker in chosen)) for chosen in sets]


def _indexes(chunk: Any, speaker: Any, orders: np.ndarray) -> bool:
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


# training embeddings


def _training_rows(both: Aligned, orders: np.ndarray | None) -> None:
    rows = _row_order(both, orders)
    if rows is None or np.array_equal(rows, np.arange(len(rows))):
        return
    words = "training embeddings in another order"
    names = ("train_chunk_idx", "train_speaker_idx", "post_xvec", "post_plda", "ahc_clusters", "qinit", "q_final",
             "kmeans_clusters")  # fmt: skip
    for name in names:
        value = both.got.get(name)
        if value is not None and value.ndim and len(value) == len(rows):
            both.change(name, value[rows], words)
    dendrogram = both.got.get("dendrogram")
    if dendrogram is not None and dendrogram.shape == (len(rows) - 1, 4):
        both.change("dendrogram", _relabelled(dendrogram, np.argsort(rows)), words)


def _row_order(both: Aligned, orders: np.ndarray | None) -> np.ndarray | None:
    """(T,) int64: which of the candidate's rows is the reference's row i; None where that cannot be known."""
    chunk, speaker = both.got.get("train_chunk_idx"), both.got.get("train_speaker_idx")
    if both.both("train_chunk_idx", "train_speaker_idx") and chunk.ndim == 1:
        return np.lexsort((speaker, chunk))
    chunk, speaker = both.want.get("train_chunk_idx"), both.want.get("train_speaker_idx")
    if orders is None or not _indexes(chunk, speaker, orders):
        return None
    # Without indices of its own the candidate has them in the order of chunks and its own speakers.
    return np.argsort(np.lexsort((orders[chunk, speaker], chunk)))


def _relabelled(dendrogram: np.ndarray, leaves: np.ndarray) -> np.ndarray:
    """The dendrogram with leaf i called `leaves[i]`; the lower number of a merge first, as SciPy has it."""
    labels = np.concatenate([leaves, np.arange(len(leaves), 2 * len(leaves))])
    merged = dendrogram.copy()
    inside = (dendrogram[:, :2] >= 0) & (dendrogram[:, :2] < len(labels))
    merged[:, :2] = np.where(inside, labels[np.where(inside, dendrogram[:, :2], 0).astype(int)], dendrogram[:, :2])
    merged[:, :2] = np.sort(merged[:, :2], axis=1)
    return merged


# clusters


def _ahc_clusters(both: Aligned) -> None:
    """AHC's labels, and the columns that VBx makes of them."""
    words = "AHC clusters numbered otherwise"
    columns = None
    if both.both("ahc_clusters"):
        columns = renaming(both.want["ahc_clusters"], both.got["ahc_clusters"])
        if columns is None:
            return
        both.change("ahc_clusters", _renamed(both.got["ahc_clusters"], columns), words)
    else:
        for name in ("qinit", "q_final"):
            if columns is None and both.both(name) and both.want[name].ndim == 2:
                columns = matched(_column_costs(both.want[name], both.got[name]))
    if columns is None:
        return
    for name in ("qinit", "q_final", "sp_final"):
        value = both.got.get(name)
        if value is not None and value.ndim and value.shape[-1] == len(columns):
            both.change(name, np.take(value, columns, axis=-1), words)


def _clusters(both: Aligned) -> None:
    """The final clusters, in every artefact that numbers them."""
    columns = _cluster_columns(both)
    if columns is not None:
        for name, axis in (("centroids", 0), ("soft_clusters", 2)):
            value = both.got.get(name)
            if value is not None and value.ndim > axis and value.shape[axis] == len(columns):
                both.change(name, np.take(value, columns, axis=axis), CLUSTERS)
        if "hard_clusters" in both.got:
            both.change("hard_clusters", _renamed(both.got["hard_clusters"], columns), CLUSTERS)
    if both.both("kmeans_clusters"):
        names = renaming(both.want["kmeans_clusters"], both.got["kmeans_clusters"])
        if names is not None:
            both.change("kmeans_clusters", _renamed(both.got["kmeans_clusters"], names), CLUSTERS)


def _cluster_columns(both: Aligned) -> np.ndarray | None:
    """(K,) int64: which of the candidate's clusters is the reference's cluster k; None where they stay."""
    if both.both("hard_clusters"):
        want, got = both.want["hard_clusters"], both.got["hard_clusters"]
        count = max(_count(both, "want"), _count(both, "got"))
        heard = _heard(both)
        want, got = (labels if heard is None else labels[heard] for labels in (want, got))
        return matched(_disagreements(want, got, count)) if count <= both.want["hard_clusters"].size else None
    if both.both("centroids") and both.want["centroids"].ndim == 2:
        want, got = both.want["centroids"].astype(float), both.got["centroids"].astype(float)
        return matched(np.array([unlike(np.broadcast_to(row, got.shape), got) for row in want]))
    if both.both("soft_clusters") and both.want["soft_clusters"].ndim == 3:
        want, got = (x.reshape(-1, x.shape[2]) for x in (both.want["soft_clusters"], both.got["soft_clusters"]))
        return matched(_column_costs(np.nan_to_num(want), np.nan_to_num(got)))
    return None


def _disagreements(want: np.ndarray, got: np.ndarray, count: int) -> np.ndarray:
    """(count, count): how many elements are cluster k there or cluster j here, and not both."""
    named = (want >= 0) & (got >= 0)
    together = np.zeros((count, count))
    np.add.at(together, (want[named], got[named]), 1)
    theirs, ours = (np.bincount(labels[labels >= 0].ravel(), minlength=count) for labels in (want, got))
    return theirs[:, None] + ours[None, :] - 2 * together


def _count(both: Aligned, side: str) -> int:
    values: Mapping[str, Any] = getattr(both, side)
    counts = [int(values["hard_clusters"].max(initial=-1)) + 1]
    counts += [values[name].shape[axis] for name, axis in (("centroids", 0), ("soft_clusters", -1)) if name in values]
    return max(counts)


def _silent(both: Aligned) -> None:
    mask = unread("hard_clusters", both.want)
    if mask is not None and both.both("hard_clusters") and mask.shape == both.want["hard_clusters"].shape:
        want, got = both.want["hard_clusters"], both.got["hard_clusters"]
        changed = np.where(mask, want, got).astype(got.dtype)
        words = f"clusters of {int(np.sum(changed != got))} silent speakers, which nothing reads"
        both.change("hard_clusters", changed, words)


def _heard(both: Aligned) -> np.ndarray | None:
    """(C, S) bool: who says something in the chunk, in the reference; None where that cannot be known."""
    mask, clusters = unread("hard_clusters", both.want), both.want.get("hard_clusters")
    return None if mask is None or clusters is None or mask.shape != clusters.shape else ~mask


def _columns(both: Aligned) -> None:
    for name in ("discrete_diarization", "exclusive_discrete_diarization"):
        if both.both(name) and both.want[name].ndim == 2:
            columns = matched(_column_costs(both.want[name], both.got[name]))
            if columns is not None:
                both.change(name, both.got[name][:, columns], CLUSTERS)


def _signs(both: Aligned) -> None:
    if both.both("post_plda") and both.want["post_plda"].ndim == 2:
        want, got = both.want["post_plda"], both.got["post_plda"]
        sign = np.where(np.sum(got * want, axis=0) < 0, -1, 1).astype(got.dtype)
        flipped = int(np.sum(sign < 0))
        both.change("post_plda", got * sign, f"eigenvectors with the other sign, {flipped} of {len(sign)}")


def _column_costs(want: np.ndarray, got: np.ndarray) -> np.ndarray:
    """(K, K): mean distance of the reference's column k and the candidate's column j."""
    return np.array([np.mean(np.abs(got.astype(float) - column[:, None]), axis=0) for column in want.T.astype(float)])


def matched(costs: np.ndarray) -> np.ndarray | None:
    """The cheapest one-to-one matching, (K,) int64; None where it is not clearly better than as it stands."""
    if not len(costs) or not np.isfinite(costs).all():
        return None
    rows, columns = linear_sum_assignment(costs)
    standing, best = np.trace(costs), costs[rows, columns].sum()
    return columns if best < 0.5 * standing and standing - best > 1e-12 else None


def renaming(want: np.ndarray, got: np.ndarray) -> np.ndarray | None:
    """Which of the candidate's labels is the reference's label k, (K,); None unless the two are one partition."""
    pairs = np.unique(np.stack([want, got]), axis=1)
    labels = np.arange(pairs.shape[1])
    if not len(labels) or not (np.array_equal(pairs[0], labels) and np.array_equal(np.sort(pairs[1]), labels)):
        return None
    return pairs[1]


def _renamed(labels: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Labels in the reference's numbering; those that are none of its clusters, such as -2, stay."""
    inside = (labels >= 0) & (labels < len(columns))
    names = np.argsort(columns)[np.where(inside, labels, 0)]
    return np.where(inside, names, labels).astype(labels.dtype)
