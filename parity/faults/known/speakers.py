"""More mistakes in kmeans and centroids: which clusters there are, and where their middles lie."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from parity.community1.ahc import normalised_training
from parity.community1.centroids import surviving
from parity.community1.kmeans import SEED, STARTS
from parity.faults.fault import Workshop
from parity.faults.known.planting import Make, Run, fault

OTHER_SEED, MANY_STARTS = 0, 10

Rows = np.ndarray
Options = Callable[[Rows, int], dict[str, Any]]
"""Unit rows (num_train, 256), number of clusters -> options of scikit-learn's KMeans."""


def _kmeans(options: Options) -> Make:
    def make(native: Run, workshop: Workshop) -> Run:
        def run(sp_final: np.ndarray, *training: np.ndarray) -> np.ndarray:
            from sklearn.cluster import KMeans  # of an extra

            rows = normalised_training(*training)
            clusters = workshop.parameters.forced_count(surviving(sp_final).sum())
            assert clusters is not None  # the stage's condition
            made = {"n_init": STARTS, "random_state": SEED, **options(rows, clusters)}
            return KMeans(n_clusters=clusters, **made).fit_predict(rows)

        return run

    return make


def _from_the_first(rows: Rows, clusters: int) -> dict[str, Any]:
    return {"init": rows[:clusters], "n_init": 1}


def farthest_apart(rows: Rows, clusters: int) -> np.ndarray:
    """The first row, then always the row farthest from all taken so far: (clusters, dimension)."""
    taken = [0]
    distances = np.linalg.norm(rows - rows[0], axis=1)
    while len(taken) < clusters:
        taken.append(int(distances.argmax()))
        distances = np.minimum(distances, np.linalg.norm(rows - rows[taken[-1]], axis=1))
    return rows[taken]


def _from_the_farthest(rows: Rows, clusters: int) -> dict[str, Any]:
    return {"init": farthest_apart(rows, clusters), "n_init": 1}


def _weighting(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Make:
    """Centroids of VBx under other weights: (q_final, sp_final) -> (num_train, num_clusters), those of the kept."""

    def make(native: Run, workshop: Workshop) -> Run:
        def run(*inputs: np.ndarray) -> np.ndarray:
            embeddings, chunks, speakers, q, sp, kmeans = inputs
            if q is None or sp is None or kmeans is not None:
                return native(*inputs)
            weights = change(q, sp)
            with np.errstate(invalid="ignore", divide="ignore"):  # nobody's embeddings: NaN, as in a port
                return weights.T @ embeddings[chunks, speakers] / weights.sum(axis=0)[:, None]

        return run

    return make


def the_first_of_them(q: np.ndarray, sp: np.ndarray) -> np.ndarray:
    """As many columns as speakers survive, but the first ones."""
    return q[:, : surviving(sp).sum()]


def all_of_them(q: np.ndarray, sp: np.ndarray) -> np.ndarray:
    """The columns of the dead too."""
    return q


def most_first(q: np.ndarray, sp: np.ndarray) -> np.ndarray:
    """The surviving columns, the most talkative first."""
    kept = np.flatnonzero(surviving(sp))
    return q[:, kept[np.argsort(-sp[kept], kind="stable")]]


def above_a_half(q: np.ndarray, sp: np.ndarray) -> np.ndarray:
    """The surviving columns, embeddings less sure than a half left out."""
    kept = q[:, surviving(sp)]
    return np.where(kept > 0.5, kept, 0.0)


def squared(q: np.ndarray, sp: np.ndarray) -> np.ndarray:
    """The surviving columns, responsibilities counted twice."""
    return q[:, surviving(sp)] ** 2


def _after(change: Callable[[np.ndarray], np.ndarray]) -> Make:
    return lambda native, workshop: lambda *inputs: change(native(*inputs))


def of_unit_length(centroids: np.ndarray) -> np.ndarray:
    """Each centroid divided by its length."""
    return centroids / np.linalg.norm(centroids, axis=1, keepdims=True)


def _medians(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> np.ndarray:
        embeddings, chunks, speakers, q, sp, kmeans = inputs
        if q is None or sp is None:
            return native(*inputs)
        labels = q[:, surviving(sp)].argmax(axis=1) if kmeans is None else kmeans
        train, count = embeddings[chunks, speakers], len(native(*inputs))
        return np.stack([_median(train[labels == cluster]) for cluster in range(count)])

    return run


def _median(rows: np.ndarray) -> np.ndarray:
    return np.median(rows, axis=0) if len(rows) else np.full(rows.shape[1], np.nan)


FAULTS = [
    fault(
        "kmeans_other_seed",
        "kmeans",
        "three starts of another seed, as they are where none is given",
        _kmeans(lambda rows, clusters: {"random_state": OTHER_SEED}),
    ),
    fault(
        "kmeans_ten_starts",
        "kmeans",
        "the best of ten starts instead of three, with the same seed",
        _kmeans(lambda rows, clusters: {"n_init": MANY_STARTS}),
    ),
    fault(
        "kmeans_random_rows",
        "kmeans",
        "starts from rows drawn evenly, where k-means++ draws far ones rather",
        _kmeans(lambda rows, clusters: {"init": "random"}),
    ),
    fault(
        "kmeans_first_rows",
        "kmeans",
        "one start from the first rows instead of k-means++",
        _kmeans(_from_the_first),
    ),
    fault(
        "kmeans_farthest_rows",
        "kmeans",
        "one start from rows as far apart as can be, as ports without random numbers have, instead of k-means++",
        _kmeans(_from_the_farthest),
    ),
    fault(
        "centroids_first_columns",
        "centroids",
        "as many columns as speakers survive, but the first ones: times right, voices swapped",
        _weighting(the_first_of_them),
    ),
    fault(
        "centroids_of_the_dead",
        "centroids",
        "centroids of all initial speakers, where those of the surviving are wanted",
        _weighting(all_of_them),
    ),
    fault(
        "centroids_most_first",
        "centroids",
        "speakers in the order of falling priors instead of VBx's own",
        _weighting(most_first),
    ),
    fault(
        "centroids_above_a_half",
        "centroids",
        "embeddings with a responsibility of a half or less left out of the means",
        _weighting(above_a_half),
    ),
    fault(
        "centroids_squared_weights",
        "centroids",
        "responsibilities multiplied in twice",
        _weighting(squared),
    ),
    fault(
        "centroids_of_unit_length",
        "centroids",
        "centroids normalised afterwards: another length, the same direction",
        _after(of_unit_length),
    ),
    fault(
        "centroids_float32",
        "centroids",
        "kept in float32 instead of float64",
        _after(lambda centroids: centroids.astype(np.float32)),
    ),
    fault(
        "centroids_medians",
        "centroids",
        "medians over the embeddings whose best speaker it is instead of weighted means",
        _medians,
    ),
]
