"""filter: which embeddings are good enough to cluster.

Source: `BaseClustering.filter_embeddings` in pyannote/audio/pipelines/clustering.py at tag 4.0.4.
Convention: a speaker must be alone for at least 20 % of the chunk's frames, and the embedding must not hold NaN.
"""

from __future__ import annotations

import numpy as np

MIN_ACTIVE_RATIO = 0.2


def filter_embeddings(
    embeddings: np.ndarray, segmentations: np.ndarray, *, min_active_ratio: float = MIN_ACTIVE_RATIO
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the embeddings that are clustered, in chunk order, then speaker order.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    segmentations : (num_chunks, 589, 3) float32, 0 or 1
    min_active_ratio : share of a chunk's frames in which a speaker has to be alone

    Returns
    -------
    train_chunk_idx, train_speaker_idx : (num_train,) int64
    """
    active = clean_frames(segmentations) >= min_active_ratio * segmentations.shape[1]
    valid = ~np.any(np.isnan(embeddings), axis=2)
    chunks, speakers = np.where(active & valid)
    return chunks, speakers


def clean_frames(segmentations: np.ndarray) -> np.ndarray:
    """Frames in which exactly that speaker is active: (num_chunks, 3) float32."""
    alone = np.sum(segmentations, axis=2, keepdims=True) == 1
    return np.sum(segmentations * alone, axis=1)
