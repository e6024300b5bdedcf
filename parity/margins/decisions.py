"""Every kind of discrete decision the pipeline takes: the number that decides it, and where that number's edge is.

Task: `KINDS`, one row for each kind of decision -> deciding numbers of one side, and how far each is from flipping.
Sources: the decisions are those of pyannote.audio 4.0.4, each named in the module of its stage in `parity.community1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from math import perm
from typing import Any

import numpy as np

from parity.community1.ahc import subtree_heights
from parity.community1.annotation import silences
from parity.community1.assignment import UNASSIGNED, constrained_argmax
from parity.community1.filtering import clean_frames
from parity.community1.masks import min_num_frames
from parity.community1.parameters import Parameters
from parity.community1.reconstruction import active_clusters, sum_activations
from parity.community1.scoring import inactive
from parity.community1.segmentation import powerset_mapping
from parity.community1.speaker_counting import mean_activity
from parity.errors import InputError, one_line
from parity.measure.drift import in_words
from parity.pipeline import ChunkSeries

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Kind:
    """One kind of decision.

    Attributes
    ----------
    needs : of the reference, without which nothing can be said
    reads : of a side, what its deciding numbers are made of
    quantity : (reference's values, one side's values) -> the deciding numbers of that side, any shape; infinite where
        nothing was decided. Where it compares two choices, they are the reference's two on either side
    distance : (quantity, reference's values) -> how far each stands from the point where the decision changes
    where : (index, reference's values) -> the decision in words
    """

    stage: str
    decision: str
    unit: str
    needs: tuple[str, ...]
    reads: tuple[str, ...]
    quantity: Callable[[Values, Values], np.ndarray]
    distance: Callable[[np.ndarray, Values], np.ndarray]
    where: Callable[[tuple[int, ...], Values], str]
    ambiguous: bool = False
    applies: Callable[[Values], bool] = lambda reference: True


def _lead_of_class(reference: Values, side: Values) -> np.ndarray:
    """By how much the reference's best class leads, (C, F); on the reference's side that is the recorded gap."""
    if side is reference:
        return reference["segmentation_gap"].astype(np.float64)
    logits = side["segmentation_logits"]
    if isinstance(logits, ChunkSeries):
        if not np.array_equal(logits.chunks, np.arange(len(reference["segmentations"]))):
            return np.zeros(0)  # given for some chunks only
        logits = logits.take(logits.chunks)
    logits = logits.astype(np.float64)
    classes = np.argmax(reference["segmentations"] @ (2 ** np.arange(3)) == _CODES[:, None, None], axis=0)[..., None]
    if logits.shape[:2] != classes.shape[:2]:
        return np.zeros(0)
    best = np.take_along_axis(logits, classes, axis=-1)[..., 0]
    others = logits.copy()
    np.put_along_axis(others, classes, -np.inf, axis=-1)
    return best - others.max(axis=-1)


_CODES = powerset_mapping() @ (2 ** np.arange(3))


def _mean(reference: Values, side: Values) -> np.ndarray:
    return mean_activity(side["segmentations"], _step(reference))[:, 0].astype(np.float64)


def _clean(reference: Values, side: Values) -> np.ndarray:
    frames = clean_frames(side["segmentations"]).astype(np.float64)
    quiet = inactive(reference["segmentations"])
    return np.where(quiet, np.inf, frames) if frames.shape == quiet.shape else frames


def _subtree_maxima(reference: Values, side: Values) -> np.ndarray:
    # Centroid linkage has inversions: what is cut is the largest merge inside each subtree, not its own height.
    return subtree_heights(side["dendrogram"])


def _lead_of_assignment(reference: Values, side: Values) -> np.ndarray:
    """By how much the reference's assignment of each chunk leads the best one that differs for somebody who speaks."""
    soft, active = side["soft_clusters"], ~inactive(reference["segmentations"])
    if soft.shape != reference["soft_clusters"].shape:
        return np.zeros(0)
    chosen = _assigned(reference["soft_clusters"])
    return np.array([lead(*row) for row in zip(soft, active, chosen, strict=True)])


def _assigned(soft: np.ndarray) -> np.ndarray:
    """What `constrained_argmax` finds, (C, S): of few speakers and clusters all choices are looked at, without SciPy.

    Where several are as good it may find another one: the lead is none whichever it is.
    """
    speakers, clusters = soft.shape[1:]
    if not soft.size or perm(max(speakers, clusters), speakers) * len(soft) > MOST_CHOICES:
        return constrained_argmax(soft)
    choices = _choices(speakers, clusters)
    slots = np.zeros((len(soft), speakers, max(speakers, clusters)))
    slots[..., :clusters] = np.nan_to_num(soft, nan=np.nanmin(soft))
    best = choices[slots[:, np.arange(speakers), choices].sum(axis=2).argmax(axis=1)]
    return np.where(best < clusters, best, UNASSIGNED)


@lru_cache(maxsize=8)
def _choices(speakers: int, clusters: int) -> np.ndarray:
    """Every way to give each speaker a cluster of its own, or a slot beyond them where they are fewer: (n, S)."""
    return np.array(list(permutations(range(max(speakers, clusters)), speakers)))


def lead(scores: np.ndarray, active: np.ndarray, chosen: np.ndarray) -> float:
    """How much a chunk's assignment is better than the best one that differs for a speaker who speaks; inf: none does.

    Parameters
    ----------
    scores : (speakers, clusters) float64
    active : (speakers,) bool
    chosen : (speakers,) int8, -2 for nobody
    """
    if not active.any():
        return np.inf
    speakers, clusters = scores.shape
    # As the reference: every speaker takes part, silent ones with a constant score; some stay over where K < S.
    slots = np.concatenate([scores, np.zeros((speakers, max(0, speakers - clusters)))], axis=1)
    choices = _choices(speakers, clusters)
    totals = slots[np.arange(speakers), choices].sum(axis=1)
    differs = (np.where(choices < clusters, choices, -2) != chosen)[:, active].any(axis=1)
    return float(totals[~differs].max() - totals[differs].max()) if differs.any() else np.inf


def _lead_of_cluster(reference: Values, side: Values) -> np.ndarray:
    """By how much the reference's closest cluster leads, speaker by speaker (C, S); assignment is free after KMeans."""
    soft = side["soft_clusters"]
    if soft.shape != reference["soft_clusters"].shape:
        return np.zeros(0)
    best = np.argmax(reference["soft_clusters"], axis=2)[..., None]
    others = soft.copy()
    np.put_along_axis(others, best, -np.inf, axis=2)
    ahead = np.take_along_axis(soft, best, axis=2)[..., 0] - others.max(axis=2)
    return np.where(inactive(reference["segmentations"]), np.inf, ahead)


def _lead_of_ranking(reference: Values, side: Values) -> np.ndarray:
    """By how much the last speaker who counts in a frame leads the first who does not, (frames,); inf where all or
    nobody count."""
    ours, theirs = (_activations(values, reference["count"], _step(reference)) for values in (side, reference))
    if ours.shape != theirs.shape or len(ours) != len(reference["count"]):
        return np.zeros(0)
    chosen = reference["count"][:, 0].astype(int)
    order = np.argsort(-theirs, axis=1, kind="stable")
    ranked = np.take_along_axis(ours, order, axis=1)
    found = np.full(len(chosen), np.inf)
    for frame in np.flatnonzero((chosen > 0) & (chosen < ours.shape[1])):
        found[frame] = ranked[frame, : chosen[frame]].min() - ranked[frame, chosen[frame] :].max()
    return found


def _activations(values: Values, count: np.ndarray, step: float) -> np.ndarray:
    if (active_clusters(values["segmentations"], values["hard_clusters"]) < 0).all():  # somebody speaks, in no cluster
        return np.zeros((len(count), int(count.max(initial=0))))
    found = sum_activations(values["segmentations"], values["hard_clusters"], step)
    return np.pad(found, ((0, 0), (0, max(0, int(count.max()) - found.shape[1])))).astype(np.float64)


def _silences(reference: Values, side: Values) -> np.ndarray:
    return np.array([end - start for start, end, _ in silences(side["discrete_diarization"])])


def _gap_in_words(index: tuple[int, ...], reference: Values) -> str:
    start, end, speaker = silences(reference["discrete_diarization"])[index[0]]
    return f"speaker {speaker} silent from {start:.2f} s to {end:.2f} s"


def _is(value: float) -> Callable[[np.ndarray, Values], np.ndarray]:
    return lambda quantity, reference: np.abs(quantity - value)


def _place(dims: str) -> Callable[[tuple[int, ...], Values], str]:
    return lambda index, reference: in_words(tuple(dims.split()), index, _step(reference))


def _counted(word: str, first: int = 0) -> Callable[[tuple[int, ...], Values], str]:
    return lambda index, reference: f"{word} {index[0] + first}"


def _to_share(quantity: np.ndarray, reference: Values) -> np.ndarray:
    return np.abs(quantity - _setting(reference, "min_active_ratio") * reference["segmentations"].shape[1])


def _to_clean(quantity: np.ndarray, reference: Values) -> np.ndarray:
    return np.abs(quantity - (min_num_frames(reference["segmentations"].shape[1]) + 0.5))


def _to_rounding(quantity: np.ndarray, reference: Values) -> np.ndarray:
    beyond = quantity - np.floor(quantity) - _setting(reference, "count_threshold")
    return np.abs(beyond - np.rint(beyond))  # the next edge may be that of the next number


MOST_CHOICES = 1_000_000
"""Assignments of all chunks that are looked at one by one; beyond, SciPy's solver is."""
MOST = 1e6  # of any constant that a snapshot records


def _setting(reference: Values, name: str) -> float:
    """A constant of the pipeline, as the snapshot records it where it is another than the reference's own."""
    value = np.asarray(reference.get(name, getattr(Parameters, name)))
    if value.ndim or value.dtype.kind not in "fiu" or not 0 <= value < MOST:
        raise InputError(f"{name} is {one_line(value, 60)}, expected one number from 0 to {MOST:g}")
    return float(value)


def _step(reference: Values) -> float:
    return _setting(reference, "chunk_step")


def _clustered(reference: Values) -> bool:
    return len(reference["train_chunk_idx"]) >= 2 and reference["soft_clusters"].shape[2] >= 2


KINDS = (
    Kind("segmentation", "best powerset class", "log-probability", ("segmentations", "segmentation_gap"),
         ("segmentation_logits",),
         _lead_of_class, _is(0.0), _place("C F")),
    Kind("speaker_counting", "count rounded", "speakers", ("segmentations", "count"),
         ("segmentations",),
         _mean, _to_rounding, _place("frames")),
    # More clean frames than the smallest number: clean mask.
    Kind("masks", "clean mask or whole", "frames", ("segmentations", "masks"),
         ("segmentations",),
         _clean, _to_clean, _place("C S")),
    Kind("filter", "enough clean speech", "frames", ("segmentations", "train_chunk_idx"),
         ("segmentations",),
         _clean, _to_share, _place("C S")),
    Kind("ahc", "merge above or below the cut", "distance", ("dendrogram",),
         ("dendrogram",),
         _subtree_maxima, lambda q, reference: np.abs(q - float(reference["threshold"])), _counted("merge")),
    Kind("vbx", "another iteration", "nats", ("elbo_trajectory",),
         ("elbo_trajectory",),
         lambda reference, side: np.diff(side["elbo_trajectory"]),
         lambda q, reference: np.abs(q - _setting(reference, "stop_below")), _counted("iteration", 2)),
    Kind("centroids", "speaker survives", "decades of prior", ("sp_final",),
         ("sp_final",),
         lambda reference, side: np.log10(np.maximum(side["sp_final"], np.finfo(float).tiny)),
         lambda q, reference: np.abs(q - np.log10(_setting(reference, "survival"))), _counted("speaker")),
    Kind("assignment", "best assignment of a chunk", "score", ("soft_clusters", "segmentations", "train_chunk_idx"),
         ("soft_clusters",),
         _lead_of_assignment, _is(0.0), _place("C"),
         applies=lambda reference: _clustered(reference) and "kmeans_clusters" not in reference),
    Kind("assignment", "closest cluster", "score", ("soft_clusters", "segmentations", "train_chunk_idx"),
         ("soft_clusters",),
         _lead_of_cluster, _is(0.0), _place("C S"),
         applies=lambda reference: _clustered(reference) and "kmeans_clusters" in reference),
    Kind("reconstruction", "most active speakers", "chunks", ("segmentations", "hard_clusters", "count"),
         ("segmentations", "hard_clusters"),
         _lead_of_ranking, _is(0.0), _place("frames"), ambiguous=True),
    Kind("annotation", "gap filled", "seconds", ("discrete_diarization",),
         ("discrete_diarization",),
         _silences, lambda q, reference: np.abs(q - float(reference.get("min_duration_off", 0.0))), _gap_in_words),
)  # fmt: skip
