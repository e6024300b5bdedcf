"""centroids: one mean embedding per speaker.

Source: `VBxClustering.__call__` in pyannote/audio/pipelines/clustering.py at tag 4.0.4.
Conventions: a speaker survives VBx with a prior above 1e-7; centroids are means of raw (not normalised) embeddings,
weighted by responsibilities, or plain means where KMeans made the clusters or fewer than two embeddings are there.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SURVIVAL = 1e-7


def surviving(sp_final: np.ndarray, survival: float = SURVIVAL) -> np.ndarray:
    """Which speakers VBx kept: (num_initial,) bool."""
    return sp_final > survival


def compute_centroids(
    embeddings: np.ndarray,
    train_chunk_idx: np.ndarray,
    train_speaker_idx: np.ndarray,
    q_final: np.ndarray | None,
    sp_final: np.ndarray | None,
    kmeans_clusters: np.ndarray | None,
    *,
    forced_count: Callable[[int], int | None] | None = None,
    survival: float = SURVIVAL,
) -> np.ndarray:
    """Centroids of the speakers.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    train_chunk_idx, train_speaker_idx : (num_train,) int64
    q_final, sp_final : (num_train, num_initial) and (num_initial,) float64; None where VBx did not run
    kmeans_clusters : (num_train,) int; None where no number was imposed
    forced_count : number of speakers that VBx kept -> number imposed; as many as have a label by default
    survival : prior above which a speaker survives VBx

    Returns
    -------
    centroids : (num_clusters, 256); float64 from VBx, float32 otherwise; NaN for a cluster without embeddings
    """
    train = embeddings[train_chunk_idx, train_speaker_idx]
    if kmeans_clusters is not None:  # imposed on what VBx kept, so `sp_final` is there
        # Equal embeddings may leave KMeans with fewer clusters than imposed; the reference keeps their NaN centroids.
        imposed = forced_count(surviving(sp_final, survival).sum()) if forced_count and sp_final is not None else None
        imposed = imposed or kmeans_clusters.max() + 1
        return np.stack([_mean(train[kmeans_clusters == cluster]) for cluster in range(imposed)])
    if q_final is None or sp_final is None:
        return _mean(train)[None]
    weights = q_final[:, surviving(sp_final, survival)]
    return weights.T @ train / weights.sum(0, keepdims=True).T


def _mean(rows: np.ndarray) -> np.ndarray:
    return rows.mean(axis=0) if len(rows) else np.full(rows.shape[1], np.nan, dtype=rows.dtype)
