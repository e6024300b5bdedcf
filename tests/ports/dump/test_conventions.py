"""Differences of convention are recognised and said; differences of substance are not taken for them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from support.dump_examples import CROWD, FIXTURE, IMPOSED, copy_of, other_local_order, other_numbering, reference

from parity.community1.assignment import constrained_argmax
from parity.ports.dump.aligned import Aligned
from parity.ports.dump.clusters import matched, renaming
from parity.ports.dump.comparison import DIFFERENT, EQUIVALENT, EXACT, compare_dumps
from parity.ports.dump.given import given_values
from parity.ports.dump.local_speakers import speaker_orders
from parity.report.comparison import comparison_data


def compared(dump, name=FIXTURE):
    return compare_dumps(name, reference(name), dump)


def verdicts(found) -> dict[str, str]:
    return {artefact.name: artefact.verdict for artefact in found.artefacts}


def by(found, name: str) -> str:
    return "; ".join(next(artefact.by for artefact in found.artefacts if artefact.name == name))


def different(found) -> list[str]:
    return [name for name, verdict in verdicts(found).items() if verdict == DIFFERENT]


def shuffled(name: str, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.array([rng.permutation(3) for _ in reference(name).values["segmentations"]])


def without(dump, *names):
    for name in names:
        del dump.values[name]
    return dump


# conventions


def test_a_copy_is_exact_in_every_artefact_and_names_no_convention():
    found = compared(copy_of(reference()))
    assert set(verdicts(found).values()) == {EXACT} and len(found.artefacts) == len(reference().values)
    assert found.first_drift is None and not any(artefact.by for artefact in found.artefacts)


@pytest.mark.parametrize("name", [FIXTURE, IMPOSED, CROWD])
def test_local_speakers_in_another_order_in_every_chunk_are_recognised_in_all_artefacts(name):
    found = compared(other_local_order(reference(name), shuffled(name, 1)), name)
    assert different(found) == []
    for artefact in ("segmentations", "segmentation_logits", "masks", "embeddings", "train_speaker_idx"):
        assert "local speakers in another order in " in by(found, artefact), artefact
    for artefact in ("post_xvec", "post_plda", "ahc_clusters", "q_final", "dendrogram"):
        assert verdicts(found)[artefact] == EQUIVALENT, artefact
        assert "training embeddings in another order" in by(found, artefact), artefact


@pytest.mark.parametrize("only", ["segmentations", "masks", "segmentation_logits"])
def test_local_order_is_found_from_any_artefact_that_shows_it(only):
    dump = other_local_order(reference(), shuffled(FIXTURE, 3))
    found = compared(without(dump, *(set(dump.values) - {only})))
    assert verdicts(found) == {only: EQUIVALENT}


def test_the_order_of_training_embeddings_is_known_without_their_indices():
    dump = other_local_order(reference(), shuffled(FIXTURE, 2))
    found = compared(without(dump, "train_chunk_idx", "train_speaker_idx"))
    assert different(found) == []
    assert "training embeddings in another order" in by(found, "post_plda")


def test_local_order_is_found_from_embeddings_alone():
    dump = other_local_order(reference(), shuffled(FIXTURE, 3))
    found = compared(without(dump, *(set(dump.values) - {"embeddings"})))
    assert verdicts(found) == {"embeddings": EQUIVALENT}


@pytest.mark.parametrize(("name", "by_how_much"), [(FIXTURE, 1), (IMPOSED, 1), (CROWD, 3)])
def test_clusters_numbered_otherwise_are_recognised_on_axes_and_labels(name, by_how_much):
    order = np.roll(np.arange(len(reference(name).values["centroids"])), by_how_much)
    found = compared(other_numbering(reference(name), order), name)
    assert different(found) == []
    for artefact in ("centroids", "soft_clusters", "hard_clusters", "discrete_diarization"):
        assert by(found, artefact) == "cluster numbering", artefact


@pytest.mark.parametrize("only", ["centroids", "soft_clusters", "hard_clusters"])
def test_cluster_numbering_is_found_from_any_artefact_that_has_it(only):
    dump = other_numbering(reference(CROWD), np.random.default_rng(5).permutation(10))
    found = compared(without(dump, *(set(dump.values) - {only})), CROWD)
    assert verdicts(found) == {only: EQUIVALENT} and by(found, only) == "cluster numbering"


@pytest.mark.parametrize("with_labels", [True, False])
def test_ahc_clusters_numbered_otherwise_are_recognised_with_the_columns_of_vbx(with_labels):
    dump = copy_of(reference())
    order = np.array([2, 0, 3, 1])
    for name in ("qinit", "q_final", "sp_final"):
        dump.values[name] = dump.values[name][..., order]
    dump.values["ahc_clusters"] = np.argsort(order)[dump.values["ahc_clusters"]]
    found = compared(dump if with_labels else without(dump, "ahc_clusters"))
    assert different(found) == []
    assert by(found, "q_final") == by(found, "sp_final") == "AHC clusters numbered otherwise"


def test_eigenvectors_with_the_other_sign_are_recognised():
    dump = copy_of(reference())
    dump.values["post_plda"][:, [3, 7]] *= -1
    found = compared(dump)
    assert verdicts(found)["post_plda"] == EQUIVALENT
    assert by(found, "post_plda") == "eigenvectors with the other sign, 2 of 128"


@pytest.mark.parametrize("more", [True, False])
def test_a_frame_more_or_less_at_the_end_is_recognised(more):
    dump = copy_of(reference())
    for name in ("count", "discrete_diarization", "exclusive_discrete_diarization"):
        value = dump.values[name]
        dump.values[name] = np.concatenate([value, value[-1:]]) if more else value[:-1]
    segmentations, masks = dump.values["segmentations"], dump.values["masks"]
    dump.values["segmentations"] = np.pad(segmentations, ((0, 0), (0, 1), (0, 0))) if more else segmentations[:, :-1]
    dump.values["masks"] = np.pad(masks, ((0, 0), (0, 0), (0, 1))) if more else masks[:, :, :-1]
    found = compared(dump)
    assert different(found) == []
    words = f"one frame {'more' if more else 'less'} at the end"
    assert all(by(found, name) == words for name in ("count", "segmentations", "masks"))
    assert "count" not in given_values(found, dump) and "embeddings" in given_values(found, dump)


def test_two_frames_more_are_no_convention():
    dump = copy_of(reference())
    dump.values["count"] = np.concatenate([dump.values["count"], dump.values["count"][-2:]])
    assert different(compared(dump)) == ["count"]


def test_float32_for_float64_is_recognised_wherever_the_reference_has_float64():
    dump = copy_of(reference())
    doubles = [name for name, value in dump.values.items() if getattr(value, "dtype", None) == np.float64]
    for name in doubles:
        dump.values[name] = dump.values[name].astype(np.float32)
    found = compared(dump)
    assert different(found) == [] and "phi" in doubles and "qinit" in doubles
    assert all(by(found, name).startswith("float32 for float64") for name in doubles)


def test_what_a_silent_speaker_is_called_is_no_difference():
    dump = copy_of(reference())
    silent = dump.values["segmentations"].sum(axis=1) == 0
    dump.values["hard_clusters"][silent] = 1
    found = compared(dump)
    assert verdicts(found)["hard_clusters"] == EQUIVALENT
    assert "silent speakers, which nothing reads" in by(found, "hard_clusters")


def test_conventions_together_are_undone_together():
    dump = other_numbering(other_local_order(reference(CROWD), shuffled(CROWD, 7)), np.roll(np.arange(10), 3))
    dump.values["post_plda"] = -dump.values["post_plda"]
    found = compared(dump, CROWD)
    assert different(found) == []
    words = by(found, "soft_clusters")
    assert "local speakers in another order" in words and "cluster numbering" in words


def test_a_subset_of_the_chunks_is_compared_where_both_have_them():
    dump = copy_of(reference())
    dump.values["fbank"], dump.beside["fbank_chunks"] = dump.values["fbank"][1:], dump.beside["fbank_chunks"][1:]
    dump.values["fbank"][0, 5, 6] += 1
    fbank = next(artefact for artefact in compared(dump).artefacts if artefact.name == "fbank")
    assert fbank.verdict == DIFFERENT and fbank.drift.compared == 2 * 998 * 80
    assert f"chunk {reference().beside['fbank_chunks'][1]}" in fbank.drift.where


# the earliest artefact that shows a convention has it


def scored_the_wrong_way_round(dump, distances):
    """What a port writes that takes `1 - cosine` for `2 - distance`: its labels come out swapped of right centroids."""
    made = copy_of(dump)
    values, heard = made.values, dump.values["segmentations"].sum(axis=1) > 0
    soft = distances(values["soft_clusters"])
    soft[~heard] = soft[heard].min() - 1
    values["soft_clusters"], values["hard_clusters"] = soft, constrained_argmax(soft)
    return made


def test_labels_swapped_by_wrong_scores_are_no_numbering_where_centroids_have_one():
    found = compared(scored_the_wrong_way_round(reference(), lambda soft: 2 - soft))
    assert verdicts(found)["centroids"] == EXACT
    assert different(found) == ["soft_clusters", "hard_clusters"]
    assert found.first_drift.name == "soft_clusters"
    assert "are cosine distances; the reference has 2 - cosine distance" in found.first_drift.looks_like


def test_wrong_scores_show_no_numbering_of_their_own():
    dump = without(scored_the_wrong_way_round(reference(), lambda soft: 2 - soft), "centroids")
    found = compared(dump)
    assert found.first_drift.name == "soft_clusters" and "cosine distances" in found.first_drift.looks_like
    assert not by(found, "soft_clusters")


def test_columns_of_frames_follow_the_numbering_that_the_labels_have():
    dump = copy_of(reference())
    dump.values["discrete_diarization"] = dump.values["discrete_diarization"][:, ::-1].copy()
    assert different(compared(dump)) == ["discrete_diarization"]


# substance


def test_speakers_swapped_in_segmentations_only_make_what_contradicts_them_different():
    dump = copy_of(reference())
    orders = shuffled(FIXTURE, 1)
    dump.values["segmentations"] = np.take_along_axis(dump.values["segmentations"], orders[:, None, :], 2)
    found = compared(dump)
    assert "embeddings" in different(found) and "masks" in different(found)


def test_one_frame_given_to_another_speaker_is_different_and_where_it_is_said():
    dump = copy_of(reference())
    gap = reference().beside["segmentation_gap"]
    chunk, frame = (int(i) for i in np.argwhere(gap > 1)[100])
    row = dump.values["segmentations"][chunk, frame]
    dump.values["segmentations"][chunk, frame] = 1 - row
    found = compared(dump)
    assert different(found) == ["segmentations"] and found.first_drift.name == "segmentations"
    assert f"chunk {chunk}" in found.first_drift.drift.where


def test_a_frame_that_the_reference_hardly_decides_is_excused_and_counted():
    near = copy_of(reference())
    gap = near.beside["segmentation_gap"].copy()
    gap[3, 100] = 1e-5
    near.beside["segmentation_gap"] = gap
    dump = copy_of(reference())
    dump.values["segmentations"][3, 100, 0] = 1 - dump.values["segmentations"][3, 100, 0]
    found = compare_dumps(FIXTURE, near, dump)
    assert verdicts(found)["segmentations"] == EQUIVALENT
    assert "1 elements in frames that the reference itself hardly decides" in by(found, "segmentations")


def test_embeddings_beyond_tolerance_are_different_and_within_it_rounding():
    for size, verdict in ((5e-6, EQUIVALENT), (5e-5, DIFFERENT)):
        dump = copy_of(reference())
        dump.values["embeddings"][4, 1, 17] += size
        assert verdicts(compared(dump))["embeddings"] == verdict


@pytest.mark.parametrize("name", ["ahc_clusters", "hard_clusters"])
def test_as_many_clusters_of_other_members_are_different_and_said(name):
    dump = copy_of(reference())
    labels, heard = dump.values[name], np.argwhere(reference().values["segmentations"].sum(axis=1) > 0)
    spot = tuple(heard[0]) if name == "hard_clusters" else 0
    common = np.bincount(labels[labels >= 0]).argmax()
    spots = [tuple(i) for i in heard if labels[tuple(i)] == common] if name == "hard_clusters" else None
    spot = spots[0] if spots else int(np.flatnonzero(labels == common)[0])
    labels[spot] = (common + 1) % (labels.max() + 1)
    found = compared(dump)
    assert different(found) == [name]
    artefact = next(a for a in found.artefacts if a.name == name)
    assert "clusters on both sides, of other members" in artefact.note


def test_two_clusters_become_one_is_different():
    dump = copy_of(reference())
    dump.values["hard_clusters"] = np.minimum(dump.values["hard_clusters"], 0)
    assert different(compared(dump)) == ["hard_clusters"]


def test_nan_on_one_side_only_is_different():
    dump = copy_of(reference())
    dump.values["embeddings"][2, 0] = np.nan
    assert "embeddings" in different(compared(dump))


def test_an_artefact_is_compared_as_the_dump_has_it_and_the_reference_stays_as_it_was():
    before = {name: value.copy() for name, value in reference().values.items() if not isinstance(value, str)}
    dump = other_local_order(reference(), shuffled(FIXTURE, 1))
    kept = dump.values["embeddings"].copy()
    compared(dump)
    assert np.array_equal(kept, dump.values["embeddings"], equal_nan=True)
    assert all(np.array_equal(value, reference().values[n], equal_nan=True) for n, value in before.items()
               if value.dtype.kind == "f")  # fmt: skip


SPOILT = {
    "transposed": lambda a: a.T.copy(),
    "flat": lambda a: a.ravel().copy(),
    "empty": lambda a: np.zeros((0,) * a.ndim, a.dtype),
    "a scalar": lambda a: np.float32(3) * np.ones(()),
    "nan": lambda a: np.full(a.shape, np.nan),
    "infinite": lambda a: np.full(a.shape, np.inf),
    "negative": lambda a: np.full(a.shape, -5, np.int64),
    "huge labels": lambda a: np.full(a.shape, 100_000, np.int64),
    "twice": lambda a: np.concatenate([a, a]),
    "a column": lambda a: a[..., :1].copy(),
}


@pytest.mark.parametrize("how", SPOILT)
def test_no_array_however_spoilt_stops_the_comparison_or_passes(how):
    names = [name for name, value in reference().values.items() if not isinstance(value, str)]
    for name in names:
        dump = copy_of(reference())
        dump.values[name] = SPOILT[how](dump.values[name])
        if np.array_equal(dump.values[name], reference().values[name]):
            continue  # one axis, or one column, is what it was
        found = compared(dump)
        given_values(found, dump)
        assert name in different(found), name
        json.dumps(comparison_data(found), allow_nan=False)


# the parts


def test_renaming_holds_for_one_partition_only():
    assert renaming(np.array([0, 0, 1, 2]), np.array([2, 2, 0, 1])).tolist() == [2, 0, 1]
    assert renaming(np.array([0, 0, 1, 2]), np.array([2, 0, 0, 1])) is None


def test_a_matching_has_to_halve_the_cost():
    assert matched(np.array([[1.0, 0.4], [0.4, 1.0]])).tolist() == [1, 0]
    assert matched(np.array([[1.0, 0.6], [0.6, 1.0]])) is None
    assert matched(np.array([[np.nan, 0.6], [0.6, 1.0]])) is None


@pytest.mark.parametrize(("frames", "order"), [(1, [1, 0, 2]), (0, [0, 1, 2])])
def test_a_single_frame_tells_two_speakers_apart_and_none_leaves_them_as_they_are(frames, order):
    want = np.zeros((1, 589, 3), dtype=np.float32)
    want[0, :frames, 0] = 1
    both = Aligned({"segmentations": want}, {"segmentations": want[:, :, [1, 0, 2]]})
    assert speaker_orders(both).tolist() == [order]


def test_rounding_of_embeddings_is_no_reason_to_renumber():
    want = np.ones((5, 3, 256), dtype=np.float32)
    noise = 1e-6 * np.random.default_rng(0).normal(size=want.shape).astype(np.float32)
    assert speaker_orders(Aligned({"embeddings": want}, {"embeddings": want + noise})).tolist() == [[0, 1, 2]] * 5


def test_an_array_of_another_length_is_handed_on_as_the_port_wrote_it():
    dump = copy_of(reference())
    dump.values["elbo_trajectory"] = np.append(dump.values["elbo_trajectory"], 1.0)
    dump.values["centroids"] = np.concatenate([dump.values["centroids"]] * 2)
    given = given_values(compared(dump), dump)
    for name in ("elbo_trajectory", "centroids"):
        assert np.array_equal(given[name], dump.values[name])
    assert set(given.written) == set(given)


def test_what_no_stage_may_have_made_is_left_out():
    dump = copy_of(reference())
    dump.values["centroids"] = dump.values["centroids"][:, :200]
    assert "centroids" not in given_values(compared(dump), dump)


def test_what_conventions_changed_is_also_there_as_the_port_wrote_it():
    dump, names = copy_of(reference()), ("centroids", "soft_clusters", "hard_clusters")
    hard = dump.values["hard_clusters"]
    dump.values["centroids"] = dump.values["centroids"][::-1].copy()
    dump.values["soft_clusters"] = dump.values["soft_clusters"][:, :, ::-1].copy()
    dump.values["hard_clusters"] = np.where(hard >= 0, dump.values["centroids"].shape[0] - 1 - hard, hard)
    given = given_values(compared(dump), dump)
    assert all(np.array_equal(given[name], reference().values[name]) for name in names)
    assert all(np.array_equal(given.written[name], dump.values[name]) for name in names)
