"""The post-embedding stages in extended precision: how much of what the reference says is its own rounding.

Task: a snapshot -> for each number of the post-embedding stages, the largest distance between the reference's double
and the same expression in more bits, on the reference's own inputs. A port that stays within it is as right as the
reference. Sources: the equations are those of the stages in `parity.community1`, restated without BLAS and LAPACK.
Conventions: reductions are Neumaier's compensated sums ("Rundungsfehleranalyse einiger Verfahren zur Summation
endlicher Summen", ZAMM 54, 1974). Numbers are NumPy's long double: 64 bits of mantissa on x86-64, 113 in software on
64-bit ARM Linux; on macOS ARM and Windows it is the double itself, so that only the sums are better there (`BITS`).
The PLDA's eigenproblem stays in float64: only the application of the solved PLDA is extended. AHC follows the
reference's own order of merges and VBx its number of iterations, so that every number has its counterpart; whether
those decisions would fall otherwise is what `parity.margins.margin` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np

from parity.community1 import Parameters, community1_pipeline
from parity.community1.centroids import surviving
from parity.community1.networks import without_networks
from parity.community1.plda import Plda
from parity.community1.scoring import inactive
from parity.community1.vbx import INIT_SMOOTHING, PRIOR_EPS
from parity.errors import InputError
from parity.fixtures.snapshot import Snapshot
from parity.pipeline.artefact import ARTEFACTS, Comparison
from parity.pipeline.stage import Pipeline
from parity.replay.engine import reference_artefacts, run_isolated

EXTENDED = np.longdouble
BITS = np.finfo(EXTENDED).nmant + 1
"""Of the mantissa; a double has 53."""

LOG_2PI = np.log(2 * np.arccos(EXTENDED(-1)))
STAGES = ("xvec", "plda", "ahc", "vbx", "centroids", "scoring")


def rounding_noise(snapshot: Snapshot, plda: Plda, parameters: Parameters) -> dict[str, float]:
    """How far the reference's doubles are from extended precision on the reference's own inputs.

    Parameters
    ----------
    plda : of the weights that were captured, solved in float64
    parameters : those of the capture

    Returns
    -------
    artefact -> largest absolute difference, in the artefact's unit, of those that the snapshot shows and a stage here
    makes; axes of `post_plda` up to sign; distances of `dendrogram` carry the float32 rounding of the unit-norm rows
    that the reference merges; empty where nobody speaks

    Raises
    ------
    InputError : an array has another shape than extended precision gives it, or NaN elsewhere: not this capture's
    """
    pipeline = _extended_pipeline(snapshot, plda, parameters)
    reference = reference_artefacts(snapshot, {})
    found: dict[str, float] = {}
    for stage in STAGES:
        made, _ = run_isolated(pipeline[stage], pipeline, reference, {}, {})
        for name, got in made.items():
            if name in snapshot.values and got is not None:
                found[name] = _largest(snapshot, name, got)
    return found


def neumaier_sum(terms: Iterable[np.ndarray], shape: tuple[int, ...] = ()) -> np.ndarray:
    """Compensated sum of finite arrays of one shape, in extended precision; zeros of `shape` where there are none.

    The error is about one rounding of the result plus n^2 eps^2 of the sum of magnitudes, where a plain sum of n terms
    loses n eps of it.
    """
    total = compensation = np.zeros(shape, dtype=EXTENDED)
    for term in terms:
        term = np.asarray(term, dtype=EXTENDED)
        new = total + term
        lost_of_term, lost_of_total = (total - new) + term, (term - new) + total
        compensation = compensation + np.where(np.abs(total) >= np.abs(term), lost_of_term, lost_of_total)
        total = new
    return total + compensation


def sum_over(values: np.ndarray, axis: int, *, keepdims: bool = False) -> np.ndarray:
    """Compensated sum along an axis."""
    terms = np.moveaxis(values, axis, 0)
    total = neumaier_sum(terms, terms.shape[1:])
    return np.expand_dims(total, axis) if keepdims else total


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Matrix product with compensated sums: (n, m) by (m, k)."""
    a, b = a.astype(EXTENDED), b.astype(EXTENDED)
    return neumaier_sum((a[:, index, None] * b[index] for index in range(len(b))), (len(a), b.shape[1]))


