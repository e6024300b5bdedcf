"""Extended precision: against exact arithmetic, against the native stages, and as a measure of rounding."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from support.random_arrays import random_embeddings, random_plda, random_segmentations, vbx_data

from parity.community1 import Networks, Parameters, community1_pipeline
from parity.community1.ahc import cluster_ahc
from parity.community1.centroids import compute_centroids
from parity.community1.plda import solve_plda, to_plda, to_xvec
from parity.community1.scoring import score
from parity.community1.vbx import PRIOR_EPS, STOP_BELOW, cluster_vbx
from parity.errors import InputError
from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.margins.precision import (
    BITS,
    EXTENDED,
    extended_centroids,
    extended_merges,
    extended_plda,
    extended_scores,
    extended_vbx,
    extended_xvec,
    neumaier_sum,
    product,
    rounding_noise,
    sum_over,
)
from parity.measure.tolerances import ISOLATED

EPS = float(np.finfo(EXTENDED).eps)
FA, FB = 0.07, 0.8
more_than_double = pytest.mark.skipif(BITS <= 53, reason="long double is the double on this platform")


def exact(value: np.floating) -> Fraction:
    return Fraction(*EXTENDED(value).as_integer_ratio())


# sums


def test_a_compensated_sum_keeps_what_a_plain_one_loses():
    terms = np.array([1, 1e100, 1, -1e100])
    assert np.sum(terms.astype(EXTENDED)) == 0
    assert neumaier_sum(terms) == 2


@pytest.mark.parametrize("seed", range(5))
def test_sums_of_very_different_magnitudes_are_right_to_the_last_bits(seed):
    rng = np.random.default_rng(seed)
    terms = rng.standard_normal(500) * 10.0 ** rng.integers(-12, 13, 500)
    truth = sum(map(exact, terms))
    magnitudes = float(sum(map(abs, map(exact, terms))))
    limit = 2 * EPS * abs(float(truth)) + (len(terms) * EPS) ** 2 * magnitudes
    assert abs(float(exact(neumaier_sum(terms)) - truth)) <= limit


def test_a_sum_of_nothing_is_zeros():
    assert np.array_equal(sum_over(np.zeros((3, 0)), 1), np.zeros(3))
    assert product(np.zeros((2, 0)), np.zeros((0, 4))).shape == (2, 4)


def test_a_product_is_right_where_its_terms_cancel():
    a, b = np.array([[1e8, 1.0, -1e8]]), np.array([[1e8], [3.0], [1e8]])
    assert product(a, b) == 3


# stages against the native ones


@pytest.fixture
def embedded():
    """Embeddings and the indices of most of them: what a clustering gets."""
    rng = np.random.default_rng(3)
    embeddings = random_embeddings(rng, 12, 32)
    return embeddings, *np.nonzero(rng.random((12, 3)) < 0.8)


def test_xvec_and_plda_agree_with_the_native_stages(embedded):
    plda = solve_plda(random_plda(np.random.default_rng(4)))
    native = to_xvec(*embedded, plda=plda)
    assert np.abs(extended_xvec(*embedded, plda=plda) - native).max() < 1e-13
    projected, _ = extended_plda(native, plda=plda)
    assert np.abs(projected - to_plda(native, plda=plda)[0]).max() < 1e-12


def test_distances_of_merges_agree_with_scipys_updates(embedded):
    dendrogram, _ = cluster_ahc(*embedded, threshold=0.6)
    merged, _ = extended_merges(*embedded, dendrogram=dendrogram)
    assert np.array_equal(merged[:, [0, 1, 3]], dendrogram[:, [0, 1, 3]])
    # The native rows are normalised in float32.
    assert np.abs(merged[:, 2] - dendrogram[:, 2]).max() < 3e-7


def test_distances_of_merges_are_those_of_the_centroids():
    # Unit vectors along three axes: sqrt(2) apart; then (0.5, 0.5, 0) from (0, 0, 1) is sqrt(1.5), an inversion.
    embeddings = 5 * np.eye(3, dtype=np.float32)[None]
    dendrogram = np.array([[0, 1, 9, 9], [2, 3, 9, 9]], dtype=float)
    merged, _ = extended_merges(embeddings, np.zeros(3, int), np.arange(3), dendrogram=dendrogram)
    assert np.allclose(merged[:, 2].astype(float) ** 2, [2.0, 1.5], rtol=1e-15, atol=0)
    assert list(merged[:, 3]) == [2, 3]


@pytest.mark.parametrize("seed", range(3))
def test_vbx_agrees_with_the_native_stage(seed):
    data = vbx_data(np.random.default_rng(seed))
    native = cluster_vbx(*data, fa=FA, fb=FB, max_iterations=20)
    extended = extended_vbx(*data, fa=FA, fb=FB, iterations=len(native[3]))
    for ours, theirs, limit in zip(extended, native, (1e-14, 1e-11, 1e-11, 1e-10), strict=True):
        assert ours.shape == theirs.shape
        assert np.abs(ours - theirs).max() < limit


def test_without_a_number_of_iterations_vbx_makes_only_its_start():
    qinit, *rest = extended_vbx(*vbx_data(np.random.default_rng(0)), fa=FA, fb=FB, iterations=0)
    assert qinit.ndim == 2 and rest == [None, None, None]


@pytest.mark.parametrize("path", ["vbx", "kmeans", "one"])
def test_centroids_agree_with_the_native_stage_on_all_its_paths(embedded, path):
    rng = np.random.default_rng(5)
    train = len(embedded[1])
    q = rng.dirichlet(np.ones(3), train) if path == "vbx" else None
    priors = np.array([0.7, 1e-9, 0.3]) if path == "vbx" else None
    # Cluster 1 is empty: the reference keeps a centroid of NaN.
    labels = rng.choice([0, 2], train) if path == "kmeans" else None
    native = compute_centroids(*embedded, q, priors, labels)
    extended = extended_centroids(*embedded, q, priors, labels, clusters=len(native))
    assert extended.dtype == EXTENDED
    assert np.array_equal(np.isnan(extended), np.isnan(native))
    limit = 1e-15 if path == "vbx" else 1e-6  # plain means are float32
    assert np.nanmax(np.abs(extended - native)) < limit


@pytest.mark.parametrize("kmeans", [None, np.zeros(2, int)])
def test_scores_agree_with_the_native_stage_constrained_and_not(kmeans):
    rng = np.random.default_rng(6)
    inputs = random_embeddings(rng, 4, 32), rng.standard_normal((3, 32)), random_segmentations(rng, 4)
    inputs[2][0, :, 1] = 0  # somebody is set aside
    native = score(*inputs, np.arange(2), kmeans)
    assert np.abs(extended_scores(*inputs, np.arange(2), kmeans) - native).max() < 1e-14
    assert np.array_equal(extended_scores(*inputs, np.arange(1), kmeans), score(*inputs, np.arange(1), kmeans))


# precision


def vbx_to_forty_digits(points, phi, labels, iterations: int) -> list[list[Decimal]]:
    """Responsibilities by the equations of the paper, element by element, in decimal arithmetic."""
    with localcontext() as context:
        context.prec = 40
        x, phi = [[Decimal(float(v)) for v in row] for row in points], [Decimal(float(v)) for v in phi]
        fa, fb, rows, speakers = Decimal(FA), Decimal(FB), range(len(points)), range(labels.max() + 1)
        axes = range(len(phi))
        smoothed = [[Decimal(7 if labels[t] == s else 0).exp() for s in speakers] for t in rows]
        q = [[value / sum(row) for value in row] for row in smoothed]
        priors = [Decimal(1) / len(speakers) for _ in speakers]
        # A term of the point alone cancels when responsibilities are normalised, and is left out.
        for _ in range(iterations):
            inverse = [[1 / (1 + fa / fb * sum(q[t][s] for t in rows) * phi[d]) for d in axes] for s in speakers]
            alpha = [
                [fa / fb * inverse[s][d] * sum(q[t][s] * x[t][d] * phi[d].sqrt() for t in rows) for d in axes]
                for s in speakers
            ]
            weights = [
                [
                    (priors[s] + Decimal(PRIOR_EPS))
                    * (
                        fa
                        * sum(
                            x[t][d] * phi[d].sqrt() * alpha[s][d] - (inverse[s][d] + alpha[s][d] ** 2) * phi[d] / 2
                            for d in axes
                        )
                    ).exp()
                    for s in speakers
                ]
                for t in rows
            ]
            q = [[value / sum(row) for value in row] for row in weights]
            priors = [sum(q[t][s] for t in rows) / len(rows) for s in speakers]
        return q


@more_than_double
def test_extended_vbx_is_nearer_the_truth_than_the_double_by_hundreds():
    rng = np.random.default_rng(8)
    points, phi, labels = 2 * rng.standard_normal((6, 3)), np.array([9.0, 2.0, 0.3]), np.arange(6) % 3
    truth = vbx_to_forty_digits(points, phi, labels, 4)

    def error(q: np.ndarray) -> float:
        pairs = zip(q.ravel(), (value for row in truth for value in row), strict=True)
        return max(abs(float(exact(value) - Fraction(true))) for value, true in pairs)

    q, native = (
        extended_vbx(points, phi, labels, fa=FA, fb=FB, iterations=4)[1],
        cluster_vbx(points, phi, labels, fa=FA, fb=FB, max_iterations=4)[1],
    )
    assert error(native) < 1e-13
    assert error(q) < error(native) / 300


# rounding noise


def captured(**changes: np.ndarray) -> tuple[Snapshot, Networks, Parameters]:
    """What the native pipeline makes of random embeddings, as if it were the reference."""
    rng = np.random.default_rng(9)
    segmentations = random_segmentations(rng, 20)
    voices = rng.standard_normal((3, 256))
    embeddings = (voices[rng.integers(0, 3, (20, 3))] + 0.3 * rng.standard_normal((20, 3, 256))).astype(np.float32)
    networks, parameters = Networks(None, None, None, solve_plda(random_plda(rng, 256, 128))), Parameters(fa=1.0)
    upstream = {
        "segmentation_logits": None,
        "segmentations": segmentations,
        "masks": segmentations.transpose(0, 2, 1),
        "fbank": None,
        "embeddings": embeddings,
    }
    made = community1_pipeline(networks, parameters).run(
        {"samples": None, "sample_rate": None}, patches={"waveform": None, "chunk_waveforms": None, **upstream}
    )
    held = {name: value for name, value in made.items() if isinstance(value, np.ndarray)}
    return Snapshot(Path("made"), {}, {**held, **changes}, {}, {}), networks, parameters


def noise_of(snapshot: Snapshot, networks: Networks, parameters: Parameters) -> dict[str, float]:
    return rounding_noise(snapshot, networks.plda, parameters)


def test_every_number_after_the_embeddings_has_its_noise_and_none_reaches_its_tolerance():
    snapshot, networks, parameters = captured()
    assert len(snapshot.values["centroids"]) == 3
    found = noise_of(snapshot, networks, parameters)
    assert list(found) == [
        "post_xvec", "post_plda", "dendrogram", "qinit", "q_final", "sp_final", "elbo_trajectory", "centroids",
        "soft_clusters",
    ]  # fmt: skip
    assert 0 < found.pop("dendrogram") < 1e-6  # rows of unit norm are float32 there
    assert all(value < ISOLATED[name].max_abs for name, value in found.items())


@more_than_double
@pytest.mark.parametrize("name", ["post_xvec", "post_plda", "q_final", "centroids", "soft_clusters"])
def test_noise_put_into_one_number_is_found_there(name):
    value = captured()[0].values[name].copy()
    value[1, 1] += 1e-9
    found = noise_of(*captured(**{name: value}))
    assert found[name] == pytest.approx(1e-9, rel=1e-3)


def test_axes_count_up_to_their_sign():
    turned = captured()[0].values["post_plda"] * np.where(np.arange(128) % 2, 1, -1)
    snapshot, networks, parameters = captured(post_plda=turned)
    assert noise_of(snapshot, networks, parameters)["post_plda"] < 1e-13


def test_a_snapshot_that_lacks_the_course_of_vbx_says_nothing_of_its_end():
    snapshot, networks, parameters = captured()
    del snapshot.values["elbo_trajectory"], snapshot.values["dendrogram"]
    found = noise_of(snapshot, networks, parameters)
    assert "qinit" in found and not {"q_final", "sp_final", "elbo_trajectory", "dendrogram"} & set(found)


def test_an_array_that_its_inputs_cannot_have_made_is_refused_by_name():
    with pytest.raises(InputError, match=r"made: qinit is \(4, 1\).*other weights or parameters"):
        noise_of(*captured(qinit=np.ones((4, 1))))


SHORT = [name for name in Catalogue.read(default_folder()).names if name not in ("06_long_mixture", "12_many_voices")]


@pytest.mark.parametrize("name", SHORT)
def test_in_extended_precision_vbx_stops_where_the_reference_did(name):
    snapshot = read_snapshot(default_folder() / name)
    if "elbo_trajectory" not in snapshot.values:
        assert "post_plda" not in snapshot.values  # nothing was clustered
        return
    data = [snapshot.values[key] for key in ("post_plda", "phi", "ahc_clusters")]
    elbo = extended_vbx(*data, fa=FA, fb=FB, iterations=len(snapshot.values["elbo_trajectory"]))[3]
    stops = np.diff(elbo) < STOP_BELOW
    assert not stops[:-1].any() and (stops[-1] or len(elbo) == 20)
