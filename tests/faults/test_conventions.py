"""Mistakes behind the networks that follow another convention: what each is by default, and what it changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from support.random_arrays import random_embeddings, random_plda, random_segmentations, vbx_data

from parity.community1 import Parameters, community1_pipeline
from parity.community1.ahc import cut
from parity.community1.annotation import annotate
from parity.community1.assignment import constrained_argmax
from parity.community1.networks import without_networks
from parity.community1.plda import solve_plda, to_xvec
from parity.community1.scoring import score
from parity.community1.vbx import cluster_vbx, initial_responsibilities
from parity.faults.fault import Workshop
from parity.faults.known import FAULTS
from parity.faults.known.bayes import Vbx, of_a_chain, of_a_mixture
from parity.faults.known.counting import count_of_the_last, masks_in_shares
from parity.faults.known.framing import hamming_overlap_add, last_said, on_589ths
from parity.faults.known.linkage import give_small_away, numbered_by_node, numbered_by_size
from parity.faults.known.scores import cosines, in_turn, nobody_left_over, solved_backwards
from parity.faults.known.speakers import farthest_apart, most_first, the_first_of_them
from parity.faults.known.training import _xvec, by_speaker_first
from parity.faults.known.turns import cut_off, frames_apart, highest_of, none_where_overlapped
from parity.pipeline import Pipeline
from parity.pipeline.stage import Stage

BY_NAME = {fault.name: fault for fault in FAULTS}
INVERTED = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.9]])


def run_of(name: str, run, *reads: str):
    """The function that a fault puts in place of one, in a pipeline of that stage alone."""
    fault = BY_NAME[name]
    pipeline = Pipeline("one", reads, [Stage(fault.stage, reads, ("made", "more"), run)])
    return fault.plant(pipeline, Workshop(None, without_networks(), Parameters()))[fault.stage].run


# --- clustering --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(5))
def test_what_the_faults_of_vbx_configure_is_the_native_one_by_default(seed):
    points, phi, labels = vbx_data(np.random.default_rng(seed))
    want = cluster_vbx(points, phi, labels, fa=0.07, fb=0.8, max_iterations=20)
    for got, native in zip(Vbx()((0.07, 0.8, 20, 7.0), points, phi, labels), want, strict=True):
        np.testing.assert_allclose(got, native, rtol=1e-9, atol=1e-10)


def test_a_chain_that_never_stays_is_a_mixture():
    rng = np.random.default_rng(1)
    likelihood, priors = rng.standard_normal((9, 3)), np.log([0.5, 0.3, 0.2])
    for got, want in zip(of_a_chain(likelihood, priors, loop=0.0), of_a_mixture(likelihood, priors), strict=True):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    assert np.ptp(of_a_chain(likelihood, priors, loop=1 - 1e-12)[0], axis=0).max() < 1e-9


def test_stopping_at_the_first_merge_above_the_threshold_is_the_reference_and_so_no_fault():
    """The closest pair is merged first, so below a merge above the cut there come only merges of what it made."""
    rng = np.random.default_rng(7)
    seen = 0
    for points in [INVERTED, *(rng.standard_normal((14, 3)) for _ in range(40))]:
        tree = linkage(points, method="centroid")
        heights = tree[:, 2]
        seen += int((np.diff(heights) < 0).any())
        for threshold in (0.95, *np.quantile(heights, [0.3, 0.6, 0.9])):
            above = np.flatnonzero(heights > threshold)
            steps = tree.copy()
            steps[:, 2] = np.arange(len(steps))
            stopped = cut(steps, (above[0] if len(above) else len(steps)) - 0.5)
            assert np.array_equal(stopped, cut(tree, threshold))
    assert seen > 5


def test_clusters_numbered_otherwise_are_the_same_partition():
    points = np.random.default_rng(3).standard_normal((12, 2))
    tree = linkage(points, method="centroid")
    native = cut(tree, 1.0)
    for numbered in (numbered_by_size(tree, 1.0), numbered_by_node(tree, 1.0)):
        assert len(set(zip(native.tolist(), numbered.tolist(), strict=True))) == len(set(native.tolist()))
        assert set(numbered.tolist()) == set(native.tolist())
    assert (np.diff(np.bincount(numbered_by_size(tree, 1.0))) <= 0).all()


def test_small_clusters_go_to_the_nearest_large_one():
    rows = np.array([[1.0, 0.0]] * 3 + [[0.0, 1.0]] * 3 + [[0.3, 1.0]])
    assert give_small_away(rows, np.array([0, 0, 0, 1, 1, 1, 2]), smallest=2).tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert give_small_away(rows, np.array([0, 0, 0, 1, 1, 1, 2]), smallest=9).tolist() == [0] * 7


def test_ten_starts_may_end_elsewhere_than_three():
    rng = np.random.default_rng(0)
    embeddings = rng.standard_normal((4, 3, 8)).astype(np.float32)
    chunks, speakers = np.divmod(np.arange(12), 3)
    fault = BY_NAME["kmeans_ten_starts"]
    reads = ("sp_final", "embeddings", "chunks", "speakers")
    pipeline = Pipeline("one", reads, [Stage("kmeans", reads, ("made",), None)])
    workshop = Workshop(None, without_networks(), Parameters(num_speakers=4))
    made = {
        name: BY_NAME[name].plant(pipeline, workshop)["kmeans"].run(np.ones(2), embeddings, chunks, speakers)
        for name in ("kmeans_ten_starts", "kmeans_one_start")
    }
    from parity.community1.kmeans import cluster_kmeans

    native = cluster_kmeans(embeddings, chunks, speakers, num_clusters=4)
    assert not np.array_equal(made[fault.name], native)


def test_the_farthest_rows_are_taken_in_turn():
    assert farthest_apart(np.array([[0.0], [1.0], [9.0], [5.0]]), 3).ravel().tolist() == [0.0, 9.0, 5.0]


# --- the space, the centroids, the scores ---------------------------------------------------------------------------


def test_what_the_faults_of_xvec_configure_is_the_native_one_by_default():
    rng = np.random.default_rng(2)
    plda, embeddings, index = solve_plda(random_plda(rng)), random_embeddings(rng, 3, 32), np.array([0, 1, 2])
    got, want = _xvec(plda, embeddings, index, index), to_xvec(embeddings, index, index, plda=plda)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)


def test_the_first_columns_are_not_the_surviving_ones():
    q, sp = np.array([[0.1, 0.2, 0.7]]), np.array([0.0, 0.4, 0.6])
    assert the_first_of_them(q, sp).tolist() == [[0.1, 0.2]]
    assert most_first(q, sp).tolist() == [[0.7, 0.2]]


def test_the_scores_that_the_faults_configure_are_the_native_ones_by_default():
    rng = np.random.default_rng(4)
    embeddings, segmentations = random_embeddings(rng, 4), random_segmentations(rng, 4)
    segmentations[2, :, 1] = 0
    centroids, chunks = rng.standard_normal((2, 16)), np.arange(4)
    want = score(embeddings, centroids, segmentations, chunks, None)
    got = run_of("inactive_set_aside_always", score, "e", "c", "s", "t", "k")(
        embeddings, centroids, segmentations, chunks, None
    )
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-12)
    assert cosines(embeddings, centroids).shape == want.shape


def test_solvers_differ_where_totals_are_equal_and_nowhere_else():
    tied = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 1.0]])
    assert constrained_argmax(tied[None])[0].tolist() == [-2, 1, 0]
    assert solved_backwards(tied).tolist() == [-2, 0, 1]
    for scores in np.random.default_rng(5).uniform(size=(30, 3, 4)):
        assert np.array_equal(solved_backwards(scores), constrained_argmax(scores[None])[0])


def test_in_turn_and_who_is_left_over():
    scores = np.array([[0.9, 0.8], [0.95, 0.1], [0.2, 0.3]])
    assert in_turn(scores).tolist() == [0, 1, -2]
    assert nobody_left_over(scores).tolist() == [1, 0, 1]


def test_gathered_speaker_by_speaker_the_embeddings_are_the_same():
    segmentations = np.zeros((2, 10, 3), np.float32)
    segmentations[:, :5, 0] = segmentations[:, 5:, 2] = 1
    chunks, speakers = by_speaker_first(np.zeros((2, 3, 4), np.float32), segmentations)
    assert chunks.tolist() == [0, 1, 0, 1] and speakers.tolist() == [0, 0, 2, 2]


# --- frames and turns ----------------------------------------------------------------------------------------------


def test_later_chunks_have_the_last_word_and_shares_add_up():
    segmentations = random_segmentations(np.random.default_rng(6), 3)
    scores = segmentations.astype(np.float64)
    scores[1, :, 0] = np.nan
    said = last_said(scores)
    assert np.array_equal(said[119 : 119 + 589], segmentations[2]) and said[60, 0] == segmentations[0, 60, 0]
    assert count_of_the_last(segmentations)[119:708, 0].tolist() == segmentations[2].sum(axis=1).tolist()
    assert set(np.unique(masks_in_shares(segmentations).sum(axis=1))) <= {0.0, 1.0}


def test_a_hamming_window_weighs_ones_to_ones_and_frames_of_589ths_come_early():
    total, weight = hamming_overlap_add(np.ones((4, 589, 1)))
    np.testing.assert_allclose(total[:700] / weight[:700], 1.0, atol=1e-6)
    assert on_589ths(11).tolist() == [0, 59, 118, 177, 236, 294, 353, 412, 471, 530, 589]


def test_who_has_the_overlap():
    plain = np.array([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], np.float32)
    assert highest_of(plain, plain).tolist() == [[0, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert none_where_overlapped(plain, plain).tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_times_of_other_frames_and_thousandths_cut_off():
    assert frames_apart(0.5 * 991 / 16_000, 1.0) == pytest.approx(0.5 * 991 / 16_000)
    assert frames_apart(0.5 * 991 / 16_000 + 270 / 16_000, 0.02) == pytest.approx(0.5 * 991 / 16_000 + 0.02)
    assert [cut_off(1.2349), cut_off(0.3)] == [1.234, 0.3]


@pytest.mark.parametrize(
    ("name", "columns", "names"),
    [
        ("speakers_in_order_of_number", range(12), [f"{number:02d}" for number in range(12)]),
        ("speakers_by_column", [1, 3], ["01", "03"]),
    ],
)
def test_speakers_are_named_otherwise_where_there_are_ten_or_silent_ones(name, columns, names):
    columns = list(columns)
    discrete = np.zeros((len(columns) * 10, max(columns) + 1), np.float32)
    for place, column in enumerate(columns):
        discrete[place * 10 : place * 10 + 8, column] = 1
    native = lambda plain, exclusive: annotate(plain, exclusive, min_duration_off=0.0)  # noqa: E731
    turns, _ = run_of(name, native, "discrete", "exclusive")(discrete, discrete)
    assert [turn.speaker.removeprefix("SPEAKER_") for turn in turns] == names
    assert [turn.speaker for turn in native(discrete, discrete)[0]] != [turn.speaker for turn in turns]


def test_one_hot_labels_are_not_smoothed():
    points, phi, labels = vbx_data(np.random.default_rng(8))
    got = run_of("vbx_one_hot_start", cluster_vbx, "x", "phi", "labels")(points, phi, labels)
    assert set(np.unique(got[0])) <= {0.0, 1.0} and initial_responsibilities(labels).max() < 1.0


# --- whether KMeans runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "priors", "responsibilities", "wanted", "runs"),
    [
        ("kmeans_forced_by_winners", [0.6, 0.4], [[0.6, 0.4], [0.6, 0.4]], 1, False),  # the reference runs KMeans
        ("kmeans_forced_by_winners", [0.6, 0.4], [[0.6, 0.4], [0.4, 0.6]], 1, True),
        ("kmeans_forced_by_ahc", [0.6, 0.4, 0.0], [[0.6, 0.4, 0.0]], 2, True),  # the reference does not
        ("kmeans_forced_by_ahc", [0.6, 0.4, 0.0], [[0.6, 0.4, 0.0]], 3, False),  # the reference does
    ],
)
def test_a_number_is_imposed_where_others_are_counted(name, priors, responsibilities, wanted, runs):
    workshop = Workshop(None, without_networks(), Parameters(num_speakers=wanted))
    native = community1_pipeline(without_networks(), workshop.parameters)
    embeddings = np.random.default_rng(9).standard_normal((2, 3, 256)).astype(np.float32)
    chunks, speakers = np.divmod(np.arange(4), 3)
    given = {"embeddings": embeddings, "train_chunk_idx": chunks, "train_speaker_idx": speakers}
    given |= {"sp_final": np.array(priors), "q_final": np.array(responsibilities)}
    made = BY_NAME[name].plant(native, workshop)["kmeans"](given)
    assert (len(np.unique(made["kmeans_clusters"])) == wanted) if runs else made == {}
    kept = (np.array(priors) > 1e-7).sum()
    assert bool(native["kmeans"](given)) == (kept != wanted)
