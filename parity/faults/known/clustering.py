"""Mistakes in ahc, vbx and kmeans."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from parity.community1.ahc import cluster_ahc, cut, normalised_training
from parity.community1.centroids import surviving
from parity.community1.kmeans import SEED, STARTS
from parity.community1.parameters import Parameters
from parity.community1.vbx import cluster_vbx
from parity.faults.fault import Workshop
from parity.faults.known.planting import Make, Run, fault, instead

OTHER_THRESHOLD = 0.7
EXAMPLE_FA, EXAMPLE_FB = 0.3, 17.0  # of the example script in VBx's own repository
OTHER_STOP_BELOW = 1e-3
OTHER_SMOOTHING = 5.0


def _average_linkage(native: Run, workshop: Workshop) -> Run:
    def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dendrogram = linkage(normalised_training(*training), method="average", metric="euclidean")
        return dendrogram, cut(dendrogram, workshop.parameters.threshold)

    return run


def _of_raw_embeddings(native: Run, workshop: Workshop) -> Run:
    def run(embeddings: np.ndarray, chunks: np.ndarray, speakers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dendrogram = linkage(embeddings[chunks, speakers], method="centroid", metric="euclidean")
        return dendrogram, cut(dendrogram, workshop.parameters.threshold)

    return run


def _cut_below(native: Run, workshop: Workshop) -> Run:
    return partial(cluster_ahc, threshold=np.nextafter(workshop.parameters.threshold, 0.0))


def _cut_at_own_heights(native: Run, workshop: Workshop) -> Run:
    def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        dendrogram, _ = native(*training)
        return dendrogram, by_own_heights(dendrogram, workshop.parameters.threshold)

    return run


def by_own_heights(dendrogram: np.ndarray, threshold: float) -> np.ndarray:
    """Labels from 0 where a node at or below the threshold is one cluster, whatever was merged inside it."""
    heights = dendrogram[:, 2]
    return fcluster(dendrogram, threshold, criterion="monocrit", monocrit=heights).astype(np.int64) - 1


def _labels(change: Run) -> Run:
    def make(native: Run, workshop: Workshop) -> Run:
        def run(*training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            dendrogram, labels = native(*training)
            return dendrogram, change(labels)

        return run

    return make


def in_order_of_appearance(labels: np.ndarray) -> np.ndarray:
    """The same partition, numbered as its clusters first occur."""
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]


def _vbx(**options: float) -> Make:
    def make(native: Run, workshop: Workshop) -> Run:
        p = workshop.parameters
        settings: dict[str, Any] = {"fa": p.fa, "fb": p.fb, "max_iterations": p.max_iterations, **options}
        return partial(cluster_vbx, **settings)

    return make


def _one_iteration_early(native: Run, workshop: Workshop) -> Run:
    def run(*inputs: np.ndarray) -> tuple[np.ndarray, ...]:
        *_, elbo = native(*inputs)
        return _vbx(max_iterations=max(1, len(elbo) - 1))(native, workshop)(*inputs)

    return run


def _kmeans(native: Run, workshop: Workshop, *, raw: bool = False, starts: int = STARTS, seed: int = SEED) -> Run:
    return partial(_cluster_kmeans, workshop.parameters, raw, starts, seed)


def _cluster_kmeans(
    parameters: Parameters,
    raw: bool,
    starts: int,
    seed: int,
    sp_final: np.ndarray,
    embeddings: np.ndarray,
    chunks: np.ndarray,
    speakers: np.ndarray,
) -> np.ndarray:
    from sklearn.cluster import KMeans

    rows = embeddings[chunks, speakers] if raw else normalised_training(embeddings, chunks, speakers)
    clusters = parameters.forced_count(surviving(sp_final).sum())
    return KMeans(n_clusters=clusters, n_init=starts, random_state=seed).fit_predict(rows)


FAULTS = [
    fault(
        "ahc_average_linkage",
        "ahc",
        "average linkage instead of centroid linkage",
        _average_linkage,
    ),
    fault(
        "ahc_of_raw_embeddings",
        "ahc",
        "embeddings not normalised before they are merged",
        _of_raw_embeddings,
    ),
    fault(
        "ahc_cut_below",
        "ahc",
        "merges below the threshold kept, where those at it are kept too (< for <=)",
        _cut_below,
    ),
    fault(
        "ahc_cut_at_own_heights",
        "ahc",
        "the cut compares a merge's own height, where its subtree's highest counts: centroid linkage has inversions",
        _cut_at_own_heights,
    ),
    fault(
        "ahc_other_threshold",
        "ahc",
        "the cut at 0.7 instead of 0.6",
        instead(partial(cluster_ahc, threshold=OTHER_THRESHOLD)),
    ),
    fault(
        "ahc_labels_by_appearance",
        "ahc",
        "clusters numbered as they first occur instead of canonically",
        _labels(in_order_of_appearance),
    ),
    fault(
        "ahc_labels_from_one",
        "ahc",
        "clusters numbered from one instead of from zero: VBx starts with an empty speaker",
        _labels(lambda labels: labels + 1),
    ),
    fault(
        "vbx_one_iteration_fewer",
        "vbx",
        "at most 19 iterations instead of 20",
        lambda native, workshop: _vbx(max_iterations=workshop.parameters.max_iterations - 1)(native, workshop),
    ),
    fault(
        "vbx_one_iteration_early",
        "vbx",
        "returns the iteration before the one at which it stops",
        _one_iteration_early,
    ),
    fault(
        "vbx_other_fa",
        "vbx",
        "Fa 0.3, as in VBx's own example, instead of 0.07",
        _vbx(fa=EXAMPLE_FA),
    ),
    fault(
        "vbx_other_fb",
        "vbx",
        "Fb 17, as in VBx's own example, instead of 0.8",
        _vbx(fb=EXAMPLE_FB),
    ),
    fault(
        "vbx_looser_stop",
        "vbx",
        "stops where the ELBO grows by less than 1e-3 instead of 1e-4",
        _vbx(stop_below=OTHER_STOP_BELOW),
    ),
    fault(
        "vbx_uniform_init",
        "vbx",
        "responsibilities start uniform, where they start from the AHC's labels",
        _vbx(smoothing=0.0),
    ),
    fault(
        "vbx_other_smoothing",
        "vbx",
        "one-hot labels times 5 instead of 7 through the first softmax",
        _vbx(smoothing=OTHER_SMOOTHING),
    ),
    fault(
        "kmeans_of_raw_embeddings",
        "kmeans",
        "embeddings not normalised before KMeans",
        partial(_kmeans, raw=True),
    ),
    fault(
        "kmeans_one_start",
        "kmeans",
        "one start with seed 0 instead of three with seed 42",
        partial(_kmeans, starts=1, seed=0),
    ),
]
