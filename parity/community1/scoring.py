"""scoring: how close every embedding is to every centroid.

Source: `VBxClustering.__call__` in pyannote/audio/pipelines/clustering.py at tag 4.0.4.
Conventions: 2 minus the cosine distance. Where assignment is constrained, speakers inactive in their chunk are set
aside here, with a score one below the smallest: the reference overwrites its array in place before it returns it.
"""

from __future__ import annotations

import numpy as np
import scipy


def score(
    embeddings: np.ndarray,
    centroids: np.ndarray,
    segmentations: np.ndarray,
    train_chunk_idx: np.ndarray,
    kmeans_clusters: np.ndarray | None,
) -> np.ndarray:
    """Scores of all embeddings against all centroids.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    centroids : (num_clusters, 256)
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    train_chunk_idx : (num_train,) int64; with fewer than two there was nothing to cluster and all scores are one
    kmeans_clusters : not None where a number of speakers was imposed: assignment is not constrained then

    Returns
    -------
    soft_clusters : (num_chunks, 3, num_clusters) float64, in [0, 2], lower where set aside
    """
    num_chunks, num_speakers, dimension = embeddings.shape
    if len(train_chunk_idx) < 2:
        return np.ones((num_chunks, num_speakers, 1))
    distances = scipy.spatial.distance.cdist(embeddings.reshape(-1, dimension), centroids, metric="cosine")
    soft_clusters = 2 - distances.reshape(num_chunks, num_speakers, -1)
    if kmeans_clusters is None:
        soft_clusters[inactive(segmentations)] = soft_clusters.min() - 1.0
    return soft_clusters


def inactive(segmentations: np.ndarray) -> np.ndarray:
    """Speakers who say nothing in their chunk: (num_chunks, 3) bool."""
    return segmentations.sum(axis=1) == 0
