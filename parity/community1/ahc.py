"""ahc: a first clustering of the embeddings, by agglomeration.

Source: `VBxClustering.__call__` in pyannote/audio/pipelines/clustering.py at tag 4.0.4; linkage and cut are SciPy's.
Conventions: centroid linkage of unit-norm embeddings, euclidean; merges at or below the threshold are kept (`<=`);
labels are renumbered from 0 as `np.unique` does. Centroid linkage has inversions: each subtree's maximum is cut.
Memory: SciPy's linkage takes 8 T^2 bytes; for long recordings `linkage.py` gives the same, with whatever there is.
"""

from __future__ import annotations

import numpy as np
import scipy

from parity.community1.linkage import centroid_linkage, full_bytes
from parity.files.limits import memory_limit

SCIPY_BYTES = 10**8
"""What SciPy's linkage may take at most; 3,536 embeddings, not quite an hour of talk. Beyond, `linkage.py` is faster
where it may keep all distances, on all cores, and does with less memory where it may not.
"""


def cluster_ahc(
    embeddings: np.ndarray,
    train_chunk_idx: np.ndarray,
    train_speaker_idx: np.ndarray,
    *,
    threshold: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Centroid-linkage clustering.

    Parameters
    ----------
    embeddings : (num_chunks, 3, 256) float32
    train_chunk_idx, train_speaker_idx : (num_train,) int64, at least two
    threshold : euclidean distance between unit-norm centroids

    Returns
    -------
    dendrogram : (num_train - 1, 4) float64: the two clusters merged, their distance, the new size
    ahc_clusters : (num_train,) int64, from 0

    Raises
    ------
    InputError : it takes more memory than there is, see `bounded_linkage`
    """
    dendrogram = bounded_linkage(normalised_training(embeddings, train_chunk_idx, train_speaker_idx))
    return dendrogram, cut(dendrogram, threshold)


def bounded_linkage(rows: np.ndarray) -> np.ndarray:
    """Centroid linkage within the memory at hand, the same whichever way: (num, dimension) -> (num - 1, 4) float64.

    Raises
    ------
    InputError : there is too little memory for either way, or `PARITY_MEMORY` is no number of bytes
    """
    limit = memory_limit()
    if full_bytes(len(rows)) <= min(limit, SCIPY_BYTES):
        return scipy.cluster.hierarchy.linkage(rows, method="centroid", metric="euclidean")
    return centroid_linkage(rows, limit=limit)


def cut(dendrogram: np.ndarray, threshold: float) -> np.ndarray:
    """Labels from 0 of the clusters whose merges all lie at or below the threshold."""
    clusters = scipy.cluster.hierarchy.fcluster(dendrogram, threshold, criterion="distance") - 1
    _, labels = np.unique(clusters, return_inverse=True)
    return labels


def subtree_heights(dendrogram: np.ndarray) -> np.ndarray:
    """The largest merge inside each subtree, (num - 1,) float64: SciPy's `maxdists`, which takes long to import.

    Raises
    ------
    ValueError : not a dendrogram
    """
    merges = np.asarray(dendrogram, dtype=np.float64)
    count = len(merges) + 1
    if merges.ndim != 2 or merges.shape[1] != 4 or not np.isfinite(merges).all():
        raise ValueError(f"{merges.shape} is no dendrogram, expected (num - 1, 4), all finite")
    parts = merges[:, :2].astype(np.int64)
    if (parts != merges[:, :2]).any() or (parts < 0).any() or (parts >= count + np.arange(count - 1)[:, None]).any():
        raise ValueError("no dendrogram: a merge of clusters that there are not yet")
    heights = merges[:, 2].tolist()
    for step, pair in enumerate(parts.tolist()):
        for part in pair:
            if part >= count:
                heights[step] = max(heights[step], heights[part - count])
    return np.array(heights)


def normalised_training(
    embeddings: np.ndarray, train_chunk_idx: np.ndarray, train_speaker_idx: np.ndarray
) -> np.ndarray:
    """The embeddings to cluster, each of unit norm: (num_train, 256) float32."""
    train = embeddings[train_chunk_idx, train_speaker_idx]
    return train / np.linalg.norm(train, axis=1, keepdims=True)
