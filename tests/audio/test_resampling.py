"""Samples at any rate are what torchaudio makes of them; in pieces the same bits as whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.audio.reading import SAMPLE_RATE
from parity.audio.resampling import _weighted, kernel_of, mix_down, resample, resampled, resampled_length

RATES = [4_000, 8_000, 11_025, 12_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000]
FILTER = 4e-5  # torchaudio's float32 positions move samples by up to 1e-5, by 3e-5 at rates that share nothing
LENGTHS = [3.2, 9.99, 10.0, 10.0625, 10.63, 11.0001]  # seconds


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 0.5, shape).astype(np.float32)


def by_the_formula(samples: np.ndarray, rate: int, target: int) -> np.ndarray:
    """The sum that the module's docstring states, one output sample at a time, in double precision."""
    lowest = 0.99 * min(rate, target)
    at = np.arange(len(samples)) / rate
    result = []
    for when in np.arange(resampled_length(len(samples), rate, target)) / target:
        crossings = lowest * (at - when)
        near = np.abs(crossings) < 6
        taps = lowest / rate * np.sinc(crossings[near]) * np.cos(np.pi * crossings[near] / 12) ** 2
        result.append(taps @ samples[near])
    return np.array(result)


@pytest.mark.parametrize("rate", [*RATES, 16_001, 44_056])
def test_every_sample_is_the_sum_that_the_source_gives(rate):
    samples = noise(rate // 20 + 7)
    np.testing.assert_allclose(resample(samples, rate), by_the_formula(samples, rate, SAMPLE_RATE), rtol=0, atol=FILTER)


@pytest.mark.parametrize("target", [8_000, 44_100, 48_000])
def test_to_another_rate_than_the_pipelines(target):
    samples = noise(1_607)
    np.testing.assert_allclose(
        resample(samples, 16_000, target), by_the_formula(samples, 16_000, target), rtol=0, atol=FILTER
    )


def test_the_same_rate_is_the_same_samples():
    samples = noise(2, 100)
    assert resample(samples, SAMPLE_RATE) is samples
    assert next(iter(resampled([samples[0]], SAMPLE_RATE))).base is samples


@settings(max_examples=40, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from([*RATES, 44_101]), st.integers(0, 100_000), st.integers(0, 8))
def test_blocks_of_any_length_give_the_same_bits(seed, rate, count, cuts):
    samples = noise(count, seed=seed)
    where = np.sort(np.random.default_rng(seed).integers(0, count + 1, cuts))
    pieces = list(resampled(np.split(samples, where), rate))
    got = np.concatenate(pieces) if pieces else np.empty(0, np.float32)
    assert got.dtype == np.float32 and np.array_equal(got, resample(samples, rate))


@pytest.mark.parametrize("rate", RATES)
def test_a_whole_second_later_is_the_same_bits_a_second_later(rate):
    samples = noise(3 * rate)
    later = resample(np.concatenate([np.zeros(rate, np.float32), samples]), rate)
    assert np.array_equal(later[SAMPLE_RATE : SAMPLE_RATE + 3 * SAMPLE_RATE], resample(samples, rate))


def test_no_more_than_a_second_waits():
    taken = 0

    def blocks():
        nonlocal taken
        for _ in range(480):
            taken += 1_000
            yield noise(1_000)

    for number, _ in enumerate(resampled(blocks(), 48_000)):
        assert taken - number * 48_000 <= kernel_of(48_000).needed + 1_000


@pytest.mark.parametrize(
    ("count", "rate", "length"),
    [
        (0, 48_000, 0),
        (1, 48_000, 1),
        (3, 48_000, 1),
        (4, 48_000, 2),
        (480_000, 48_000, 160_000),
        (1, 8_000, 2),
        (441, 44_100, 160),
        (442, 44_100, 161),
        # 181,399.002 and 213,399.002 samples: the fraction is under half a step of float32 there.
        (499_981, 44_100, 181_399),
        (588_181, 44_100, 213_399),
        # Above 2 ** 24 not even whole samples are kept: neither 16,777,217 nor 16,777,219 is a float32.
        (3 * (2**24 + 1), 48_000, 2**24),
        (3 * (2**24 + 3), 48_000, 2**24 + 4),
        # Rounded up past what there is of input: 115,200,000.33 samples of it, and 115,200,000 of output.
        (7_200 * 48_000 + 1, 48_000, 115_200_000),
        (123, 16_000, 123),
    ],
)
def test_lengths_are_rounded_as_torchaudio_rounds_them(count, rate, length):
    assert resampled_length(count, rate) == length


def test_the_mean_is_float32_in_the_order_of_the_channels():
    channels = noise(6, 1_000)
    total = channels[0].copy()
    for channel in channels[1:]:
        total = total + channel
    assert np.array_equal(mix_down(channels), total / np.float32(6))
    assert mix_down(channels[:1]).base is channels
    inverted = np.stack([channels[0], -channels[0]])
    assert not mix_down(inverted).any()


@pytest.mark.torch
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", LENGTHS)
def test_every_bit_is_torchaudios(rate, seconds):
    torch, functional = pytest.importorskip("torch"), pytest.importorskip("torchaudio.functional")
    samples = noise(2, round(seconds * rate))
    want = functional.resample(torch.from_numpy(samples), rate, SAMPLE_RATE).numpy()
    got = resample(samples, rate)
    assert got.shape == want.shape and got.dtype == want.dtype
    assert np.array_equal(got, want)


@pytest.mark.torch
def test_at_a_rate_whose_last_bits_are_not_kept_within_float32_rounding_of_torchaudio():
    torch, functional = pytest.importorskip("torch"), pytest.importorskip("torchaudio.functional")
    samples = noise(2, 100_000)
    want = functional.resample(torch.from_numpy(samples), 44_056, SAMPLE_RATE).numpy()
    np.testing.assert_allclose(resample(samples, 44_056), want, rtol=0, atol=2e-7)


@pytest.mark.torch
def test_lengths_are_torchaudios():
    torch, functional = pytest.importorskip("torch"), pytest.importorskip("torchaudio.functional")
    counts = [1, 2, 3, 440, 441, 442, 100_001, 499_980, 499_981, 499_982, 588_181]
    for rate in RATES:
        for count in counts:
            want = functional.resample(torch.zeros(1, count), rate, SAMPLE_RATE).shape[1]
            assert resampled_length(count, rate) == want, (rate, count)


@pytest.mark.torch
def test_lengths_above_24_bits_are_torchaudios():
    torch, functional = pytest.importorskip("torch"), pytest.importorskip("torchaudio.functional")
    for count in (2**23 + 2, 2**23 + 3, 2**23 + 5):  # at 8 kHz, so twice as many come out
        want = functional.resample(torch.zeros(1, count), 8_000, SAMPLE_RATE).shape[1]
        assert resampled_length(count, 8_000) == want


@pytest.mark.torch
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 6, 9])
def test_the_mean_is_torchs(channels):
    torch = pytest.importorskip("torch")
    samples = noise(channels, 10_001)
    want = torch.from_numpy(samples).mean(dim=0).numpy()
    # Of five and more channels torch adds what its vectors leave over in another order.
    np.testing.assert_allclose(mix_down(samples), want, rtol=0, atol=0 if channels <= 4 else 1.2e-7)


