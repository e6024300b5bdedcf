"""How far the trunk sees, and that a stretch of the filterbank gives the features of the whole."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_arrays import random_wespeaker

from parity.networks.wespeaker.masks import pooled_frames
from parity.networks.wespeaker.reach import ALIGNED, SHRINKS, reach, stretch
from parity.networks.wespeaker.runtime import load_embedding

FRAMES = 600
RUNTIMES = [name for name in ("onnx", "ncnn") if name == "onnx" or importlib.util.find_spec(name)]


@pytest.fixture(scope="module", params=RUNTIMES)
def network(request):
    return load_embedding(random_wespeaker(np.random.default_rng(4)), request.param, 1)


@pytest.fixture(scope="module")
def fbank() -> np.ndarray:
    return np.random.default_rng(5).standard_normal((1, FRAMES, 80)).astype(np.float32)


@pytest.fixture(scope="module")
def features(network, fbank) -> np.ndarray:
    return network.trunk(fbank)[0]


def test_the_reach_is_about_a_second_as_the_layers_add_up():
    # conv1 1; layer1 6 x 1; layer2 1 + 7 x 2; layer3 2 + 11 x 4; layer4 4 + 5 x 8
    assert reach() == 1 + 6 + 15 + 46 + 44


@pytest.mark.parametrize("side", [-1, 1])
def test_a_frame_within_reach_changes_a_feature_and_one_beyond_it_does_not(network, fbank, features, side):
    pooled = 37
    for distance, changes in ((reach(), True), (reach() + 1, False)):
        moved = fbank.copy()
        moved[0, pooled * SHRINKS + side * distance] += 100
        change = np.abs(network.trunk(moved)[0][..., pooled] - features[..., pooled]).max()
        if network.runtime == "onnx":
            assert (change > 0) == changes
        elif not changes:  # a Winograd tile rounds with its neighbours, whose values it then takes off again
            assert change < 1e-5 * np.abs(features).max()


@given(frames=st.integers(1, 1600), data=st.data())
def test_a_stretch_is_aligned_inside_the_chunk_and_holds_all_that_is_in_reach(frames, data):
    pooled = pooled_frames(frames)
    wanted = np.zeros(pooled, dtype=bool)
    wanted[data.draw(st.lists(st.integers(0, pooled - 1), min_size=1, max_size=5))] = True
    start, stop = stretch(wanted, frames)
    first, last = np.flatnonzero(wanted)[[0, -1]]
    assert start % ALIGNED == 0 and (stop % ALIGNED == 0 or stop == frames)
    assert (
        0 <= start <= max(0, first * SHRINKS - reach()) and min(frames, last * SHRINKS + reach() + 1) <= stop <= frames
    )
    assert start > first * SHRINKS - reach() - ALIGNED and stop < last * SHRINKS + reach() + 1 + ALIGNED


@pytest.mark.parametrize(("first", "last"), [(0, 3), (30, 31), (70, 74), (0, 74), (20, 60)])
def test_features_of_a_stretch_are_those_of_the_whole(network, fbank, features, first, last):
    wanted = np.zeros(features.shape[2], dtype=bool)
    wanted[[first, last]] = True
    start, stop = stretch(wanted, FRAMES)
    (seen,) = network.trunk(fbank[:, start:stop])
    there = slice(first - start // SHRINKS, last + 1 - start // SHRINKS)
    scale = np.abs(features).max()
    np.testing.assert_allclose(seen[..., there], features[..., first : last + 1], rtol=0, atol=1e-6 * scale)


def test_a_mask_of_another_chunk_is_refused():
    with pytest.raises(ValueError, match="10 pooled frames, expected 125"):
        stretch(np.ones(10, dtype=bool), 998)
