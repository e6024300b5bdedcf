"""More mistakes in scoring and assignment: other scores, other solvers, other rules for who is left over."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import linear_sum_assignment

from parity.community1.assignment import UNASSIGNED
from parity.community1.filtering import MIN_ACTIVE_RATIO, clean_frames
from parity.community1.scoring import inactive
from parity.faults.fault import Workshop
from parity.faults.known.planting import Make, Run, fault

Scores = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Embeddings (num_chunks, 3, 256), centroids (num_clusters, 256) -> scores (num_chunks, 3, num_clusters) float64."""
SetAside = Callable[[np.ndarray], np.ndarray]
"""Segmentations -> who is set aside: (num_chunks, 3) bool."""


def cosines(embeddings: np.ndarray, centroids: np.ndarray, dtype: type[np.floating] = np.float64) -> np.ndarray:
    """One plus the cosine, which is two minus the cosine distance, computed in that type."""
    return (1 + _unit(embeddings.astype(dtype)) @ _unit(centroids.astype(dtype)).T).astype(np.float64)


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def _scored(scores: Scores = cosines, set_aside: SetAside = inactive, *, imposed_too: bool = False) -> Make:
    """Scoring with its measure, with who is set aside, and whether that is done where a number was imposed too."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(*inputs: np.ndarray) -> np.ndarray:
            embeddings, centroids, segmentations, chunks, kmeans = inputs
            if len(chunks) < 2:
                return native(*inputs)
            made = scores(embeddings, centroids)
            if kmeans is None or imposed_too:
                made[set_aside(segmentations)] = np.nanmin(made) - 1.0
            return made

        return run

    return make


def distances(embeddings: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Cosine distances, small where the reference's scores are large."""
    return 2 - cosines(embeddings, centroids)


