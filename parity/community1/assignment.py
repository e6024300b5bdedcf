"""assignment: which cluster each speaker of each chunk is.

Source: `BaseClustering.constrained_argmax` in pyannote/audio/pipelines/clustering.py at tag 4.0.4.
Conventions: within a chunk two speakers never share a cluster; the best total wins, ties as SciPy breaks them; a
speaker left over where clusters are fewer than speakers gets -2. Without the constraint each takes its best cluster.
"""

from __future__ import annotations

import numpy as np
import scipy

UNASSIGNED = -2


def assign(soft_clusters: np.ndarray, train_chunk_idx: np.ndarray, kmeans_clusters: np.ndarray | None) -> np.ndarray:
    """Cluster of every speaker of every chunk.

    Parameters
    ----------
    soft_clusters : (num_chunks, 3, num_clusters) float64; NaN counts as the smallest score
    train_chunk_idx : (num_train,) int64; with fewer than two everybody is speaker 0
    kmeans_clusters : not None where a number of speakers was imposed: each takes its best cluster then

    Returns
    -------
    hard_clusters : (num_chunks, 3) int8, -2 for nobody
    """
    if len(train_chunk_idx) < 2:
        return np.zeros(soft_clusters.shape[:2], dtype=np.int8)
    if kmeans_clusters is not None:
        return np.argmax(soft_clusters, axis=2).astype(np.int8)
    return constrained_argmax(soft_clusters)


def constrained_argmax(soft_clusters: np.ndarray) -> np.ndarray:
    """Best one-to-one assignment chunk by chunk: (num_chunks, 3) int8."""
    scores = np.nan_to_num(soft_clusters, nan=np.nanmin(soft_clusters))
    hard_clusters = np.full(scores.shape[:2], UNASSIGNED, dtype=np.int8)
    for index, chunk_scores in enumerate(scores):
        speakers, clusters = scipy.optimize.linear_sum_assignment(chunk_scores, maximize=True)
        hard_clusters[index, speakers] = clusters
    return hard_clusters
