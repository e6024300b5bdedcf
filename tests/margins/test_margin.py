"""Margins: the closest call of each kind of decision, on hand-made values where the answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from parity.fixtures.catalogue import Catalogue, default_folder
from parity.fixtures.snapshot import Snapshot, read_snapshot
from parity.margins.decisions import lead
from parity.margins.margin import Margin, margins

FRAMES = 589


def one(values: dict, decision: str, companions: dict | None = None) -> Margin:
    snapshot = Snapshot(Path("made"), {}, values, {}, companions or {})
    (found,) = [margin for margin in margins(snapshot) if margin.decision == decision]
    return found


def speaking(*frames: tuple[int, int, int]) -> np.ndarray:
    """(1, 589, 3): one chunk in which the first so many frames of each speaker are active."""
    segmentations = np.zeros((len(frames), FRAMES, 3), dtype=np.float32)
    for chunk, lengths in enumerate(frames):
        start = 0
        for speaker, length in enumerate(lengths):
            segmentations[chunk, start : start + length, speaker] = 1
            start += length
    return segmentations


def test_the_smallest_gap_of_two_classes_is_named_by_chunk_frame_and_second():
    gap = np.ones((3, FRAMES), dtype=np.float32)
    gap[2, 100] = 0.25
    gap[0, 0] = 0.0
    segmentations = np.zeros((3, FRAMES, 3), dtype=np.float32)
    found = one(
        {"segmentations": segmentations}, "best powerset class", {("segmentations.npz", "segmentation_gap"): gap}
    )
    assert (found.smallest, found.ties, found.decisions) == (0.25, 1, 3 * FRAMES)
    assert found.where == "chunk 2, frame 100, at 3.7 s"


def test_a_speaker_with_two_clean_frames_stands_half_a_frame_from_the_clean_mask():
    segmentations = speaking((2, 100, 0))
    found = one({"segmentations": segmentations, "masks": segmentations}, "clean mask or whole")
    assert (found.smallest, found.decisions) == (0.5, 2)
    assert found.where.startswith("chunk 0, speaker 0")


def test_the_filters_share_is_measured_in_frames():
    values = {"segmentations": speaking((117, 200, 0)), "train_chunk_idx": np.zeros(1, int)}
    found = one(values, "enough clean speech")
    assert found.smallest == pytest.approx(0.2 * FRAMES - 117, abs=1e-4)


def test_the_cut_is_judged_by_each_subtrees_largest_merge_not_by_its_own_height():
    # Two merges with an inversion: the second is lower than the first, and the cut sees the first's height in both.
    dendrogram = np.array([[0, 1, 0.65, 2], [2, 3, 0.59, 3]])
    threshold = {("ahc_state.npz", "threshold"): np.array(0.6)}
    found = one({"dendrogram": dendrogram}, "merge above or below the cut", threshold)
    assert found.smallest == pytest.approx(0.05)


def test_survival_is_measured_in_decades_and_the_stopping_test_in_nats():
    values = {"elbo_trajectory": np.array([0.0, 1.0, 1.00011]), "sp_final": np.array([0.9, 1e-6, 1e-12])}
    assert one(values, "another iteration").smallest == pytest.approx(1e-5)
    survival = one(values, "speaker survives")
    assert survival.smallest == pytest.approx(1.0)
    assert survival.where == "speaker 1"


def test_the_second_best_assignment_must_differ_for_somebody_who_speaks():
    scores = np.array([[1.0, 0.5, 0.0], [0.4, 0.9, 0.0], [0.0, 0.0, 0.0]])
    chosen = np.array([0, 1, 2], np.int8)
    everybody, first_two = np.array([True, True, True]), np.array([True, True, False])
    # Best: 1.0 + 0.9 + 0.0. The first two swapped: 0.5 + 0.4; the first moved to cluster 2: 0.0 + 0.9 + 0.0.
    assert lead(scores, first_two, chosen) == pytest.approx(0.9)
    assert lead(scores, everybody, chosen) == pytest.approx(0.9)
    assert lead(scores, np.zeros(3, bool), chosen) == np.inf


def test_an_assignment_that_is_no_longer_the_best_leads_by_less_than_nothing():
    scores = np.array([[0.5, 1.0], [0.9, 0.4]])
    assert lead(scores, np.array([True, True]), np.array([0, 1], np.int8)) == pytest.approx(-1.0)


def test_a_tie_in_the_ranking_is_counted_and_called_ambiguous():
    segmentations = np.zeros((1, FRAMES, 3), dtype=np.float32)
    segmentations[0, :10, :2] = 1  # two speakers, equally active, in ten frames
    count = np.zeros((594, 1), dtype=np.uint8)
    count[:10] = 1  # of whom one may win
    values = {"segmentations": segmentations, "hard_clusters": np.array([[0, 1, 2]], np.int8), "count": count}
    found = one(values, "most active speakers")
    assert found.ties == 10
    assert found.ambiguous


def test_an_exact_half_is_a_tie_of_the_count():
    segmentations = np.zeros((2, FRAMES, 3), dtype=np.float32)
    segmentations[0, 100, 0] = 1
    alone = one({"segmentations": segmentations, "count": np.zeros((1, 1), np.uint8)}, "count rounded")
    # Frame 100 of the first chunk lies where the second chunk speaks too: mean 0.5, an exact tie.
    assert alone.ties == 1


def both(values: dict, made: dict, decision: str, companions: dict | None = None) -> Margin:
    snapshot = Snapshot(Path("made"), {}, values, {}, companions or {})
    (found,) = [margin for margin in margins(snapshot, made) if margin.decision == decision]
    return found


def test_headroom_is_the_margin_in_units_of_the_drift_at_that_very_decision():
    threshold = {("ahc_state.npz", "threshold"): np.array(0.6)}
    reference = {"dendrogram": np.array([[0, 1, 0.3, 2], [2, 3, 0.59, 3]])}
    made = {"dendrogram": np.array([[0, 1, 0.4, 2], [2, 3, 0.595, 3]])}
    found = both(reference, made, "merge above or below the cut", threshold)
    assert found.smallest == pytest.approx(0.01)
    assert found.drift == pytest.approx(0.005)
    assert found.headroom == pytest.approx(2.0)
    assert found.least_headroom == pytest.approx(2.0)


def test_the_least_headroom_may_be_at_another_decision_than_the_smallest_margin():
    threshold = {("ahc_state.npz", "threshold"): np.array(0.6)}
    reference = {"dendrogram": np.array([[0, 1, 0.3, 2], [2, 3, 0.59, 3]])}
    made = {"dendrogram": np.array([[0, 1, 0.58, 2], [2, 3, 0.59, 3]])}
    found = both(reference, made, "merge above or below the cut", threshold)
    assert found.headroom is None
    assert found.least_headroom == pytest.approx(0.3 / 0.28)
    assert found.least_where == "merge 0"


def test_a_decision_that_flipped_has_a_headroom_below_one():
    logits = np.full((1, FRAMES, 7), -9.0)
    logits[0, :, 0], logits[0, :, 1] = -0.5, -1.0
    gap = {("segmentations.npz", "segmentation_gap"): np.full((1, FRAMES), 0.5, np.float32)}
    reference = {"segmentations": np.zeros((1, FRAMES, 3), np.float32)}
    flipped = logits.copy()
    flipped[0, 7, 1] = -0.4  # class 1 now leads class 0 by 0.1: 0.6 of drift against a margin of 0.5
    found = both(reference, {**reference, "segmentation_logits": flipped}, "best powerset class", gap)
    assert found.least_headroom == pytest.approx(0.5 / 0.6)
    assert found.least_where.startswith("chunk 0, frame 7")


def test_two_sides_that_decided_different_things_have_no_headroom():
    threshold = {("ahc_state.npz", "threshold"): np.array(0.6)}
    reference = {"dendrogram": np.array([[0, 1, 0.3, 2], [2, 3, 0.59, 3]])}
    found = both(reference, {"dendrogram": np.array([[0, 1, 0.3, 2]])}, "merge above or below the cut", threshold)
    assert (found.drift, found.headroom) == (None, None)


def test_the_shortest_silence_is_measured_against_min_duration_off():
    discrete = np.zeros((100, 2), dtype=np.float32)
    discrete[10:20, 0] = discrete[25:40, 0] = 1  # five frames of silence
    discrete[50:60, 1] = discrete[62:70, 1] = 1  # two
    found = one({"discrete_diarization": discrete}, "gap filled")
    assert found.smallest == pytest.approx(2 * 270 / 16000)
    assert found.where.startswith("speaker 1 silent from")
    assert found.decisions == 2


@pytest.mark.parametrize("name", Catalogue.read(default_folder()).names)
def test_every_snapshot_has_its_margins(name):
    found = margins(read_snapshot(default_folder() / name))
    assert {"best powerset class", "count rounded"} <= {margin.decision for margin in found}
    assert all(margin.smallest is None or margin.smallest > 0 for margin in found)
    assert all(margin.where for margin in found if margin.smallest is not None)