def products(embeddings: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Inner products."""
    return embeddings.astype(np.float64) @ centroids.astype(np.float64).T


def products_with_unit_rows(embeddings: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Inner products with centroids whose length was forgotten."""
    return 1 + products(_unit(embeddings), centroids)


def in_float32(embeddings: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Computed in float32."""
    return cosines(embeddings, centroids, np.float32)


def angles(embeddings: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Two minus the angle, a straight angle being 2."""
    return 2 - 2 * np.arccos(np.clip(cosines(embeddings, centroids) - 1, -1.0, 1.0)) / np.pi


def centred(embeddings: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    """Correlations: the mean of each row's numbers taken off first."""
    return cosines(*(rows - rows.mean(axis=-1, keepdims=True) for rows in (embeddings, centroids)))


def untrained(segmentations: np.ndarray) -> np.ndarray:
    """Who has too few clean frames to be clustered."""
    return clean_frames(segmentations) < MIN_ACTIVE_RATIO * segmentations.shape[1]


def _zero_for_inactive(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> np.ndarray:
        made, (*_, segmentations, chunks, kmeans) = native(*inputs).copy(), inputs
        if len(chunks) >= 2 and kmeans is None:
            made[inactive(segmentations)] = 0.0
        return made

    return run


def _assigned(assign: Callable[[np.ndarray], np.ndarray], *, imposed_too: bool = False) -> Make:
    """Assignment chunk by chunk: scores (3, num_clusters) without NaN -> clusters (3,)."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(soft_clusters: np.ndarray, chunks: np.ndarray, kmeans: np.ndarray | None) -> np.ndarray:
            if len(chunks) < 2 or (kmeans is not None and not imposed_too):
                return native(soft_clusters, chunks, kmeans)
            scores = np.nan_to_num(soft_clusters, nan=np.nanmin(soft_clusters))
            return np.stack([assign(chunk) for chunk in scores]).astype(np.int8)

        return run

    return make


def _solved(scores: np.ndarray, *, maximize: bool = True) -> np.ndarray:
    clusters = np.full(len(scores), UNASSIGNED)
    speakers, taken = linear_sum_assignment(scores, maximize=maximize)
    clusters[speakers] = taken
    return clusters


def least_total(scores: np.ndarray) -> np.ndarray:
    """Scores taken for costs."""
    return _solved(scores, maximize=False)


def solved_backwards(scores: np.ndarray) -> np.ndarray:
    """The best total as a solver finds it that begins at the other end: the same but for ties."""
    found = _solved(scores[::-1, ::-1])[::-1]
    return np.where(found == UNASSIGNED, UNASSIGNED, scores.shape[1] - 1 - found)


def in_turn(scores: np.ndarray) -> np.ndarray:
    """The first speaker takes its best cluster, the next the best of what is left."""
    left, clusters = scores.astype(np.float64), np.full(len(scores), UNASSIGNED)
    for speaker in range(min(scores.shape)):
        clusters[speaker] = left[speaker].argmax()
        left[:, clusters[speaker]] = -np.inf
    return clusters


def nobody_left_over(scores: np.ndarray) -> np.ndarray:
    """Who is left over takes its best cluster too."""
    found = _solved(scores)
    return np.where(found == UNASSIGNED, scores.argmax(axis=1), found)


def left_over_to_the_first(scores: np.ndarray) -> np.ndarray:
    """Who is left over is speaker 0."""
    return np.maximum(_solved(scores), 0)


def only_alike(scores: np.ndarray) -> np.ndarray:
    """The best total, but nobody whose cosine to its cluster is below a half."""
    found = _solved(scores)
    alike = np.take_along_axis(scores, np.maximum(found, 0)[:, None], axis=1)[:, 0] >= 1.5
    return np.where(alike, found, UNASSIGNED)


FAULTS = [
    fault(
        "scores_as_distances",
        "scoring",
        "cosine distances, where 2 minus the distance is wanted: the farthest centroid wins",
        _scored(distances),
    ),
    fault(
        "scores_as_products",
        "scoring",
        "inner products instead of 2 minus the cosine distance",
        _scored(products),
    ),
    fault(
        "scores_of_long_centroids",
        "scoring",
        "embeddings normalised before the product, centroids not",
        _scored(products_with_unit_rows),
    ),
    fault(
        "scores_as_angles",
        "scoring",
        "2 minus the angle instead of 2 minus the cosine distance",
        _scored(angles),
    ),
    fault(
        "scores_as_correlations",
        "scoring",
        "2 minus the correlation distance instead of 2 minus the cosine distance",
        _scored(centred),
    ),
    fault(
        "scores_float32",
        "scoring",
        "computed in float32 instead of float64",
        _scored(in_float32),
    ),
    fault(
        "inactive_at_zero",
        "scoring",
        "speakers inactive in their chunk scored 0, where one below the smallest score is taken",
        _zero_for_inactive,
    ),
    fault(
        "inactive_set_aside_always",
        "scoring",
        "speakers inactive in their chunk set aside where a number of speakers is imposed too",
        _scored(imposed_too=True),
    ),
    fault(
        "untrained_set_aside",
        "scoring",
        "embeddings with too few clean frames set aside altogether, where they are only not clustered",
        _scored(set_aside=untrained),
    ),
    fault(
        "assignment_of_costs",
        "assignment",
        "scores taken for costs: the least total wins instead of the greatest",
        _assigned(least_total),
    ),
    fault(
        "assignment_ties_otherwise",
        "assignment",
        "another solver: where totals are equal it takes another of the best",
        _assigned(solved_backwards),
    ),
    fault(
        "assignment_in_turn",
        "assignment",
        "the first speaker takes its best cluster, the next what is left, where the best total wins",
        _assigned(in_turn),
    ),
    fault(
        "assignment_always_constrained",
        "assignment",
        "two of a chunk never share a cluster, where they may once a number of speakers is imposed",
        _assigned(_solved, imposed_too=True),
    ),
    fault(
        "assignment_of_the_left_over",
        "assignment",
        "who is left over where clusters are few takes its best one, instead of none",
        _assigned(nobody_left_over),
    ),
    fault(
        "assignment_left_over_to_first",
        "assignment",
        "who is left over where clusters are few is speaker 0, instead of nobody",
        _assigned(left_over_to_the_first),
    ),
    fault(
        "assignment_only_alike",
        "assignment",
        "nobody assigned whose cosine to the cluster is below 0.5, where all are",
        _assigned(only_alike),
    ),
]
