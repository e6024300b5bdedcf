"""centroids: one mean embedding a speaker.

Source: `VBxClustering.__call__` in pyannote/audio/pipelines/clustering.py at tag 4.0.4.
Conventions: a speaker survives VBx with a prior above 1e-7; centroids are means of raw (not normalised) embeddings,
weighted by responsibilities, or plain means where KMeans made the clusters or fewer than two embeddings are there.
"""

from __future__ import annotations

import numpy as np

SURVIVAL = 1e-7


def surviving(sp_final: np.ndarray) -> np.ndarray:
    """Which speakers VBx kept: (num_initial,) bool."""
    return sp_final > SURVIVAL


def compute_centroids(
    embeddings: np.ndarray,
    train_chunk_idx: np.ndarray,
    train_speaker_idx: np.ndarray,
    q_final: np.ndarray | None,
    sp_final: np.ndarray | None,
    kmeans_clusters: np.ndarray | None,
) -> np.ndarray:
    """Centroids of the speakers.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    train_chunk_idx, train_speaker_idx : (num_train,) int64
    q_final, sp_final : (num_train, num_initial) and (num_initial,) float64; None where VBx did not run
    kmeans_clusters : (num_train,) int; None where no number was imposed

    Returns
    -------
    centroids : (num_clusters, 256); float64 from VBx, float32 otherwise; NaN where there was no embedding at all
    """
    train = embeddings[train_chunk_idx, train_speaker_idx]
    if kmeans_clusters is not None:
        return np.vstack([train[kmeans_clusters == k].mean(axis=0) for k in range(kmeans_clusters.max() + 1)])
    if q_final is None:
        return train.mean(axis=0, keepdims=True) if len(train) else np.full((1, train.shape[1]), np.nan, np.float32)
    weights = q_final[:, surviving(sp_final)]
    return weights.T @ train / weights.sum(0, keepdims=True).T
