"""More mistakes in ahc: what other toolkits call clustering, and how they cut."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.cluster.hierarchy import fcluster, leaders, linkage
from scipy.spatial.distance import cdist

from parity.community1.ahc import cut, normalised_training
from parity.faults.fault import Workshop
from parity.faults.known.planting import Make, Run, fault

SMALLEST_CLUSTER = 12
"""Embeddings; `min_cluster_size` of the pipeline before this one."""

Cut = Callable[[np.ndarray, float], np.ndarray]


def _linked(method: str, metric: str = "euclidean") -> Make:
    def make(native: Run, workshop: Workshop) -> Run:
        def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            dendrogram = linkage(normalised_training(*training), method=method, metric=metric)
            return dendrogram, cut(dendrogram, workshop.parameters.threshold)

        return run

    return make


def _heights(change: Callable[[np.ndarray], np.ndarray]) -> Make:
    """The dendrogram's heights changed before the cut."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            dendrogram = native(*training)[0].copy()
            dendrogram[:, 2] = change(dendrogram[:, 2])
            return dendrogram, cut(dendrogram, workshop.parameters.threshold)

        return run

    return make


def _cut_by(cutting: Cut) -> Make:
    def make(native: Run, workshop: Workshop) -> Run:
        def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            dendrogram, _ = native(*training)
            return dendrogram, cutting(dendrogram, workshop.parameters.threshold)

        return run

    return make


def numbered(labels: np.ndarray) -> np.ndarray:
    """Labels from 0 in the order of their values: (num_train,) int64."""
    return np.unique(labels, return_inverse=True)[1]


def inconsistent(dendrogram: np.ndarray, threshold: float) -> np.ndarray:
    """SciPy's default criterion: merges far above those below them are undone."""
    return numbered(fcluster(dendrogram, threshold))


def at_cosine(dendrogram: np.ndarray, threshold: float) -> np.ndarray:
    """The threshold read as a cosine distance: the euclidean distance of unit rows is the root of twice that."""
    return cut(dendrogram, float(np.sqrt(2 * threshold)))


def numbered_by_size(dendrogram: np.ndarray, threshold: float) -> np.ndarray:
    """The same partition, the largest cluster first."""
    labels = cut(dendrogram, threshold)
    order = np.argsort(-np.bincount(labels), kind="stable")
    return np.argsort(order)[labels]


def numbered_by_node(dendrogram: np.ndarray, threshold: float) -> np.ndarray:
    """The same partition in the order in which clusters were finished: single embeddings first, then merges."""
    flat = fcluster(dendrogram, threshold, criterion="distance").astype(np.int32)
    nodes, members = leaders(dendrogram, flat)
    rank = np.empty(members.max() + 1, dtype=np.int64)
    rank[members] = np.argsort(np.argsort(nodes))
    return rank[flat]


def _small_given_away(native: Run, workshop: Workshop) -> Run:
    def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dendrogram, labels = native(*training)
        return dendrogram, give_small_away(normalised_training(*training), labels)

    return run


def give_small_away(rows: np.ndarray, labels: np.ndarray, smallest: int = SMALLEST_CLUSTER) -> np.ndarray:
    """Clusters of fewer rows than the smallest joined to the large one whose mean is closest by cosine.

    Where none is large, all are one, as pyannote.audio 3.1 has it.
    """
    sizes = np.bincount(labels)
    large, small = np.flatnonzero(sizes >= smallest), np.flatnonzero(sizes < smallest)
    if not len(large):
        return np.zeros_like(labels)
    if not len(small):
        return labels
    means = np.stack([rows[labels == label].mean(axis=0) for label in range(len(sizes))])
    target = np.arange(len(sizes))
    target[small] = large[cdist(means[large], means[small], metric="cosine").argmin(axis=0)]
    return numbered(target[labels])


def _in_float16(native: Run, workshop: Workshop) -> Run:
    def run(embeddings: np.ndarray, *training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = normalised_training(embeddings, *training).astype(np.float16).astype(np.float32)
        dendrogram = linkage(rows, method="centroid", metric="euclidean")
        return dendrogram, cut(dendrogram, workshop.parameters.threshold)

    return run


def _centred(native: Run, workshop: Workshop) -> Run:
    def run(embeddings: np.ndarray, *training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return native(embeddings - embeddings[tuple(training)].mean(axis=0), *training)

    return run


FAULTS = [
    fault("ahc_single_linkage", "ahc", "single linkage instead of centroid linkage", _linked("single")),
    fault("ahc_complete_linkage", "ahc", "complete linkage instead of centroid linkage", _linked("complete")),
    fault("ahc_ward_linkage", "ahc", "Ward's linkage instead of centroid linkage", _linked("ward")),
    fault(
        "ahc_median_linkage",
        "ahc",
        "a merged cluster stands halfway between its two parts, however many each has (WPGMC)",
        _linked("median"),
    ),
    fault(
        "ahc_weighted_linkage",
        "ahc",
        "distances of the two parts averaged without their sizes (WPGMA) instead of centroid linkage",
        _linked("weighted"),
    ),
    fault(
        "ahc_average_of_cosines",
        "ahc",
        "average linkage of cosine distances, as scikit-learn offers, instead of euclidean centroids",
        _linked("average", "cosine"),
    ),
    fault(
        "ahc_squared_heights",
        "ahc",
        "squared distances in the dendrogram, as R and fastcluster hold centroids, compared with the same threshold",
        _heights(np.square),
    ),
    fault(
        "ahc_heights_rising",
        "ahc",
        "the dendrogram's heights made to rise: where there are inversions the highest so far stands",
        _heights(np.maximum.accumulate),
    ),
    fault(
        "ahc_cut_by_default",
        "ahc",
        "SciPy's default criterion, inconsistent, instead of the distance",
        _cut_by(inconsistent),
    ),
    fault(
        "ahc_threshold_as_cosine",
        "ahc",
        "0.6 taken for a cosine distance, which is 1.095 between unit rows",
        _cut_by(at_cosine),
    ),
    fault(
        "ahc_labels_by_size",
        "ahc",
        "clusters numbered from the largest to the smallest instead of canonically",
        _cut_by(numbered_by_size),
    ),
    fault(
        "ahc_labels_by_node",
        "ahc",
        "clusters numbered in the order in which they were finished instead of canonically",
        _cut_by(numbered_by_node),
    ),
    fault(
        "ahc_small_given_away",
        "ahc",
        "clusters of fewer than 12 embeddings given to the nearest large one, as pyannote.audio 3.1 does",
        _small_given_away,
    ),
    fault(
        "ahc_of_float16_embeddings",
        "ahc",
        "unit rows rounded to float16 before they are merged",
        _in_float16,
    ),
    fault(
        "ahc_of_centred_embeddings",
        "ahc",
        "the recording's mean embedding taken off before they are normalised and merged",
        _centred,
    ),
]
