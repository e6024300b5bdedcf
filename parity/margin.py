"""How far every discrete decision of the reference stands from flipping.

Task: a snapshot -> for each kind of decision, the smallest margin, where it is, and how many decisions are exact ties.
Everything is read off the reference's own values; nothing is replayed. A margin is the distance of the deciding number
from the point where the decision changes, in the number's own unit.
Sources: the decisions are those of pyannote.audio 4.0.4, each named in the module of its stage in `parity.community1`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from scipy.cluster.hierarchy import maxdists

from parity.community1.assignment import constrained_argmax
from parity.community1.centroids import SURVIVAL
from parity.community1.filtering import MIN_ACTIVE_RATIO, clean_frames
from parity.community1.masks import min_num_frames
from parity.community1.reconstruction import sum_activations
from parity.community1.scoring import inactive
from parity.community1.speaker_counting import mean_activity
from parity.community1.vbx import STOP_BELOW
from parity.drift import in_words
from parity.snapshot import Snapshot


@dataclass(frozen=True)
class Margin:
    """The closest call of one kind of decision.

    Attributes
    ----------
    stage, decision : which decision it is
    smallest : distance of the closest decision that is no exact tie; None where there is none
    unit : of that distance
    where : that decision, in words
    decisions : how many of the kind were taken
    ties : how many stand exactly on the edge; the reference breaks those by convention or by accident
    ambiguous : whether it breaks them by accident, so that they may fall otherwise on another CPU
    """

    stage: str
    decision: str
    smallest: float | None
    unit: str
    where: str
    decisions: int
    ties: int
    ambiguous: bool = False


def margins(snapshot: Snapshot) -> list[Margin]:
    """Margins of every decision that the snapshot shows, in the pipeline's order."""
    return [margin for kind in KINDS for margin in kind(snapshot)]


def _needs(*names: str) -> Callable[[Callable], Callable]:
    """Skip a kind of decision where the reference did not reach it or the snapshot does not show it."""

    def wrap(kind: Callable[..., Iterator[Margin]]) -> Callable[[Snapshot], list[Margin]]:
        def measured(snapshot: Snapshot) -> list[Margin]:
            values = [snapshot.values.get(name) for name in names]
            return [] if any(value is None for value in values) else list(kind(snapshot, *values))

        return measured

    return wrap


@_needs("segmentations")
def _powerset(snapshot: Snapshot, segmentations: np.ndarray) -> Iterator[Margin]:
    gap = snapshot.segmentation_gap
    if gap is not None:
        yield _closest("segmentation", "best powerset class", gap, "log-probability", _place("C F"))


@_needs("segmentations", "count")
def _count(snapshot: Snapshot, segmentations: np.ndarray, count: np.ndarray) -> Iterator[Margin]:
    mean = mean_activity(segmentations)[:, 0].astype(np.float64)
    distance = np.abs(mean - np.floor(mean) - 0.5)
    yield _closest("speaker_counting", "count rounded", distance, "speakers", _place("frames"))


@_needs("segmentations", "masks")
def _fallback(snapshot: Snapshot, segmentations: np.ndarray, masks: np.ndarray) -> Iterator[Margin]:
    edge = min_num_frames(segmentations.shape[1]) + 0.5  # more frames than that: clean mask
    yield _among_active(
        "masks", "clean mask or whole", np.abs(clean_frames(segmentations) - edge), "frames", segmentations
    )


@_needs("segmentations", "train_chunk_idx")
def _filter(snapshot: Snapshot, segmentations: np.ndarray, chunks: np.ndarray) -> Iterator[Margin]:
    distance = np.abs(clean_frames(segmentations) - MIN_ACTIVE_RATIO * segmentations.shape[1])
    yield _among_active("filter", "enough clean speech", distance, "frames", segmentations)


@_needs("dendrogram")
def _cut(snapshot: Snapshot, dendrogram: np.ndarray) -> Iterator[Margin]:
    threshold = float(snapshot.companions["ahc_state.npz", "threshold"])
    # Centroid linkage has inversions: what is cut is the largest merge inside each subtree, not its own height.
    distance = np.abs(maxdists(dendrogram) - threshold)
    yield _closest("ahc", "merge above or below the cut", distance, "distance", lambda index: f"merge {index[0]}")


