"""Three mistakes that ports make, as functions in a stage's place and, through `port_program`, as a program's."""

from __future__ import annotations

import numpy as np

from parity.community1.assignment import UNASSIGNED, assign
from parity.community1.speaker_counting import mean_activity


def greedy_assignment(
    soft_clusters: np.ndarray, train_chunk_idx: np.ndarray, kmeans_clusters: np.ndarray | None
) -> np.ndarray:
    """The best pair of a chunk first, then the best that is left; the best total may be elsewhere."""
    scores = np.nan_to_num(soft_clusters, nan=np.nanmin(soft_clusters))
    hard = np.full(scores.shape[:2], UNASSIGNED, dtype=np.int8)
    for chunk, pairs in enumerate(scores.copy()):
        for _ in range(min(pairs.shape)):
            speaker, cluster = np.unravel_index(np.argmax(pairs), pairs.shape)
            hard[chunk, speaker] = cluster
            pairs[speaker], pairs[:, cluster] = -np.inf, -np.inf
    return hard


def rounded_half_up(segmentations: np.ndarray) -> np.ndarray:
    """The number of speakers, 0.5 rounded to 1 and 2.5 to 3."""
    return np.floor(mean_activity(segmentations) + 0.5).astype(np.uint8)


def two_swapped(
    soft_clusters: np.ndarray, train_chunk_idx: np.ndarray, kmeans_clusters: np.ndarray | None
) -> np.ndarray:
    """The third chunk's speakers have each other's clusters."""
    hard = assign(soft_clusters, train_chunk_idx, kmeans_clusters)
    hard[2] = np.where(hard[2] >= 0, 1 - hard[2], hard[2])
    return hard
