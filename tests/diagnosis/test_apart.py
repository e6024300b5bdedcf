"""How much of a difference a mistake leaves, on small arrays whose answer is plain."""

from __future__ import annotations

import numpy as np
import pytest

from parity.community1.annotation import Turn
from parity.diagnosis.apart import ALL, TIES, Difference, may_be_ties
from parity.diagnosis.result import LEAVES_AT_MOST, Left

RNG = np.random.default_rng(0)
WANT = RNG.standard_normal((40, 256))
GOT = WANT + RNG.standard_normal(WANT.shape)


def values(name="centroids", got=GOT, want=WANT, **how) -> Difference:
    return Difference({name: got}, {name: want}, [name], **how)


def test_what_makes_the_candidate_leaves_nothing_and_the_reference_all():
    assert values().left_by({"centroids": GOT}) == Left(0.0, 0.0)
    assert values().left_by({"centroids": WANT}) == Left(1.0, 1.0)


def test_half_way_leaves_half_on_either_half():
    left = values().left_by({"centroids": (GOT + WANT) / 2})
    assert left.choosing == pytest.approx(0.5) and left.confirming == pytest.approx(0.5)


def test_what_explains_one_half_of_the_elements_is_not_confirmed():
    difference = values()
    made = np.where(difference._parts["centroids"]._choosing, GOT, WANT)
    assert difference.left_by({"centroids": made}) == Left(0.0, 1.0)
    assert difference.left_by({"centroids": made}).worst > LEAVES_AT_MOST


def test_a_number_that_is_missing_on_one_side_is_a_difference():
    got = WANT.copy()
    got[3] = np.nan
    difference = values(got=got)
    assert difference.left_by({"centroids": got}).worst == 0.0
    assert difference.left_by({"centroids": WANT}).worst == 1.0


def test_axes_have_no_sign():
    assert values("post_plda").left_by({"post_plda": -GOT}) == Left(0.0, 0.0)


def test_another_shape_leaves_all():
    assert values().left_by({"centroids": GOT[:-1]}) == ALL == values().left_by({})


def test_where_the_reference_has_another_shape_labels_have_to_be_the_very_same():
    got, want = np.arange(50), np.arange(40)
    difference = Difference({"train_chunk_idx": got}, {"train_chunk_idx": want}, ["train_chunk_idx"])
    almost = np.where(got == 7, 0, got)
    assert difference.left_by({"train_chunk_idx": got}).worst == 0.0
    assert difference.left_by({"train_chunk_idx": almost}).worst > LEAVES_AT_MOST


def test_labels_count_how_many_differ():
    want = np.zeros((200, 1), np.uint8)
    got = want.copy()
    got[::4] = 1
    difference = Difference({"count": got}, {"count": want}, ["count"])
    left = difference.left_by({"count": np.ones_like(got)})
    assert left.choosing > 1 and left.confirming > 1
    assert difference.left_by({"count": got}) == Left(0.0, 0.0)


def test_few_labels_choose_and_confirm_together():
    want = np.zeros((200, 1), np.uint8)
    got = want.copy()
    got[5] = 1
    difference = Difference({"count": got}, {"count": want}, ["count"])
    assert difference.left_by({"count": got}) == Left(0.0, 0.0)
    assert difference.left_by({"count": want}) == Left(1.0, 1.0)


def test_what_the_candidate_has_right_has_to_stay_right():
    labels = np.arange(40) % 3
    both = {"dendrogram": np.ones((39, 4)), "ahc_clusters": labels}
    want = {"dendrogram": np.ones((39, 4)), "ahc_clusters": labels[::-1].copy()}
    difference = Difference(both, want, ["ahc_clusters"])
    assert difference.left_by(both) == Left(0.0, 0.0)
    assert difference.left_by({**both, "dendrogram": np.ones((39, 4)) * 2}).worst == np.inf


def test_what_nobody_reads_does_not_count():
    want, got = np.zeros((10, 3), np.int8), np.ones((10, 3), np.int8)
    mask = np.zeros((10, 3), bool)
    mask[0] = True
    made = got.copy()
    made[0] = 7
    difference = Difference(
        {"hard_clusters": got}, {"hard_clusters": want}, ["hard_clusters"], unread={"hard_clusters": mask}
    )
    assert difference.left_by({"hard_clusters": made}) == Left(0.0, 0.0)


def turns(shift: float) -> list[Turn]:
    return [Turn(k + shift, k + 0.5 + shift, "A", f"SPEAKER_{k % 2:02d}") for k in range(20)]


def test_turns_are_lines():
    difference = Difference({"diarization": turns(0.1)}, {"diarization": turns(0.0)}, ["diarization"])
    assert difference.left_by({"diarization": turns(0.1)}) == Left(0.0, 0.0)
    assert difference.left_by({"diarization": turns(0.0)}) == Left(1.0, 1.0)


def test_the_same_within_tolerance():
    difference = values()
    assert difference.same({"centroids": GOT}, {"centroids": GOT + 1e-6})
    assert not difference.same({"centroids": GOT}, {"centroids": GOT + 1e-2})


@pytest.mark.parametrize(
    "name, one, other",
    [
        ("post_plda", np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3) + 1),
        ("count", np.array([1, 2], dtype=np.uint8), np.array([1, 1], dtype=np.uint8)),
        ("diarization", [Turn(0.0, 1.0, 0, "a")], [Turn(0.0, 2.0, 0, "a")]),
    ],
)
def test_whether_anything_that_is_compared_differs(name, one, other):
    assert Difference({name: one}, {name: other}, [name]).there
    assert not Difference({name: one}, {name: one}, [name]).there
    assert not Difference({name: one}, {name: other}, []).there


@pytest.mark.parametrize("differ, ties", [(0, False), (1, True), (TIES - 1, True), (TIES, False)])
def test_a_few_frames_of_the_network_may_be_near_ties(differ, ties):
    want = np.zeros((3, 40, 3), np.float32)
    got = want.copy()
    got.flat[np.arange(differ) * 7] = 1.0
    sides = {"segmentations": got}, {"segmentations": want}
    assert may_be_ties(*sides, ["segmentations"]) == ties
    assert not may_be_ties(*sides, ["segmentation_logits", "segmentations"]), "what it decides by drifts as well"
    assert not may_be_ties({"segmentations": got[1:]}, sides[1], ["segmentations"])


def test_a_single_number_where_the_reference_has_two_is_a_difference_that_only_a_single_one_explains():
    """Iterations that end after the first: its ELBO is the reference's."""
    want = np.array([-5.0, -3.0])
    difference = Difference({"elbo_trajectory": want[:1]}, {"elbo_trajectory": want}, ["elbo_trajectory"])
    assert difference.there
    assert difference.left_by({"elbo_trajectory": want[:1]}) == Left(0.0, 0.0)
    assert difference.left_by({"elbo_trajectory": want}) == ALL
    assert difference.left_by({"elbo_trajectory": want[:1] + 1}).worst > 1