@_needs("elbo_trajectory", "sp_final")
def _vbx(snapshot: Snapshot, elbo: np.ndarray, priors: np.ndarray) -> Iterator[Margin]:
    growth = np.abs(np.diff(elbo) - STOP_BELOW)
    yield _closest("vbx", "another iteration", growth, "nats", lambda index: f"iteration {index[0] + 2}")
    decades = np.abs(np.log10(np.maximum(priors, np.finfo(float).tiny)) - np.log10(SURVIVAL))
    yield _closest("centroids", "speaker survives", decades, "decades of prior", lambda index: f"speaker {index[0]}")


@_needs("soft_clusters", "segmentations", "hard_clusters", "train_chunk_idx")
def _assignment(
    snapshot: Snapshot, soft: np.ndarray, segmentations: np.ndarray, hard: np.ndarray, train: np.ndarray
) -> Iterator[Margin]:
    if len(train) < 2 or soft.shape[2] < 2:
        return
    active = ~inactive(segmentations)
    if "kmeans_clusters" in snapshot.values:
        ordered = np.sort(soft, axis=2)
        gap = ordered[..., -1] - ordered[..., -2]
        yield _among_active("assignment", "closest cluster", gap, "score", segmentations)
        return
    gaps = np.array([_second_best(scores, who) for scores, who in zip(soft, active, strict=True)])
    yield _closest("assignment", "best assignment of a chunk", gaps, "score", _place("C"))


def _second_best(scores: np.ndarray, active: np.ndarray) -> float:
    """How much the best assignment that differs for a speaker who speaks is worse than the best one; inf: none does."""
    if not active.any():
        return np.inf
    speakers, clusters = scores.shape
    # As the reference: every speaker takes part, silent ones with a constant score; some stay over where K < S.
    slots = np.concatenate([scores, np.zeros((speakers, max(0, speakers - clusters)))], axis=1)
    choices = np.array(list(permutations(range(slots.shape[1]), speakers)))
    totals = slots[np.arange(speakers), choices].sum(axis=1)
    chosen = constrained_argmax(scores[None])[0]
    assigned = np.where(choices < clusters, choices, -2)
    differs = (assigned != chosen)[:, active].any(axis=1)
    return float(totals.max() - totals[differs].max()) if differs.any() else np.inf


@_needs("segmentations", "hard_clusters", "count")
def _ranking(snapshot: Snapshot, segmentations: np.ndarray, hard: np.ndarray, count: np.ndarray) -> Iterator[Margin]:
    activations = sum_activations(segmentations, hard)
    missing = max(0, int(count.max()) - activations.shape[1])
    ordered = -np.sort(-np.pad(activations, ((0, 0), (0, missing))), axis=1)
    chosen = count[:, 0].astype(int)
    frames = np.flatnonzero((chosen > 0) & (chosen < ordered.shape[1]))
    gap = np.full(len(chosen), np.inf)
    gap[frames] = ordered[frames, chosen[frames] - 1] - ordered[frames, chosen[frames]]
    yield _closest("reconstruction", "most active speakers", gap, "chunks", _place("frames"), ambiguous=True)


KINDS = (_powerset, _count, _fallback, _filter, _cut, _vbx, _assignment, _ranking)


def _place(dims: str) -> Callable[[tuple[int, ...]], str]:
    return lambda index: in_words(tuple(dims.split()), index)


def _among_active(stage: str, decision: str, distance: np.ndarray, unit: str, segmentations: np.ndarray) -> Margin:
    quiet = np.where(inactive(segmentations), np.inf, distance)
    return _closest(stage, decision, quiet, unit, _place("C S"))


def _closest(
    stage: str,
    decision: str,
    distance: np.ndarray,
    unit: str,
    where: Callable[[tuple[int, ...]], str],
    *,
    ambiguous: bool = False,
) -> Margin:
    """The smallest distance that is not zero; infinity stands for no decision."""
    taken = np.isfinite(distance)
    ties = int(np.sum(distance[taken] == 0))
    open_ = np.where(taken & (distance > 0), distance, np.inf)
    if not np.isfinite(open_).any():
        return Margin(stage, decision, None, unit, "", int(taken.sum()), ties, ambiguous)
    index = np.unravel_index(int(np.argmin(open_)), distance.shape)
    place = tuple(int(i) for i in index)
    return Margin(stage, decision, float(open_[index]), unit, where(place), int(taken.sum()), ties, ambiguous)