def extended_xvec(
    embeddings: np.ndarray, train_chunk_idx: np.ndarray, train_speaker_idx: np.ndarray, *, plda: Plda
) -> np.ndarray:
    """`parity.community1.plda.to_xvec`: (num_train, 128) extended."""
    train = embeddings[train_chunk_idx, train_speaker_idx].astype(EXTENDED)
    wide, narrow = (np.sqrt(EXTENDED(size)) for size in plda.lda.shape)
    centred = wide * _unit_rows(train - plda.mean1)
    return narrow * _unit_rows(product(centred, plda.lda) - plda.mean2)


def extended_plda(post_xvec: np.ndarray, *, plda: Plda) -> tuple[np.ndarray, None]:
    """`parity.community1.plda.to_plda`: (num_train, 128) extended; no `phi`, which comes of the float64 solution."""
    return product(post_xvec.astype(EXTENDED) - plda.mu, plda.transform.T), None


def extended_merges(
    embeddings: np.ndarray, train_chunk_idx: np.ndarray, train_speaker_idx: np.ndarray, *, dendrogram: np.ndarray
) -> tuple[np.ndarray, None]:
    """Distances at the merges of a given dendrogram, from the clusters' centroids themselves.

    Parameters
    ----------
    dendrogram : (num_train - 1, 4) float64, whose first two columns are followed

    Returns
    -------
    (num_train - 1, 4) extended
    """
    train = embeddings[train_chunk_idx, train_speaker_idx].astype(EXTENDED)
    centroids = list(_unit_rows(train))
    sizes = [1] * len(train)
    merged = dendrogram.astype(EXTENDED)
    for row in merged:
        i, j = int(row[0]), int(row[1])
        sizes.append(sizes[i] + sizes[j])
        centroids.append((sizes[i] * centroids[i] + sizes[j] * centroids[j]) / sizes[-1])
        row[2] = np.sqrt(neumaier_sum((centroids[i] - centroids[j]) ** 2))
        row[3] = sizes[-1]
    return merged, None