@pytest.mark.torch
def test_the_last_bits_of_the_weights_are_torchaudios():
    pytest.importorskip("torchaudio")
    from capture.filters import RATES as KNOWN
    from capture.filters import torchaudios

    assert set(RATES) <= set(KNOWN)
    for rate in KNOWN:
        kernel = kernel_of(rate)
        want = torchaudios(rate)
        assert np.array_equal(kernel.weights[:, : want.shape[1]].astype(np.float32), want), rate


@pytest.mark.parametrize("rate", [*RATES, 44_056])
def test_weights_are_nothing_beyond_the_sinc_and_none_is_lost(rate):
    kernel = kernel_of(rate)
    assert kernel.starts.size == SAMPLE_RATE and kernel.starts.shape[1] == kernel.weights.shape[1]
    assert kernel.starts.min() >= 0
    # The last tap of a filter that has fewer is nothing, and alone may lie past the end.
    beyond = kernel.starts.max() + len(kernel.weights) - kernel.needed
    assert beyond <= 0 or not kernel.weights[-beyond:, kernel.starts.argmax() % kernel.weights.shape[1]].any()
    np.testing.assert_allclose(kernel.weights.sum(axis=0), 1, atol=2e-3)  # silence and a constant pass


@pytest.mark.parametrize("rate", [8_000, 44_100, 44_056])
def test_some_samples_of_a_second_are_those_of_the_whole_second(rate):
    kernel = kernel_of(rate)
    around = noise(kernel.needed)
    for outputs in (slice(9), slice(-9, None), slice(801, 1_203)):
        assert np.array_equal(kernel.some(around, outputs), kernel.second(around)[outputs])


def test_a_product_is_added_with_one_rounding():
    # 1 + 2^-12 squared is 1 + 2^-11 + 2^-24: taken off again, the last term is left, which float32 alone would lose.
    x = np.float32(1 + 2**-12)
    weights = np.array([[-1 - 2**-11], [float(x)]])
    assert _weighted(np.array([1, x], np.float32), np.zeros(1, np.int64), weights) == np.float32(2**-24)
