"""Shifts by a frame are found exactly, shifts by half a frame where arrays of whole frames can show them at all."""

from __future__ import annotations

import numpy as np
import pytest
from support.dump_examples import CROWD, reference

from parity.community1.fbank import compute_fbank
from parity.ports.dump.probes import explain_array

AXES = {"segmentation_logits": 1, "segmentations": 1, "masks": 2, "fbank": 1, "discrete_diarization": 0, "count": 0}
DECISIONS = [name for name in AXES if name not in ("segmentation_logits", "fbank")]


def moved(array: np.ndarray, axis: int, by: int) -> np.ndarray:
    """Every frame's value `by` frames later; the first or last is repeated."""
    return np.take(array, np.clip(np.arange(array.shape[axis]) - by, 0, array.shape[axis] - 1), axis)


def sampled(array: np.ndarray, axis: int, quarters: int) -> np.ndarray:
    """What is heard `quarters` of a frame after each frame, speech starting and ending anywhere between two frames."""
    rng = np.random.default_rng(0)
    whole = np.moveaxis(array, axis, -1)
    fine = np.repeat(whole, 4, axis=-1)
    changes = np.argwhere(np.diff(whole, axis=-1) != 0)
    for *row, frame in changes:
        first = 4 * frame + 1 + rng.integers(0, 4)  # 1 to 4 quarters after the frame before the change
        fine[(*row, slice(first, 4 * frame + 4))] = whole[(*row, frame + 1)]
    return np.moveaxis(fine[..., quarters::4], -1, axis)


@pytest.mark.parametrize(("by", "word"), [(1, "late"), (-1, "early")])
@pytest.mark.parametrize("name", AXES)
def test_a_frame_more_or_less_is_found_exactly(name, by, word):
    want = reference(CROWD).values[name]
    suggested = explain_array(name, moved(want, AXES[name], by), want)
    unit = "filterbank frame" if name == "fbank" else "frame"
    assert suggested == f"looks like your {name} are one {unit} {word}"


@pytest.mark.parametrize(("by", "word"), [(1, "late"), (-1, "early")])
@pytest.mark.parametrize("name", AXES)
def test_means_of_neighbouring_frames_are_half_a_frame(name, by, word):
    want = reference(CROWD).values[name].astype(np.float64)
    suggested = explain_array(name, (want + moved(want, AXES[name], by)) / 2, want)
    assert f"half a {'filterbank ' if name == 'fbank' else ''}frame {word}: each is the mean" in suggested


@pytest.mark.parametrize(("samples", "word"), [(80, "early"), (-80, "late")])
def test_a_filterbank_half_a_hop_away_lies_between_two_neighbouring_frames(samples, word):
    # Noise whose loudness and colour change every 50 ms, as speech does.
    rng = np.random.default_rng(0)
    steps = np.repeat(rng.uniform(0.01, 0.3, 205), 800)
    noise = steps * np.convolve(rng.normal(size=len(steps)), [1, 0.9, 0.5], "same")
    want, got, quarter = (
        compute_fbank(noise[800 + by : 160_800 + by].astype(np.float32))[None] for by in (0, samples, 40)
    )
    assert f"half a filterbank frame (80 samples) {word}" in explain_array("fbank", got, want)
    assert explain_array("fbank", quarter, want) is None


@pytest.mark.parametrize("name", DECISIONS)
def test_half_of_all_edges_moved_one_way_are_half_a_frame(name):
    want = reference(CROWD).values[name]
    got = sampled(want, AXES[name], 2)
    assert np.array_equal(sampled(want, AXES[name], 0), want)
    assert "early by about half a frame" in explain_array(name, got, want)
    assert "late by about half a frame" in explain_array(name, want, got)


def test_edges_that_moved_both_ways_or_only_on_one_side_are_no_shift():
    want = reference(CROWD).values["segmentations"]
    early, late = moved(want, 1, -1), moved(want, 1, 1)
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, 2, want.shape) > 0
    assert explain_array("segmentations", np.where(chosen, np.maximum(early, late), want), want) is None
    assert explain_array("segmentations", np.maximum(want, early), want) is None  # starts early: another threshold
    assert explain_array("segmentations", np.where(chosen, early, late), want) is None


@pytest.mark.parametrize(("rounding", "by"), [(np.ceil, 0), (np.floor, 1)])
def test_half_a_frame_rounded_to_the_nearest_one_is_none_or_a_whole_one(rounding, by):
    """Why no probe can tell these: the arrays are the same, bit by bit."""
    want = reference(CROWD).values["segmentations"]
    nearest = np.clip(rounding(np.arange(589) - 0.5).astype(int), 0, 588)
    half = want[:, nearest]
    assert np.array_equal(half, moved(want, 1, by))


def test_few_edges_say_nothing():
    want = np.zeros((1, 589, 3), np.float32)
    want[0, 100:200, 0] = want[0, 300:400, 1] = 1
    got = want.copy()
    got[0, [99, 399], [0, 1]] = [1, 0]
    assert explain_array("segmentations", got, want) is None
