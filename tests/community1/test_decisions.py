"""Every discrete decision of the pipeline, by cases small enough to check by hand."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from sklearn.cluster import KMeans
from support.refusals import refusal

from capture.environment import pinned
from parity.community1 import Networks, Parameters, community1_pipeline, geometry
from parity.community1.ahc import cluster_ahc, cut
from parity.community1.annotation import Turn, annotate, speaker_names, to_rttm
from parity.community1.assignment import UNASSIGNED, assign, constrained_argmax
from parity.community1.centroids import compute_centroids, surviving
from parity.community1.filtering import filter_embeddings
from parity.community1.kmeans import cluster_kmeans
from parity.community1.masks import build_masks, min_num_frames
from parity.community1.plda import Plda
from parity.community1.reconstruction import most_active, rank_speakers, reconstruct, sum_activations
from parity.community1.scoring import score
from parity.community1.segmentation import powerset_mapping, to_multilabel
from parity.community1.speaker_counting import count_speakers, mean_activity

FRAMES = 589
TWO = np.arange(2)  # enough training embeddings for clustering to have run
MIDDLES = geometry.frame_middles(2000)


def active(*spans: tuple[int, int, int], chunks: int = 1) -> np.ndarray:
    """Segmentations of one kind for all chunks; a span is (speaker, first frame, number of frames)."""
    segmentations = np.zeros((chunks, FRAMES, 3), np.float32)
    for speaker, first, number in spans:
        segmentations[:, first : first + number, speaker] = 1
    return segmentations


# --- geometry ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("samples", "chunks"),
    [(1, 1), (400, 1), (159_999, 1), (160_000, 1), (160_001, 2), (176_000, 2), (176_001, 3), (480_000, 21)],
)
def test_a_last_chunk_is_added_only_where_samples_are_left_over(samples, chunks):
    assert geometry.num_chunks(samples) == chunks


def test_a_clip_shorter_than_a_chunk_is_padded_with_zeros_at_its_end():
    got = geometry.chunk(np.array([[1, 2, 3]], np.float32), 0)
    assert got.shape == (1, 160_000) and got.dtype == np.float32
    assert got[0, :3].tolist() == [1, 2, 3] and not got[0, 3:].any()


def test_a_chunk_of_exact_length_is_not_padded_and_the_next_begins_a_second_later():
    waveform = np.arange(176_001, dtype=np.float32)[None]
    first, second, third = geometry.chunks(waveform, np.arange(3))
    assert (first[0, 0], first[0, -1]) == (0, 159_999)
    assert (second[0, 0], second[0, -1]) == (16_000, 175_999)
    assert (third[0, 0], third[0, 144_000], third[0, 144_001]) == (32_000, 176_000, 0)


def test_frames_of_the_second_and_third_chunk_begin_at_59_and_119():
    # 1 s is 59.26 frames of 270 samples, 2 s are 118.52.
    assert [geometry.first_frame(chunk) for chunk in range(4)] == [0, 59, 119, 178]
    # One chunk: 10 s are 592.59 frames, and one more is counted.
    assert [geometry.num_frames(chunks) for chunks in (1, 2, 21)] == [594, 653, 1779]


def test_the_first_frame_is_centred_on_half_of_991_samples():
    assert MIDDLES[0] == 991 / 32_000
    np.testing.assert_allclose(np.diff(MIDDLES[:5]), 270 / 16_000, rtol=1e-12)


# --- segmentation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tied", "winner"), [((0, 6), 0), ((1, 4), 1), ((3, 4, 5), 3), (tuple(range(7)), 0)])
def test_the_first_of_equally_probable_classes_wins(tied, winner):
    logits = np.full(7, -5, np.float32)
    logits[list(tied)] = -1
    assert to_multilabel(logits).tolist() == powerset_mapping()[winner].tolist()


def test_a_class_better_by_one_float_wins():
    logits = np.full(7, -1, np.float32)
    logits[5] = np.nextafter(np.float32(-1), np.float32(0))
    assert to_multilabel(logits).tolist() == [1, 0, 1]


# --- counting ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "mean", "count"),
    [(0, 0, 0, 0), (1, 0, 0.5, 0), (1, 1, 1, 1), (2, 1, 1.5, 2), (3, 2, 2.5, 2), (2, 0, 1, 1), (3, 0, 1.5, 2)],
)
def test_the_mean_of_two_chunks_is_rounded_half_to_even(first, second, mean, count):
    segmentations = np.zeros((2, FRAMES, 3), np.float32)
    segmentations[0, :, :first] = 1
    segmentations[1, :, :second] = 1
    assert mean_activity(segmentations)[300, 0] == mean
    assert count_speakers(segmentations)[300, 0] == count


def test_frames_that_one_chunk_alone_covers_are_not_averaged_and_those_of_no_chunk_are_empty():
    segmentations = np.zeros((2, FRAMES, 3), np.float32)
    segmentations[0, :, 0] = 1
    count = count_speakers(segmentations)[:, 0]
    assert count.tolist() == [1] * 59 + [0] * (653 - 59)  # 0.5 in the overlap goes to 0


# --- masks and filter --------------------------------------------------------------------------------------------


def test_a_speaker_needs_more_than_two_clean_frames():
    assert min_num_frames(FRAMES) == 2


@pytest.mark.parametrize(("clean", "kept"), [(0, 100), (1, 101), (2, 102), (3, 3), (4, 4)])
def test_with_two_clean_frames_the_whole_mask_is_kept_and_with_three_the_clean_one(clean, kept):
    segmentations = active((0, 0, 100 + clean), (1, 0, 100))
    mask = build_masks(segmentations)[0, 0]
    assert mask.sum() == kept
    assert mask[100 : 100 + clean].all() and mask[0] == (clean <= 2)


def test_the_mask_of_an_inactive_speaker_is_empty():
    assert build_masks(active((0, 0, 100)))[0, 1:].sum() == 0


def test_the_fallback_is_decided_for_each_speaker_alone():
    masks = build_masks(active((0, 0, 300), (1, 100, 100)))[0]
    assert masks.sum(axis=1).tolist() == [200, 100, 0]


def test_nan_in_segmentations_counts_as_silence_in_masks():
    segmentations = active((0, 0, 100))
    segmentations[0, 50, 0] = np.nan
    assert build_masks(segmentations)[0, 0].sum() == 99
    assert build_masks(segmentations, exclude_overlap=False)[0, 0].sum() == 99


@pytest.mark.parametrize(("clean", "trains"), [(0, False), (117, False), (118, True), (589, True)])
def test_a_speaker_trains_from_a_fifth_of_the_chunk_on(clean, trains):
    # 0.2 * 589 = 117.8
    chunks, speakers = filter_embeddings(np.zeros((1, 3, 4), np.float32), active((1, 0, clean)))
    assert (chunks.tolist(), speakers.tolist()) == (([0], [1]) if trains else ([], []))


def test_an_exact_fifth_trains():
    segmentations = np.zeros((1, 590, 3), np.float32)
    segmentations[0, :118, 0] = 1  # 0.2 * 590 = 118
    assert len(filter_embeddings(np.zeros((1, 3, 4)), segmentations)[0]) == 1
    segmentations[0, 117] = 0
    assert len(filter_embeddings(np.zeros((1, 3, 4)), segmentations)[0]) == 0


def test_overlapped_frames_do_not_count_towards_the_fifth():
    segmentations = active((0, 0, 200), (1, 117, 200))
    chunks, speakers = filter_embeddings(np.zeros((1, 3, 4)), segmentations)
    assert (chunks.tolist(), speakers.tolist()) == ([], [])  # 117 clean frames each
    segmentations[0, 117, 1] = 0
    assert filter_embeddings(np.zeros((1, 3, 4)), segmentations)[1].tolist() == [0]


def test_an_embedding_with_one_nan_does_not_train_and_order_is_by_chunk_then_speaker():
    embeddings = np.zeros((3, 3, 4), np.float32)
    embeddings[1, 0, 3] = np.nan
    segmentations = active((0, 0, 150), (2, 200, 150), chunks=3)
    chunks, speakers = filter_embeddings(embeddings, segmentations)
    assert list(zip(chunks.tolist(), speakers.tolist())) == [(0, 0), (0, 2), (1, 2), (2, 0), (2, 2)]
    assert chunks.dtype == speakers.dtype == np.int64


# --- ahc ---------------------------------------------------------------------------------------------------------

BELOW, CUT, ABOVE = np.nextafter(0.6, 0), 0.6, np.nextafter(0.6, 1)


@pytest.mark.parametrize(("distance", "clusters"), [(BELOW, 1), (CUT, 1), (ABOVE, 2)])
def test_a_merge_exactly_at_the_cut_is_kept_and_one_a_float_above_is_not(distance, clusters):
    labels = cut(np.array([[0, 1, distance, 2.0]]), 0.6)
    assert len(set(labels.tolist())) == clusters and labels.min() == 0


def test_an_inversion_is_cut_by_the_highest_merge_below_it():
    # The second merge is at 0.5, under the cut, but what it joins was made at 0.7: nothing is joined.
    assert cut(np.array([[0, 1, 0.7, 2], [2, 3, 0.5, 3]]), 0.6).tolist() == [0, 1, 2]
    assert cut(np.array([[0, 1, 0.6, 2], [2, 3, 0.5, 3]]), 0.6).tolist() == [0, 0, 0]


def unit_vectors(distance: float, number: int) -> np.ndarray:
    """Vectors of unit norm, every two of them that far apart: (1, number, number + 1) float64."""
    side = distance / np.sqrt(2)
    rows = np.concatenate([side * np.eye(number), np.zeros((number, 1))], axis=1)
    rows[:, -1] = np.sqrt(1 - side**2)
    return rows[None]


@pytest.mark.parametrize(("side", "labels"), [(0.59, [0, 0, 0]), (0.65, [0, 1, 2])])
def test_an_equilateral_triangle_is_an_inversion_and_is_cut_by_its_side(side, labels):
    zeros, corners = np.zeros(3, np.int64), np.arange(3)
    dendrogram, got = cluster_ahc(unit_vectors(side, 3), zeros, corners, threshold=0.6)
    first, second = dendrogram[:, 2]
    np.testing.assert_allclose([first, second], [side, side * np.sqrt(3) / 2], rtol=1e-7)
    assert second < first and second < 0.6  # the height of the triangle is under the cut in both cases
    assert got.tolist() == labels


def test_among_tied_merges_the_first_pair_is_merged_first():
    zeros, corners = np.zeros(4, np.int64), np.arange(4)
    exactly = np.eye(4)[None]  # six distances of exactly sqrt(2)
    dendrogram, _ = cluster_ahc(exactly, zeros, corners, threshold=0.6)
    assert dendrogram[:, :2].tolist() == [[0, 1], [2, 4], [3, 5]]
    assert dendrogram[0, 2] == np.sqrt(2)


def test_labels_are_numbered_from_zero_in_the_order_of_the_tree():
    chunks, speakers = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    embeddings = np.array([[[1, 0], [0, 5]], [[3, 0.1], [0.1, 2]]])
    _, labels = cluster_ahc(embeddings, chunks, speakers, threshold=0.6)
    assert labels.tolist() == [0, 1, 0, 1] and labels.dtype == np.int64


def test_only_directions_are_clustered():
    chunks, speakers = np.zeros(3, np.int64), np.arange(3)
    embeddings = np.array([[[1, 0], [100, 1], [0, 1e-3]]])
    assert cluster_ahc(embeddings, chunks, speakers, threshold=0.6)[1].tolist() == [0, 0, 1]


# --- centroids ---------------------------------------------------------------------------------------------------


def test_a_prior_of_exactly_1e_7_is_dropped_and_one_a_float_above_survives():
    priors = np.array([np.nextafter(1e-7, 0), 1e-7, np.nextafter(1e-7, 1), 1.0])
    assert surviving(priors).tolist() == [False, False, True, True]


def test_a_dropped_speaker_has_no_centroid_but_keeps_its_share_of_no_other():
    embeddings = np.array([[[2.0, 0.0], [0.0, 4.0], [0.0, 0.0]]], np.float32)
    q = np.array([[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]])
    got = compute_centroids(embeddings, np.zeros(2, int), np.arange(2), q, np.array([0.5, 1e-7, 0.5]), None)
    np.testing.assert_allclose(got, [[4 / 3, 4 / 3], [1, 2]], rtol=1e-15)


def test_kmeans_labels_take_the_place_of_responsibilities():
    embeddings = np.array([[[2.0, 0.0], [4.0, 0.0], [0.0, 6.0]]], np.float32)
    got = compute_centroids(embeddings, np.zeros(3, int), np.arange(3), None, None, np.array([1, 1, 0]))
    assert got.tolist() == [[0, 6], [3, 0]] and got.dtype == np.float32


def test_a_cluster_that_kmeans_left_empty_keeps_a_nan_centroid_as_the_references():
    embeddings = np.ones((1, 3, 4), dtype=np.float32)
    labels, priors = np.zeros(3, int), np.array([1.0])
    got = compute_centroids(embeddings, labels, np.arange(3), None, priors, labels, forced_count=lambda kept: 2)
    assert got.shape == (2, 4)
    assert (got[0] == 1).all()
    assert np.isnan(got[1]).all()


def test_without_vbx_there_is_one_centroid_the_mean_or_nan():
    embeddings = np.array([[[2.0, 0.0], [4.0, 0.0], [0.0, 6.0]]], np.float32)
    one = compute_centroids(embeddings, np.array([0]), np.array([2]), None, None, None)
    assert one.tolist() == [[0, 6]] and one.dtype == np.float32
    nobody = np.zeros(0, np.int64)
    none = compute_centroids(embeddings, nobody, nobody, None, None, None)
    assert none.shape == (1, 2) and np.isnan(none).all() and none.dtype == np.float32


# --- assignment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "wanted"),
    [
        (np.ones((3, 3)), [0, 1, 2]),
        (np.ones((3, 5)), [0, 1, 2]),
        (np.ones((3, 2)), [0, 1, UNASSIGNED]),
        (np.ones((3, 1)), [0, UNASSIGNED, UNASSIGNED]),
        ([[1, 1, 0], [1, 1, 0], [0, 0, 1]], [0, 1, 2]),
        ([[2, 2], [2, 2], [1, 1]], [0, 1, UNASSIGNED]),
        ([[1, 1], [2, 2], [2, 2]], [UNASSIGNED, 0, 1]),
    ],
)
def test_ties_go_to_the_first_speakers_and_the_first_clusters_as_in_scipy(scores, wanted):
    assert constrained_argmax(np.asarray(scores, float)[None])[0].tolist() == wanted


def test_the_best_total_wins_over_the_best_single_score():
    assert constrained_argmax(np.array([[[2.0, 1.9], [1.8, 0.1]]]))[0].tolist() == [1, 0]


def test_an_active_speaker_beats_those_set_aside_for_the_only_cluster():
    soft = np.array([[[-1.0], [0.2], [-1.0]]])
    assert constrained_argmax(soft)[0].tolist() == [UNASSIGNED, 0, UNASSIGNED]


def test_nan_counts_as_the_smallest_score_there_is():
    # With the smallest, -1, in its place: 0.5 - 1 beats -1 + 0.4. With 0 it would be the other way round.
    assert constrained_argmax(np.array([[[np.nan, 0.5], [-1.0, 0.4]]]))[0].tolist() == [1, 0]
    assert constrained_argmax(np.array([[[0.0, 0.5], [-1.0, 0.4]]]))[0].tolist() == [0, 1]


def test_where_a_number_was_imposed_each_takes_its_best_cluster_and_the_first_of_equals():
    soft = np.array([[[0.1, 0.9], [0.2, 0.8], [0.5, 0.5]]])
    got = assign(soft, TWO, np.array([0, 1]))
    assert got.tolist() == [[1, 1, 0]] and got.dtype == np.int8
    assert assign(soft, TWO, None).tolist() == [[1, UNASSIGNED, 0]]


@pytest.mark.parametrize("training", [0, 1])
def test_with_fewer_than_two_training_embeddings_everybody_is_speaker_0(training):
    embeddings, chunks = np.ones((2, 3, 4), np.float32), np.zeros(training, np.int64)
    soft = score(embeddings, np.full((1, 4), np.nan), active(chunks=2), chunks, None)
    assert soft.tolist() == np.ones((2, 3, 1)).tolist()  # inactive speakers are not set aside either
    hard = assign(soft, chunks, None)
    assert hard.tolist() == [[0, 0, 0]] * 2 and hard.dtype == np.int8


# --- reconstruction ----------------------------------------------------------------------------------------------


def test_speakers_inactive_in_their_chunk_belong_to_nobody():
    segmentations = active((0, 0, 100))
    activations = sum_activations(segmentations, np.array([[1, 0, 2]], np.int8))
    assert activations.shape == (594, 2)  # cluster 2 has only inactive speakers: no column
    assert activations[:, 0].sum() == 0 and activations[:, 1].sum() == 100


def test_speakers_of_one_cluster_in_one_chunk_are_united_not_added():
    activations = sum_activations(active((0, 0, 100), (1, 50, 100)), np.zeros((1, 3), np.int8))
    assert activations.max() == 1 and activations.sum() == 150


def test_chunks_are_added_and_those_without_the_cluster_say_nothing():
    segmentations = active((0, 0, FRAMES), chunks=3)
    activations = sum_activations(segmentations, np.array([[0, -2, -2], [1, -2, -2], [0, -2, -2]], np.int8))
    assert activations[300].tolist() == [2, 1]


def test_unassigned_speakers_are_left_out():
    activations = sum_activations(active((0, 0, 100), (1, 0, 100)), np.array([[0, UNASSIGNED, -2]], np.int8))
    assert activations.shape[1] == 1 and activations.sum() == 100


@pytest.mark.parametrize("speakers", range(1, 17))
def test_up_to_sixteen_tied_speakers_rank_by_their_number(speakers):
    assert rank_speakers(np.ones((2, speakers), np.float32)).tolist() == [list(range(speakers))] * 2


def test_ties_rank_by_number_within_their_level():
    assert rank_speakers(np.array([[1, 2, 1, 0, 2]], np.float32)).tolist() == [[1, 4, 0, 2, 3]]


def test_many_tied_speakers_rank_as_numpys_plain_sort_ranks_them_whatever_this_cpu_is(tmp_path):
    activations = np.random.default_rng(0).integers(0, 3, (200, 40)).astype(np.float32)
    np.save(tmp_path / "activations.npy", activations)
    program = (
        "import numpy as np, sys; a = np.load(sys.argv[1] + '/activations.npy');"
        "np.save(sys.argv[1] + '/order.npy', np.argsort(-a, axis=-1))"
    )
    command = [sys.executable, "-W", "ignore", "-c", program, str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, **pinned(1)})
    order = np.load(tmp_path / "order.npy")
    assert not np.array_equal(order, np.argsort(-activations, axis=-1, kind="stable"))  # else it shows nothing
    assert np.array_equal(rank_speakers(activations), order)


def test_the_most_active_win_and_of_equals_the_lowest_number():
    activations = np.array([[1, 3, 3, 2]] * 5, np.float32)
    count = np.array([[0], [1], [2], [3], [4]], np.int8)
    assert most_active(activations, count).tolist() == [
        [0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0], [0, 1, 1, 1], [1, 1, 1, 1],
    ]  # fmt: skip


def test_an_inactive_speaker_wins_where_the_count_asks_for_more_than_are_active():
    assert most_active(np.array([[0, 2, 0]], np.float32), np.array([[2]], np.int8)).tolist() == [[1, 1, 0]]


def test_columns_are_added_where_the_count_exceeds_the_clusters():
    got = most_active(np.array([[5], [0]], np.float32), np.array([[3], [1]], np.int8))
    assert got.tolist() == [[1, 1, 1], [1, 0, 0]]


def test_columns_are_added_by_the_largest_count_and_not_for_the_exclusive_variant():
    segmentations = active((0, 0, 300), (1, 0, 300))
    count = count_speakers(segmentations)
    plain, exclusive = reconstruct(segmentations, np.zeros((1, 3), np.int8), count, max_speakers=np.inf)
    assert plain.shape == (594, 2) and exclusive.shape == (594, 1)
    assert plain[:300].all() and exclusive[:300].all() and not plain[300:].any()


def test_the_exclusive_diarization_keeps_one_speaker_a_frame_the_more_active():
    segmentations = active((0, 0, FRAMES), (1, 0, FRAMES), chunks=2)
    segmentations[0, :, 0] = 0  # cluster 1 speaks in both chunks, cluster 0 in one
    segmentations[1, 400:, 1] = 0
    count = np.full((653, 1), 2, np.uint8)
    plain, exclusive = reconstruct(segmentations, np.array([[0, 1, 2]] * 2, np.int8), count, max_speakers=np.inf)
    assert plain[300].tolist() == [1, 1] and exclusive[300].tolist() == [0, 1]
    assert plain[500].tolist() == [1, 1] and exclusive[500].tolist() == [1, 0]  # tied there, one chunk each
    assert exclusive.sum(axis=1).max() == 1


@pytest.mark.parametrize(("max_speakers", "most"), [(np.inf, 2), (3, 2), (2, 2), (1, 1)])
def test_max_speakers_caps_the_count(max_speakers, most):
    segmentations = active((0, 0, 300), (1, 0, 300))
    hard, count = np.array([[0, 1, 2]], np.int8), count_speakers(segmentations)
    plain, exclusive = reconstruct(segmentations, hard, count, max_speakers=max_speakers)
    assert plain.sum(axis=1).max() == most and exclusive.sum(axis=1).max() == 1
    assert count.max() == 2  # the artefact itself is not capped


# --- annotation --------------------------------------------------------------------------------------------------


def discrete(frames: int, *spans: tuple[int, int, int], speakers: int = 1) -> np.ndarray:
    array = np.zeros((frames, speakers), np.float32)
    for speaker, first, number in spans:
        array[first : first + number, speaker] = 1
    return array


def turns(array: np.ndarray, min_duration_off: float = 0.0) -> list[Turn]:
    return annotate(array, array, min_duration_off=min_duration_off)[0]


def test_a_turn_lasts_from_the_middle_of_its_first_frame_to_that_of_the_first_after_it():
    assert turns(discrete(20, (0, 3, 4))) == [Turn(MIDDLES[3], MIDDLES[7], "A", "SPEAKER_00")]


def test_a_turn_at_the_edges_is_kept_within_the_first_and_last_middle():
    assert turns(discrete(20, (0, 0, 20))) == [Turn(MIDDLES[0], MIDDLES[19], "A", "SPEAKER_00")]
    assert turns(discrete(20, (0, 18, 2))) == [Turn(MIDDLES[18], MIDDLES[19], "A", "SPEAKER_00")]


def test_a_turn_in_the_very_last_frame_alone_vanishes_and_its_speaker_takes_no_name():
    assert turns(discrete(20, (0, 19, 1))) == []
    got = turns(discrete(20, (0, 19, 1), (1, 4, 2), speakers=2))
    assert [(turn.speaker, turn.track) for turn in got] == [("SPEAKER_00", "B")]


@pytest.mark.parametrize("missing", [(None, None), (None, np.zeros((3, 1))), (np.zeros((3, 1)), None)])
def test_no_diarization_is_no_turns(missing):
    assert annotate(*missing, min_duration_off=0.0) == ([], [])
    assert to_rttm([], "clip") == ""


def test_speakers_are_named_in_the_order_of_their_numbers_as_text():
    array = discrete(60, *((speaker, 4 * speaker, 2) for speaker in range(12)), speakers=12)
    by_start = [turn.speaker for turn in turns(array)]
    in_order = [0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9]
    assert by_start == [f"SPEAKER_{in_order.index(speaker):02d}" for speaker in range(12)]
    assert by_start[2] == "SPEAKER_04" and by_start[10] == "SPEAKER_02"


def test_only_speakers_that_occur_are_named_and_three_digits_come_when_needed():
    assert speaker_names({7, 10, 3}) == {10: "SPEAKER_00", 3: "SPEAKER_01", 7: "SPEAKER_02"}
    assert speaker_names(set(range(101)))[99] == "SPEAKER_100"


def test_the_exclusive_turns_carry_the_names_of_the_plain_ones():
    plain = discrete(30, (0, 0, 5), (1, 0, 10), speakers=2)
    exclusive = discrete(30, (1, 0, 10), speakers=2)
    diarization, exclusive_diarization = annotate(plain, exclusive, min_duration_off=0.0)
    assert [turn.speaker for turn in diarization] == ["SPEAKER_00", "SPEAKER_01"]
    assert [turn.speaker for turn in exclusive_diarization] == ["SPEAKER_01"]


def test_turns_are_ordered_by_start_then_end_then_track():
    array = discrete(40, (0, 5, 10), (1, 5, 5), (2, 2, 30), (3, 5, 10), speakers=4)
    assert [turn.track for turn in turns(array)] == ["C", "B", "A", "D"]


def test_beyond_26_speakers_tracks_are_ordered_as_text_too():
    array = discrete(10, (1, 2, 3), (25, 2, 3), (26, 2, 3), (27, 2, 3), speakers=28)
    # Tracks B, Z, AA and AB; named as text: 1, 25, 26, 27.
    got = [(turn.track, turn.speaker) for turn in turns(array)]
    assert got == [("AA", "SPEAKER_02"), ("AB", "SPEAKER_03"), ("B", "SPEAKER_00"), ("Z", "SPEAKER_01")]


@pytest.mark.parametrize(("index", "track"), [(701, "ZZ"), (702, "AAA"), (51, "AZ"), (52, "BA")])
def test_tracks_are_lettered_like_columns_of_a_sheet(index, track):
    array = discrete(10, (index, 2, 3), speakers=index + 1)
    assert turns(array)[0].track == track


def test_rttm_has_ten_fields_three_decimals_and_no_end():
    text = to_rttm([Turn(0.0309, 1.5, "A", "SPEAKER_00"), Turn(12.0, 12.0155, "B", "SPEAKER_01")], "a-clip")
    assert text == (
        "SPEAKER a-clip 1 0.031 1.469 <NA> <NA> SPEAKER_00 <NA> <NA>\n"
        "SPEAKER a-clip 1 12.000 0.015 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
    )


def gap(first: int, second: int) -> float:
    return float(MIDDLES[second] - MIDDLES[first])


def test_a_gap_is_filled_only_where_it_is_strictly_shorter_than_min_duration_off():
    array = discrete(60, (0, 0, 10), (0, 20, 10))  # silent from the middle of frame 10 to that of frame 20
    exactly = gap(10, 20)
    assert len(turns(array, exactly)) == 2
    assert turns(array, np.nextafter(exactly, 1)) == [Turn(MIDDLES[0], MIDDLES[30], "A", "SPEAKER_00")]
    assert len(turns(array, 0.0)) == 2


def test_gaps_are_filled_one_after_the_other_and_never_between_speakers():
    array = discrete(90, (0, 0, 10), (0, 12, 10), (0, 24, 10), (1, 10, 2), (1, 34, 5), speakers=2)
    got = [(turn.start, turn.end, turn.speaker) for turn in turns(array, 0.1)]
    assert got == [
        (MIDDLES[0], MIDDLES[34], "SPEAKER_00"),
        (MIDDLES[10], MIDDLES[12], "SPEAKER_01"),
        (MIDDLES[34], MIDDLES[39], "SPEAKER_01"),
    ]


def test_filling_gaps_letters_tracks_anew_and_so_turns_around_ties():
    array = discrete(60, (2, 0, 10), (10, 0, 10), speakers=11)
    assert [(t.track, t.speaker) for t in turns(array)] == [("C", "SPEAKER_01"), ("K", "SPEAKER_00")]
    assert [(t.track, t.speaker) for t in turns(array, 0.1)] == [("A", "SPEAKER_00"), ("B", "SPEAKER_01")]


# --- parameters and kmeans ---------------------------------------------------------------------------------------


def test_parameters_are_those_of_community_1():
    p = Parameters()
    assert (p.threshold, p.fa, p.fb, p.max_iterations) == (0.6, 0.07, 0.8, 20)
    assert (p.min_duration_off, p.exclude_overlap, p.speaker_bounds) == (0.0, True, (1, np.inf))


@pytest.mark.parametrize("name", ["num_speakers", "min_speakers", "max_speakers"])
@pytest.mark.parametrize("value", [0, -3])
def test_fewer_than_one_speaker_is_refused_by_name_and_value(name, value):
    assert refusal(Parameters, **{name: value}).startswith(f"{name}={value}")


def test_bounds_that_cross_are_refused_and_bounds_that_meet_are_not():
    assert refusal(Parameters, min_speakers=4, max_speakers=3) == "min_speakers=4 exceeds max_speakers=3"
    assert Parameters(min_speakers=3, max_speakers=3).speaker_bounds == (3, 3)


def test_a_given_number_of_speakers_overrides_bounds():
    assert Parameters(num_speakers=2, min_speakers=5, max_speakers=3).speaker_bounds == (2, 2)


@pytest.mark.parametrize(
    ("bounds", "automatic", "forced"),
    [
        ({}, 1, None),
        ({}, 9, None),
        ({"num_speakers": 3}, 2, 3),
        ({"num_speakers": 3}, 3, None),
        ({"num_speakers": 3}, 4, 3),
        ({"min_speakers": 3}, 2, 3),
        ({"min_speakers": 3}, 3, None),
        ({"min_speakers": 3}, 4, None),
        ({"max_speakers": 3}, 4, 3),
        ({"max_speakers": 3}, 3, None),
        ({"max_speakers": 3}, 1, None),
        ({"max_speakers": 1}, 2, 1),
        ({"min_speakers": 2, "max_speakers": 2}, 5, 2),
        ({"min_speakers": 2, "max_speakers": 4}, 5, 4),
        ({"min_speakers": 2, "max_speakers": 4}, 1, 2),
    ],
)
def test_kmeans_is_asked_only_where_the_automatic_number_is_out_of_bounds(bounds, automatic, forced):
    assert Parameters(**bounds).forced_count(automatic) == forced


def test_more_clusters_than_embeddings_is_refused_and_as_many_is_not():
    embeddings = np.eye(3, dtype=np.float32)[None]
    training = np.zeros(3, np.int64), np.arange(3)
    message = refusal(cluster_kmeans, embeddings, *training, num_clusters=4)
    assert message.startswith("4 speakers were asked for") and "only 3 embeddings" in message
    assert sorted(cluster_kmeans(embeddings, *training, num_clusters=3)) == [0, 1, 2]


def test_kmeans_clusters_directions_and_leaves_the_embeddings_alone():
    embeddings = np.array([[[1, 0], [50, 1], [0, 1]], [[0.1, 9], [1, 0.1], [0, 0]]], np.float32)
    before = embeddings.copy()
    labels = cluster_kmeans(embeddings, np.array([0, 0, 0, 1, 1]), np.array([0, 1, 2, 0, 1]), num_clusters=2)
    assert labels.tolist() in ([0, 0, 1, 1, 0], [1, 1, 0, 0, 1])
    assert np.array_equal(embeddings, before)


def test_kmeans_is_scikit_learns_with_three_starts_seeded_with_42():
    embeddings = np.random.default_rng(3).standard_normal((30, 3, 8)).astype(np.float32)  # all three differ
    rows = embeddings[:, 1] / np.linalg.norm(embeddings[:, 1], axis=1, keepdims=True)
    got = cluster_kmeans(embeddings, np.arange(30), np.ones(30, np.int64), num_clusters=5)
    assert np.array_equal(got, KMeans(5, n_init=3, random_state=42).fit_predict(rows))
    assert not np.array_equal(got, KMeans(5, n_init=3, random_state=43).fit_predict(rows))
    assert not np.array_equal(got, KMeans(5, n_init=1, random_state=42).fit_predict(rows))


# --- which stages are reached ------------------------------------------------------------------------------------

DIMENSION = 16
IDENTITY = Plda(
    mean1=np.zeros(DIMENSION),
    mean2=np.zeros(DIMENSION),
    lda=np.eye(DIMENSION),
    mu=np.zeros(DIMENSION),
    transform=10 * np.eye(DIMENSION),
    phi=np.linspace(20, 1, DIMENSION),
)


def diarize(classes: np.ndarray, embeddings: np.ndarray | None, **parameters: float) -> dict:
    """Run the whole graph on networks that say what they are told: (chunks, 589) powerset classes, (chunks, 3, 16)."""
    said = iter(classes)
    chunks = len(classes)

    def segmentation(waveforms):
        return (np.log(np.eye(7, dtype=np.float32)[[next(said) for _ in waveforms]] + 1e-6),)

    def trunk(fbank):
        return (np.zeros((len(fbank), 2, 125), np.float32),)

    def head(features, weights):
        nonlocal embeddings
        if embeddings is None:
            raise AssertionError("no embeddings should be asked for")
        now, embeddings = embeddings[: len(features)], embeddings[len(features) :]
        return (now.astype(np.float32),)

    pipeline = community1_pipeline(Networks(segmentation, trunk, head, IDENTITY), Parameters(**parameters))
    return pipeline.run({"samples": np.zeros((1, 160_000 + (chunks - 1) * 16_000), np.float32), "sample_rate": 16_000})


def spoken(chunks: int, *spans: tuple[int, int, int]) -> np.ndarray:
    """(class, first frame, number of frames) in each chunk."""
    classes = np.zeros((chunks, FRAMES), np.int64)
    for powerset_class, first, number in spans:
        classes[:, first : first + number] = powerset_class
    return classes


CLUSTERED = {"post_xvec", "post_plda", "phi", "dendrogram", "ahc_clusters", "qinit", "q_final", "sp_final"}


def test_where_nobody_speaks_only_the_count_is_made_and_there_are_no_turns():
    made = diarize(spoken(2), None)
    assert set(made) == {
        "samples", "sample_rate", "waveform", "chunk_waveforms",
        "segmentation_logits", "segmentations", "count", "diarization", "exclusive_diarization",
    }  # fmt: skip
    assert made["diarization"] == made["exclusive_diarization"] == []


def test_one_embedding_is_one_speaker_and_is_not_clustered():
    embeddings = np.random.default_rng(0).standard_normal((1, 3, DIMENSION)).astype(np.float32)
    made = diarize(spoken(1, (2, 100, 300)), embeddings)
    assert not CLUSTERED & set(made) and "kmeans_clusters" not in made
    assert (made["train_chunk_idx"].tolist(), made["train_speaker_idx"].tolist()) == ([0], [1])
    assert np.array_equal(made["centroids"], embeddings[0, 1:2])
    assert made["hard_clusters"].tolist() == [[0, 0, 0]]
    assert made["diarization"] == [Turn(MIDDLES[100], MIDDLES[400], "A", "SPEAKER_00")]


@pytest.mark.parametrize("bounds", [{"num_speakers": 3}, {"min_speakers": 2}])
def test_one_embedding_is_one_speaker_even_where_more_are_asked_for(bounds):
    made = diarize(spoken(1, (2, 100, 300)), np.ones((1, 3, DIMENSION)), **bounds)
    assert len({turn.speaker for turn in made["diarization"]}) == 1


def test_speech_too_brief_to_embed_is_still_one_speaker():
    made = diarize(spoken(1, (1, 100, 50), (2, 200, 50)), np.ones((1, 3, DIMENSION)))
    assert not CLUSTERED & set(made)
    assert len(made["train_chunk_idx"]) == 0 and np.isnan(made["centroids"]).all()
    assert made["diarization"] == [
        Turn(MIDDLES[100], MIDDLES[150], "A", "SPEAKER_00"),
        Turn(MIDDLES[200], MIDDLES[250], "A", "SPEAKER_00"),
    ]


def test_two_who_overlap_without_being_clustered_are_told_apart_by_an_added_column():
    made = diarize(spoken(1, (1, 0, 200), (4, 200, 50)), np.ones((1, 3, DIMENSION)))
    assert made["discrete_diarization"].shape[1] == 2 and made["exclusive_discrete_diarization"].shape[1] == 1
    assert made["diarization"] == [
        Turn(MIDDLES[0], MIDDLES[250], "A", "SPEAKER_00"),
        Turn(MIDDLES[200], MIDDLES[250], "B", "SPEAKER_01"),
    ]
    assert made["exclusive_diarization"] == made["diarization"][:1]


def two_voices(chunks: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    embeddings = 0.05 * rng.standard_normal((chunks, 3, DIMENSION))
    embeddings[:, 0, 0] += 1
    embeddings[:, 1, 1] += 1
    return embeddings


DIALOGUE = spoken(8, (1, 0, 250), (2, 300, 250))


def test_two_voices_are_two_speakers_and_kmeans_is_not_reached():
    made = diarize(DIALOGUE, two_voices(8))
    assert set(made) >= CLUSTERED and "kmeans_clusters" not in made
    assert len(made["train_chunk_idx"]) == 16 and made["centroids"].shape == (2, DIMENSION)
    assert {tuple(row[:2]) for row in made["hard_clusters"].tolist()} in ({(0, 1)}, {(1, 0)})
    assert (made["hard_clusters"][:, 2] == UNASSIGNED).all()
    assert {turn.speaker for turn in made["diarization"]} == {"SPEAKER_00", "SPEAKER_01"}


@pytest.mark.parametrize("bounds", [{"num_speakers": 2}, {"min_speakers": 2}, {"max_speakers": 2}])
def test_kmeans_is_not_reached_where_vbx_finds_what_was_asked_for(bounds):
    made = diarize(DIALOGUE, two_voices(8), **bounds)
    assert "kmeans_clusters" not in made
    assert made["diarization"] == diarize(DIALOGUE, two_voices(8))["diarization"]


@pytest.mark.parametrize(
    ("bounds", "speakers"), [({"num_speakers": 1}, 1), ({"max_speakers": 1}, 1), ({"min_speakers": 3}, 3)]
)
def test_an_imposed_number_reclusters_by_kmeans_and_lifts_the_constraint(bounds, speakers):
    made = diarize(DIALOGUE, two_voices(8), **bounds)
    assert sorted(set(made["kmeans_clusters"].tolist())) == list(range(speakers))
    assert made["centroids"].shape == (speakers, DIMENSION)
    assert (made["hard_clusters"] != UNASSIGNED).all()
    assert len({turn.speaker for turn in made["diarization"]}) == speakers


@pytest.mark.parametrize("bounds", [{"num_speakers": 5}, {"min_speakers": 5}])
def test_asking_for_more_speakers_than_embeddings_is_refused(bounds):
    message = refusal(diarize, spoken(2, (1, 0, 250), (2, 300, 250)), two_voices(2), **bounds)
    assert "5 speakers were asked for" in message and "only 4 embeddings" in message


def test_max_speakers_caps_the_count_of_the_whole_graph():
    overlapped = spoken(1, (1, 0, 200), (4, 200, 50))
    plain = diarize(overlapped, np.ones((1, 3, DIMENSION)), max_speakers=1)["discrete_diarization"]
    assert plain.shape[1] == 1 and plain[:250].all()


def test_min_duration_off_reaches_the_annotation():
    paused = spoken(1, (1, 0, 200), (1, 210, 200))
    assert len(diarize(paused, np.ones((1, 3, DIMENSION)))["diarization"]) == 2
    assert len(diarize(paused, np.ones((1, 3, DIMENSION)), min_duration_off=0.5)["diarization"]) == 1


def test_exclude_overlap_reaches_the_masks():
    overlapped = spoken(1, (1, 0, 200), (4, 200, 50))
    assert diarize(overlapped, np.ones((1, 3, DIMENSION)))["masks"][0, 0].sum() == 200
    assert diarize(overlapped, np.ones((1, 3, DIMENSION)), exclude_overlap=False)["masks"][0, 0].sum() == 250


def test_hyper_parameters_reach_ahc_and_vbx():
    plain = diarize(DIALOGUE, two_voices(8))
    assert plain["ahc_clusters"].max() == 1 and len(plain["elbo_trajectory"]) > 1
    assert diarize(DIALOGUE, two_voices(8), threshold=1.9)["ahc_clusters"].max() == 0
    assert len(diarize(DIALOGUE, two_voices(8), max_iterations=1)["elbo_trajectory"]) == 1
    once = [
        diarize(DIALOGUE, two_voices(8), max_iterations=1, **changed)["elbo_trajectory"][0]
        for changed in ({}, {"fa": 0.08}, {"fb": 0.9})
    ]
    assert abs(once[1] - once[0]) > 1 and abs(once[2] - once[0]) > 1


def test_progress_is_told_for_both_networks():
    told: list[tuple[str, int, int]] = []
    network = Networks(
        lambda waveforms: (np.eye(7, dtype=np.float32)[np.ones((len(waveforms), FRAMES), int)],),
        lambda fbank: (np.zeros((len(fbank), 2, 125), np.float32),),
        lambda features, weights: (np.ones((len(features), 3, DIMENSION), np.float32),),
        IDENTITY,
    )
    pipeline = community1_pipeline(network, Parameters(), progress=lambda *p: told.append(p))
    pipeline.run({"samples": np.zeros((1, 160_000 + 16_000), np.float32), "sample_rate": 16_000})
    assert ("segmentation", 2, 2) in told and ("embeddings", 2, 2) in told