def extended_vbx(
    post_plda: np.ndarray, phi: np.ndarray, ahc_clusters: np.ndarray, *, fa: float, fb: float, iterations: int
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """`parity.community1.vbx.cluster_vbx`, for a given number of iterations; everything extended.

    With 0, the number is not known (there is always one): only `qinit` is made, the others are None.
    """
    x, phi = post_plda.astype(EXTENDED), phi.astype(EXTENDED)
    ratio = EXTENDED(fa) / EXTENDED(fb)
    qinit = _initial(ahc_clusters)
    q, priors = qinit, np.full(qinit.shape[1], EXTENDED(1) / qinit.shape[1])
    rho = x * np.sqrt(phi)  # (18)
    constant = -(sum_over(x**2, 1, keepdims=True) + x.shape[1] * LOG_2PI) / 2
    elbo = []
    for _ in range(iterations):
        inverse_precision = 1 / (1 + ratio * sum_over(q, 0)[:, None] * phi)  # (17)
        alpha = ratio * inverse_precision * product(q.T, rho)  # (16)
        spread = sum_over((inverse_precision + alpha**2) * phi, 1)
        joint = fa * (product(rho, alpha.T) - spread / 2 + constant) + np.log(priors + PRIOR_EPS)  # (23)
        q, evidence = _softmax(joint)
        priors = sum_over(q, 0)
        priors = priors / neumaier_sum(priors)
        penalty = neumaier_sum((np.log(inverse_precision) - inverse_precision - alpha**2 + 1).ravel())
        elbo.append(neumaier_sum(evidence) + EXTENDED(fb) / 2 * penalty)  # (25)
    return (qinit, q, priors, np.array(elbo)) if elbo else (qinit, None, None, None)


def extended_centroids(
    embeddings: np.ndarray,
    train_chunk_idx: np.ndarray,
    train_speaker_idx: np.ndarray,
    q_final: np.ndarray | None,
    sp_final: np.ndarray | None,
    kmeans_clusters: np.ndarray | None,
    *,
    clusters: int,
) -> np.ndarray:
    """`parity.community1.centroids.compute_centroids`, for a given number of clusters: (clusters, 256) extended."""
    train = embeddings[train_chunk_idx, train_speaker_idx].astype(EXTENDED)
    if kmeans_clusters is not None:
        weights = kmeans_clusters[:, None] == np.arange(clusters)
    elif q_final is None or sp_final is None:
        weights = np.ones((len(train), 1))
    else:
        weights = q_final[:, surviving(sp_final)]
    weights = weights.astype(EXTENDED)
    with np.errstate(invalid="ignore"):  # a cluster without embeddings has no centroid, there as here
        return product(weights.T, train) / sum_over(weights, 0)[:, None]


def extended_scores(
    embeddings: np.ndarray,
    centroids: np.ndarray,
    segmentations: np.ndarray,
    train_chunk_idx: np.ndarray,
    kmeans_clusters: np.ndarray | None,
) -> np.ndarray:
    """`parity.community1.scoring.score`: (num_chunks, 3, num_clusters) extended."""
    num_chunks, num_speakers, dimension = embeddings.shape
    if len(train_chunk_idx) < 2:
        return np.ones((num_chunks, num_speakers, 1), dtype=EXTENDED)
    rows, columns = (_unit_rows(a.astype(EXTENDED)) for a in (embeddings.reshape(-1, dimension), centroids))
    scores = 1 + product(rows, columns.T).reshape(num_chunks, num_speakers, -1)
    if kmeans_clusters is None:
        scores[inactive(segmentations)] = scores.min() - 1
    return scores


def _extended_pipeline(snapshot: Snapshot, plda: Plda, parameters: Parameters) -> Pipeline:
    """The native graph, with its conditions, whose post-embedding stages are the ones above."""
    nothing = np.zeros((0, 4))
    of = snapshot.values
    scale: dict[str, Any] = {
        "fa": parameters.fa,
        "fb": parameters.fb,
        "iterations": len(of.get("elbo_trajectory", nothing)),
    }
    stages: Mapping[str, Callable[..., Any]] = {
        "xvec": partial(extended_xvec, plda=plda),
        "plda": partial(extended_plda, plda=plda),
        "ahc": partial(extended_merges, dendrogram=of.get("dendrogram", nothing)),
        "vbx": partial(extended_vbx, **scale),
        "centroids": partial(extended_centroids, clusters=len(of.get("centroids", nothing))),
        "scoring": extended_scores,
    }
    # No stage that runs a network is asked for.
    pipeline = community1_pipeline(without_networks(plda), parameters)
    for name in STAGES:
        pipeline = pipeline.replacing(name, stages[name])
    return pipeline


def _initial(ahc_clusters: np.ndarray) -> np.ndarray:
    one_hot = ahc_clusters[:, None] == np.arange(ahc_clusters.max() + 1)
    return _softmax(one_hot.astype(EXTENDED) * INIT_SMOOTHING)[0]


def _softmax(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Softmax of each row and the logarithm of its denominator."""
    largest = rows.max(axis=1, keepdims=True)
    logarithm = largest + np.log(sum_over(np.exp(rows - largest), 1, keepdims=True))
    return np.exp(rows - logarithm), logarithm[:, 0]


def _unit_rows(rows: np.ndarray) -> np.ndarray:
    return rows / np.sqrt(sum_over(rows**2, 1, keepdims=True))


def _largest(snapshot: Snapshot, name: str, got: np.ndarray) -> float:
    want = snapshot.values[name].astype(EXTENDED)
    if got.shape != want.shape or not np.array_equal(np.isnan(got), np.isnan(want)):
        raise InputError(
            f"{snapshot.folder}: {name} is {want.shape} with {int(np.isnan(want).sum())} NaN, its inputs give "
            f"{got.shape} with {int(np.isnan(got).sum())}; was it captured with other weights or parameters?"
        )
    if ARTEFACTS[name].comparison is Comparison.AXES:
        got = got * np.where(sum_over(got * want, 0) < 0, -1, 1)
    difference = np.abs(got - want)
    return float(np.nanmax(difference)) if np.any(~np.isnan(difference)) else 0.0
