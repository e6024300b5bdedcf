"""Drift: what differs is found, measured and named; what may differ is not; nothing is skipped."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.measure.drift import compare, in_words, smallest_cosine
from parity.measure.tolerances import CASCADED, DECISIVE_DRIFT, ISOLATED, tolerance
from parity.pipeline.artefact import ARTEFACTS, LAYOUTS, Comparison

SIZES = {"C": 3, "F": 589, "S": 3, "T": 5, "T-1": 4, "K0": 3, "K": 2, "frames": 9, "speakers": 2, "iterations": 4} | {
    "samples": 11
}
ARRAYS = [name for name, artefact in ARTEFACTS.items() if artefact.comparison is not Comparison.TURNS]
VALUES = [name for name in ARRAYS if ARTEFACTS[name].comparison is Comparison.VALUES]
LABELS = [name for name in ARRAYS if ARTEFACTS[name].comparison is Comparison.LABELS]


def example(name: str, seed: int = 0) -> np.ndarray:
    artefact = ARTEFACTS[name]
    shape = [SIZES.get(dim) or int(dim) for dim in artefact.dims]
    rng = np.random.default_rng(seed)
    if artefact.comparison in (Comparison.LABELS, Comparison.PARTITION):
        return rng.integers(0, 2, shape).astype(artefact.dtype)
    return rng.normal(size=shape).astype(artefact.dtype)


def changed(array: np.ndarray, index: tuple, by: float) -> np.ndarray:
    other = array.copy()
    other[index] += by
    return other


def logits(*rows: list[float]) -> np.ndarray:
    """One chunk of one frame a row, the classes not given improbable."""
    return np.array([[[*row, *[-20.0] * (7 - len(row))] for row in rows]], dtype=np.float32)


def line(start: float, speaker: int = 0) -> str:
    return f"SPEAKER clip 1 {start:.3f} 1.000 <NA> <NA> SPEAKER_{speaker:02d} <NA> <NA>\n"


# equal things


@pytest.mark.parametrize("mode", ["isolated", "cascaded"])
@pytest.mark.parametrize("name", ARRAYS)
def test_an_artefact_is_within_of_itself_and_wholly_compared(name, mode):
    array = example(name)
    drift = compare(name, array.copy(), array, mode=mode)
    assert drift.within and (drift.max_abs, drift.rms, drift.mismatches, drift.excused) == (0, 0, 0, 0)
    assert drift.compared == drift.total == array.size > 0
    assert (drift.stage, drift.artefact, drift.mode) == (ARTEFACTS[name].stage, name, mode)
    assert drift.tolerance == tolerance(name, mode).max_abs and drift.note == ""


@pytest.mark.parametrize("name", ARRAYS)
def test_an_artefact_without_elements_is_within_of_itself(name):
    artefact = ARTEFACTS[name]
    shape = [0 if dim in ("C", "T", "T-1", "frames", "K0", "iterations") else 128 for dim in artefact.dims]
    empty = np.zeros(shape, dtype=artefact.dtype)
    if empty.size == 0 and artefact.comparison is not Comparison.DECISIVE:
        drift = compare(name, empty.copy(), empty, mode="isolated")
        assert drift.within and drift.compared == 0 and drift.worst_index is None


@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(ARRAYS),
    st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e100]), max_size=4),
)
def test_any_artefact_is_within_of_itself_whatever_its_values(seed, name, specials):
    array = example(name, seed)
    if ARTEFACTS[name].comparison is Comparison.VALUES:
        array.flat[: len(specials)] = np.array(specials).clip(-np.inf, np.inf if array.dtype != np.float32 else 1e30)
    assert compare(name, array.copy(), array, mode="isolated").within


def test_nan_equals_nan_and_infinity_itself():
    array = np.array([np.nan, np.inf, -np.inf, 1.0])
    drift = compare("elbo_trajectory", array.copy(), array, mode="isolated")
    assert drift.within and drift.max_abs == 0.0 and drift.mismatches == 0 and drift.compared == 4


# values


@given(data=st.data(), name=st.sampled_from(VALUES), sign=st.sampled_from([-1, 1]))
def test_one_element_beyond_the_tolerance_is_found_at_its_index(data, name, sign):
    want = example(name)
    index = tuple(data.draw(st.integers(0, size - 1)) for size in want.shape)
    limit = tolerance(name, "isolated").max_abs
    drift = compare(name, changed(want, index, sign * (2 * limit + 1e-4)), want, mode="isolated")
    assert not drift.within and drift.worst_index == index and drift.max_abs > limit
    assert drift.want == want[index] and drift.got != drift.want
    assert drift.rms == pytest.approx(drift.max_abs / math.sqrt(want.size))


@given(data=st.data(), name=st.sampled_from(VALUES))
def test_one_element_inside_the_tolerance_is_measured_and_within(data, name):
    want = np.zeros_like(example(name))
    index = tuple(data.draw(st.integers(0, size - 1)) for size in want.shape)
    limit = tolerance(name, "isolated").max_abs
    drift = compare(name, changed(want, index, limit / 2), want, mode="isolated")
    assert drift.within and drift.worst_index == index and drift.max_abs == pytest.approx(limit / 2)


@given(data=st.data(), name=st.sampled_from(LABELS))
def test_one_label_that_differs_is_found_at_its_index(data, name):
    want = example(name)
    index = tuple(data.draw(st.integers(0, size - 1)) for size in want.shape)
    drift = compare(name, changed(want, index, 1), want, mode="cascaded")
    assert not drift.within and drift.mismatches == 1 and drift.worst_index == index


def test_the_limit_itself_is_within_and_the_next_number_is_not():
    limit = tolerance("phi", "isolated").max_abs
    want = np.zeros(128)
    assert compare("phi", changed(want, (3,), limit), want, mode="isolated").within
    assert not compare("phi", changed(want, (3,), math.nextafter(limit, 1)), want, mode="isolated").within


def test_the_worst_of_several_is_named():
    want = np.zeros(128)
    got = want.copy()
    got[[5, 70, 100]] = 1e-3, -4e-3, 2e-3
    drift = compare("phi", got, want, mode="isolated")
    assert drift.worst_index == (70,) and drift.max_abs == 4e-3 and drift.got == -4e-3 and drift.want == 0
    assert drift.rms == pytest.approx(math.sqrt((1e-6 + 16e-6 + 4e-6) / 128))


@pytest.mark.parametrize("ours, theirs", [(np.nan, 1.0), (1.0, np.nan), (np.nan, np.inf), (np.inf, np.nan)])
def test_nan_on_one_side_is_a_mismatch_where_it_is_and_outranks_any_number(ours, theirs):
    got, want = np.zeros(128), np.zeros(128)
    got[3] = 1e9
    got[64], want[64] = ours, theirs
    drift = compare("phi", got, want, mode="isolated")
    assert not drift.within and drift.mismatches == 1 and drift.worst_index == (64,)
    assert drift.max_abs == 1e9


def test_nan_on_one_side_alone_fails():
    got = np.zeros(128)
    got[64] = np.nan
    drift = compare("phi", got, np.zeros(128), mode="isolated")
    assert not drift.within and (drift.max_abs, drift.mismatches) == (0.0, 1)


@pytest.mark.parametrize("ours, theirs", [(np.inf, 0.0), (0.0, -np.inf), (np.inf, -np.inf)])
def test_unequal_infinities_are_infinitely_far(ours, theirs):
    got, want = np.zeros(128), np.zeros(128)
    got[7], want[7] = ours, theirs
    drift = compare("phi", got, want, mode="isolated")
    assert not drift.within and drift.max_abs == np.inf and drift.worst_index == (7,)


def test_differences_of_float32_are_taken_in_float64():
    want = np.full(128, 1.0, dtype=np.float32)
    got = np.full(128, 1.0 + 1e-12, dtype=np.float64)
    assert compare("phi", got, want, mode="isolated").max_abs == pytest.approx(1e-12, rel=1e-3)


def test_a_small_error_everywhere_breaks_the_rms_limit_alone():
    want = np.zeros((1, 998, 80), dtype=np.float32)
    drift = compare("fbank", want + np.float32(5e-5), want, mode="isolated")
    assert drift.max_abs < drift.tolerance and not drift.within and drift.rms == pytest.approx(5e-5)
    single = compare("fbank", changed(want, (0, 500, 40), 9e-4), want, mode="isolated")
    assert single.within and single.max_abs == pytest.approx(9e-4)


# another shape


@pytest.mark.parametrize("name", ARRAYS)
def test_another_shape_is_said_and_everything_counts_as_a_mismatch(name):
    want = example(name)
    drift = compare(name, want[:-1], want, mode="isolated")
    assert not drift.within and drift.compared == 0 and drift.mismatches == drift.total == want.size
    shapes = [", ".join(map(str, array.shape)) for array in (want[:-1], want)]
    assert drift.note == f"shape ({shapes[0]}), the reference's is ({shapes[1]})"
    assert drift.max_abs == np.inf and drift.worst_index is None


def test_shapes_that_would_broadcast_do_not():
    assert not compare("phi", np.zeros(1), np.zeros(128), mode="isolated").within
    assert not compare("phi", np.zeros((1, 128)), np.zeros(128), mode="isolated").within
    assert not compare("phi", np.float64(0), np.zeros(128), mode="isolated").within


def test_nothing_against_something_is_not_within():
    assert not compare("ahc_clusters", np.zeros(0, dtype=int), np.zeros(3, dtype=int), mode="isolated").within
    assert not compare("ahc_clusters", np.zeros(3, dtype=int), np.zeros(0, dtype=int), mode="isolated").within


# where, in words


def test_the_worst_element_is_named_by_chunk_speaker_and_second():
    want = np.zeros((90, 3, 256), dtype=np.float32)
    drift = compare("embeddings", changed(want, (83, 1, 17), 0.5), want, mode="cascaded")
    assert drift.worst_index == (83, 1, 17)
    assert drift.where.startswith("chunk 83, speaker 1") and drift.where.endswith("at 83.0 s")


def test_rows_of_a_subset_are_named_by_the_chunk_they_are():
    want = np.zeros((2, 998, 80), dtype=np.float32)
    drift = compare("fbank", changed(want, (1, 4, 5), 1), want, mode="isolated", chunks=np.array([10, 83]), total=1000)
    assert drift.worst_index == (83, 4, 5) and drift.where.startswith("chunk 83") and "83.0 s" in drift.where
    assert drift.compared == want.size and drift.total == 1000


@pytest.mark.parametrize(
    "name, index, words",
    [
        ("segmentations", (2, 100, 1), "chunk 2, frame 100, speaker 1, at 3.7 s"),
        ("masks", (2, 1, 100), "chunk 2, speaker 1, frame 100, at 3.7 s"),
        ("count", (1000, 0), "output frame 1000, [0], at 16.9 s"),
        ("post_xvec", (7, 3), "training embedding 7, [3]"),
        ("hard_clusters", (12, 0), "chunk 12, speaker 0, at 12.0 s"),
        ("dendrogram", (4, 2), "[4], [2]"),
        ("phi", (4,), "[4]"),
    ],
)
def test_an_index_in_words(name, index, words):
    assert in_words(ARTEFACTS[name].dims, index) == words


# labels


def test_labels_count_every_mismatch_and_name_the_first():
    want = np.zeros(10, dtype=np.int64)
    got = want.copy()
    got[[3, 7]] = 2, 1
    drift = compare("ahc_clusters", got, want, mode="isolated")
    assert (
        not drift.within and drift.mismatches == 2 and drift.worst_index == (3,) and (drift.got, drift.want) == (2, 0)
    )


def test_renamed_labels_are_mismatches_where_names_mean_something():
    want = np.array([0, 0, 1, 1])
    assert compare("ahc_clusters", 1 - want, want, mode="isolated").mismatches == 4


def test_label_dtypes_do_not_matter_and_do_not_wrap():
    want = np.array([0, 255, 3], dtype=np.uint8)
    assert compare("train_chunk_idx", want.astype(np.int64), want, mode="isolated").within
    assert not compare("train_chunk_idx", want.astype(np.int64) - 256, want, mode="isolated").within


# partitions


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30), st.permutations(range(6)))
def test_a_renamed_partition_is_within(labels, names):
    want = np.array(labels)
    drift = compare("kmeans_clusters", np.array(names)[want], want, mode="isolated")
    assert drift.within and drift.mismatches == 0 and drift.compared == len(labels)


def test_one_point_in_another_cluster_is_one_mismatch_under_any_names():
    want = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    got = np.array([5, 5, 5, 9, 9, 9, 1, 1, 9])
    drift = compare("kmeans_clusters", got, want, mode="isolated")
    assert not drift.within and drift.mismatches == 1 and drift.worst_index == (8,)


def test_a_split_and_a_merge_are_no_renaming():
    want = np.array([0, 0, 0, 0, 1, 1])
    split = compare("kmeans_clusters", np.array([0, 0, 2, 2, 1, 1]), want, mode="isolated")
    merged = compare("kmeans_clusters", np.zeros(6, dtype=int), want, mode="isolated")
    assert (split.within, split.mismatches) == (merged.within, merged.mismatches) == (False, 2)


# axes


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=128, max_size=128))
def test_eigenvector_axes_have_no_sign(signs):
    want = example("post_plda")
    drift = compare("post_plda", want * np.array(signs), want, mode="isolated")
    assert drift.within and drift.max_abs == 0.0


def test_a_sign_within_an_axis_does_count():
    want = example("post_plda")
    got = want.copy()
    got[:, 9] *= -1
    got[2, 9] *= -1
    drift = compare("post_plda", got, want, mode="isolated")
    assert not drift.within and drift.worst_index == (2, 9) and drift.max_abs == pytest.approx(2 * abs(want[2, 9]))


def test_exchanged_axes_do_count():
    want = example("post_plda")
    got = want.copy()
    got[:, [3, 4]] = got[:, [4, 3]]
    assert not compare("post_plda", got, want, mode="isolated").within


def test_values_without_axes_do_have_a_sign():
    want = example("post_xvec")
    assert not compare("post_xvec", -want, want, mode="isolated").within


# log-probabilities


def test_a_huge_change_of_an_improbable_class_is_within():
    want = logits([-0.1, -2.5, -15.0])
    drift = compare("segmentation_logits", logits([-0.1, -2.5, -9.0]), want, mode="isolated")
    assert drift.within and drift.max_abs == 0.0 and drift.compared == want.size


def test_a_flip_of_the_two_best_classes_is_not_within_and_is_named():
    want = logits([-0.1, -2.5], [-0.6, -0.8])
    drift = compare("segmentation_logits", logits([-0.1, -2.5], [-0.8, -0.6]), want, mode="isolated")
    assert not drift.within and drift.worst_index[:2] == (0, 1) and drift.max_abs == pytest.approx(0.4)
    assert "chunk 0, frame 1" in drift.where


def test_a_common_shift_of_all_log_probabilities_is_within():
    want = logits([-0.5, -2.5, -15.0])
    assert compare("segmentation_logits", want - np.float32(0.25), want, mode="isolated").within


def test_a_gap_above_one_is_judged_relative_to_itself_and_a_small_one_absolutely():
    for gap, change, within in (
        (10.0, 9 * DECISIVE_DRIFT, True),
        (10.0, 11 * DECISIVE_DRIFT, False),
        (0.5, 0.9 * DECISIVE_DRIFT, True),
        (0.5, 1.1 * DECISIVE_DRIFT, False),
    ):
        want, got = logits([-0.1, -0.1 - gap]), logits([-0.1, -0.1 - gap - change])
        assert compare("segmentation_logits", got, want, mode="isolated").within is within, (gap, change)


def test_nan_in_a_deciding_class_is_not_within():
    want = logits([-0.1, -2.5])
    assert not compare("segmentation_logits", changed(want, (0, 0, 0), np.nan), want, mode="isolated").within


# excused elements


@pytest.mark.parametrize("name", ["segmentations", "masks", "count", "embeddings", "segmentation_logits"])
def test_excused_differences_are_counted_and_the_others_still_fail(name):
    want = example(name)
    first, second = (0,) * want.ndim, (1,) + (0,) * (want.ndim - 1)
    # The best class of a frame goes up by a lot, whichever it is: its gap changes.
    spots = [
        (*spot[:-1], want[spot[:-1]].argmax()) if name == "segmentation_logits" else spot for spot in (first, second)
    ]
    excused = np.zeros(want.shape, dtype=bool)
    excused[spots[0]] = True
    one = compare(name, changed(want, spots[0], 3), want, mode="cascaded", excused=excused)
    assert one.within and (one.excused, one.mismatches, one.max_abs) == (1, 0, 0.0)
    both = compare(name, changed(changed(want, spots[0], 3), spots[1], 3), want, mode="cascaded", excused=excused)
    assert not both.within and both.excused == 1 and both.worst_index[:-1] == spots[1][:-1]
    unexcused = compare(name, changed(want, spots[0], 3), want, mode="cascaded")
    assert not unexcused.within and unexcused.excused == 0


def test_what_is_excused_and_equal_is_not_counted():
    want = example("masks")
    drift = compare("masks", want.copy(), want, mode="cascaded", excused=np.ones(want.shape, dtype=bool))
    assert drift.within and drift.excused == 0 and drift.compared == want.size


def test_nan_on_one_side_may_be_excused_too():
    want = example("embeddings")
    excused = np.zeros(want.shape, dtype=bool)
    excused[1, 2] = True
    drift = compare("embeddings", changed(want, (1, 2), np.nan), want, mode="cascaded", excused=excused)
    assert drift.within and drift.excused == 256


# cosine


def test_the_smallest_cosine_over_rows_stands_beside():
    want = np.zeros((1, 3, 256), dtype=np.float32)
    want[0, :, 0] = 1.0
    got = want.copy()
    got[0, 1, :2] = 3.0, 4.0
    drift = compare("embeddings", got, want, mode="cascaded")
    assert drift.cosine == pytest.approx(0.6)
    assert compare("phi", np.zeros(128), np.zeros(128), mode="cascaded").cosine is None


def test_cosine_leaves_out_rows_of_nan_and_of_no_length():
    a = np.array([[1.0, 0.0], [np.nan, 1.0], [0.0, 0.0], [1.0, 1.0]])
    b = np.array([[2.0, 0.0], [1.0, 1.0], [1.0, 1.0], [3.0, 3.0]])
    assert smallest_cosine(a, b) == pytest.approx(1.0)
    assert math.isnan(smallest_cosine(a[1:3], b[1:3]))


@given(st.integers(0, 2**32 - 1), st.floats(0.125, 8))
def test_cosine_does_not_see_length_and_max_abs_does(seed, factor):
    want = np.random.default_rng(seed).normal(size=(2, 3, 256)).astype(np.float32)
    drift = compare("embeddings", want * np.float32(factor), want, mode="cascaded")
    assert drift.cosine == pytest.approx(1.0, abs=1e-6)
    assert drift.within == (drift.max_abs <= drift.tolerance)


# turns


def test_equal_turns_are_within_and_empty_ones_too():
    text = line(0) + line(2, 1)
    drift = compare("diarization", text, text, mode="cascaded")
    assert drift.within and drift.compared == drift.total == 2 and drift.mismatches == 0
    assert compare("diarization", "", "", mode="cascaded").within


@pytest.mark.parametrize(
    "ours, mismatches, first, counts",
    [
        (line(0) + line(2.001, 1) + line(4), 2, 1, "3 turns, the reference has 3"),
        (line(0) + line(4), 1, 1, "2 turns, the reference has 3"),
        (line(0) + line(2, 1) + line(4) + line(6), 1, 3, "4 turns, the reference has 3"),
        (line(0) + line(2, 1), 1, 2, "2 turns, the reference has 3"),
        (line(2, 1) + line(0) + line(4), 2, 0, "3 turns, the reference has 3"),
        ("", 3, 0, "0 turns, the reference has 3"),
    ],
    ids=["moved", "lost", "added", "last lost", "exchanged", "none"],
)
def test_turns_that_differ_are_counted_and_the_first_is_named(ours, mismatches, first, counts):
    theirs = line(0) + line(2, 1) + line(4)
    drift = compare("diarization", ours, theirs, mode="isolated")
    assert not drift.within and drift.mismatches == mismatches
    assert drift.worst_index == (first,) and drift.where == f"turn {first}" and drift.note == counts
    assert drift.got == (ours.splitlines()[first] if first < len(ours.splitlines()) else None)
    assert drift.want == (theirs.splitlines()[first] if first < 3 else None)


def test_a_long_clip_whose_turns_all_moved_is_counted_line_by_line():
    # `difflib.ndiff` takes minutes here.
    theirs, ours = ("".join(line(2 * i + late, i % 4) for i in range(600)) for late in (0.0, 0.1))
    drift = compare("diarization", ours, theirs, mode="cascaded")
    assert drift.mismatches == 1200 and drift.worst_index == (0,)


# the table of tolerances


def test_every_artefact_has_a_tolerance_with_a_reason_in_both_modes():
    for table in (ISOLATED, CASCADED):
        assert set(table) == {name for layout in LAYOUTS.values() for name in layout.artefacts}
        assert all(limit.reason and limit.max_abs >= 0 for limit in table.values())


def test_every_decision_is_exact_in_both_modes():
    decisions = (Comparison.LABELS, Comparison.PARTITION, Comparison.TURNS)
    for name, artefact in ARTEFACTS.items():
        exact = {tolerance(name, mode).max_abs == 0.0 for mode in ("isolated", "cascaded")}
        assert exact == {artefact.comparison in decisions}, name


def test_isolated_tolerances_are_those_the_project_promises():
    for name in ("post_xvec", "post_plda", "phi", "q_final", "sp_final", "centroids", "soft_clusters"):
        assert tolerance(name, "isolated").max_abs <= 1e-10
    assert tolerance("embeddings", "cascaded").max_abs <= 1e-5
    assert tolerance("fbank", "isolated").max_abs <= 1e-3 and tolerance("fbank", "isolated").rms <= 2e-5


def test_an_unknown_mode_or_artefact_is_an_error():
    with pytest.raises(KeyError):
        tolerance("phi", "patched")
    with pytest.raises(KeyError):
        compare("fi", np.zeros(1), np.zeros(1), mode="isolated")
