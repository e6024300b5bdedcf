"""Mistakes in centroids, scoring and assignment."""

from __future__ import annotations

import numpy as np

from parity.community1.assignment import UNASSIGNED
from parity.community1.centroids import surviving
from parity.community1.scoring import inactive
from parity.faults.fault import Workshop
from parity.faults.known.embedding import of_unit_norm
from parity.faults.known.planting import Run, fault

OTHER_SURVIVAL = 1e-3


def _survival(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> np.ndarray:
        *training, q, sp, kmeans = inputs
        kept = None if sp is None else np.where(sp > OTHER_SURVIVAL, sp, 0.0)
        return native(*training, q, kept, kmeans)

    return run


def _of_normalised(native: Run, workshop: Workshop) -> Run:
    return lambda embeddings, *rest: native(of_unit_norm(embeddings), *rest)


def _hard_weights(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> np.ndarray:
        *training, q, sp, kmeans = inputs
        hard = None if q is None else np.eye(q.shape[1])[q.argmax(axis=1)]
        with np.errstate(invalid="ignore"):  # a speaker that is nobody's best gets NaN, as in a port
            return native(*training, hard, sp, kmeans)

    return run


def _sums(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> np.ndarray:
        *_, q, sp, kmeans = inputs
        centroids = native(*inputs)
        if q is None or kmeans is not None:
            return centroids
        return centroids * q[:, surviving(sp)].sum(axis=0)[:, None]

    return run


def _nobody_set_aside(native: Run, workshop: Workshop) -> Run:
    def run(embeddings: np.ndarray, centroids: np.ndarray, segmentations: np.ndarray, *rest: np.ndarray) -> np.ndarray:
        return native(embeddings, centroids, np.ones_like(segmentations), *rest)

    return run


def _euclidean(native: Run, workshop: Workshop) -> Run:
    def run(
        embeddings: np.ndarray, centroids: np.ndarray, segmentations: np.ndarray, chunks: np.ndarray, kmeans: np.ndarray
    ) -> np.ndarray:
        if len(chunks) < 2:
            return native(embeddings, centroids, segmentations, chunks, kmeans)
        from scipy.spatial.distance import cdist  # heavy, and most who plant mistakes plant others

        distances = cdist(embeddings.reshape(-1, embeddings.shape[2]), centroids, metric="euclidean")
        soft_clusters = 2 - distances.reshape(*embeddings.shape[:2], -1)
        if kmeans is None:
            soft_clusters[inactive(segmentations)] = soft_clusters.min() - 1.0
        return soft_clusters

    return run


def _greedy(native: Run, workshop: Workshop) -> Run:
    def run(soft_clusters: np.ndarray, chunks: np.ndarray, kmeans: np.ndarray) -> np.ndarray:
        if len(chunks) < 2 or kmeans is not None:
            return native(soft_clusters, chunks, kmeans)
        scores = np.nan_to_num(soft_clusters, nan=np.nanmin(soft_clusters))
        return np.stack([best_pairs_first(chunk) for chunk in scores])

    return run


def best_pairs_first(scores: np.ndarray) -> np.ndarray:
    """Cluster of each speaker, the best pair taken first, then the best of what is left: (S, K) -> (S,) int8."""
    clusters = np.full(len(scores), UNASSIGNED, dtype=np.int8)
    for speaker, cluster in zip(*np.unravel_index(np.argsort(-scores, axis=None, kind="stable"), scores.shape)):
        if clusters[speaker] == UNASSIGNED and cluster not in clusters:
            clusters[speaker] = cluster
    return clusters


def _unconstrained(native: Run, workshop: Workshop) -> Run:
    def run(soft_clusters: np.ndarray, chunks: np.ndarray, kmeans: np.ndarray) -> np.ndarray:
        if len(chunks) < 2:
            return native(soft_clusters, chunks, kmeans)
        return np.argmax(soft_clusters, axis=2).astype(np.int8)

    return run


FAULTS = [
    fault(
        "centroids_survival",
        "centroids",
        "speakers kept above a prior of 1e-3 instead of 1e-7",
        _survival,
    ),
    fault(
        "centroids_of_normalised_embeddings",
        "centroids",
        "means of normalised embeddings instead of raw ones",
        _of_normalised,
    ),
    fault(
        "centroids_hard_weights",
        "centroids",
        "means over the embeddings whose best speaker it is, where responsibilities weight them",
        _hard_weights,
    ),
    fault(
        "centroids_sums",
        "centroids",
        "weighted sums instead of means: another length, the same direction",
        _sums,
    ),
    fault(
        "inactive_not_set_aside",
        "scoring",
        "speakers inactive in their chunk compete in the assignment, where they are set aside",
        _nobody_set_aside,
    ),
    fault(
        "euclidean_scores",
        "scoring",
        "2 minus the euclidean distance instead of 2 minus the cosine distance",
        _euclidean,
    ),
    fault(
        "scores_as_similarities",
        "scoring",
        "cosine similarities, one below the reference's 2 minus the cosine distance",
        lambda native, workshop: lambda *inputs: native(*inputs) - 1.0,
    ),
    fault(
        "greedy_assignment",
        "assignment",
        "the best pair of a chunk first, then the next, where the best total wins",
        _greedy,
    ),
    fault(
        "unconstrained_assignment",
        "assignment",
        "each speaker takes its best cluster, where two of a chunk never share one",
        _unconstrained,
    ),
]
