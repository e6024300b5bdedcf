"""The stage `audio`: segmentation hears the file resampled whole, the filterbank each chunk resampled by itself."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from parity.audio.resampling import mix_down, resample, resampled_length
from parity.community1 import geometry
from parity.community1.audio import hear
from parity.community1.geometry import CHUNK_SAMPLES, SAMPLE_RATE

RATES = [8_000, 11_025, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000]
LENGTHS = [3.2, 9.99, 10.0, 10.0625, 10.63, 11.0001, 13.0]  # seconds


def noise(channels: int, seconds: float, rate: int) -> np.ndarray:
    return np.random.default_rng(rate).uniform(-0.5, 0.5, (channels, int(seconds * rate))).astype(np.float32)


def by_itself(samples: np.ndarray, rate: int, index: int) -> np.ndarray:
    """A chunk as its definition has it: cropped at the file's rate, padded there, mixed down, resampled."""
    crop = samples[:, index * rate : (index + 10) * rate]
    padded = np.pad(crop, ((0, 0), (0, 10 * rate - crop.shape[1])))
    return resample(mix_down(padded), rate)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("seconds", LENGTHS)
def test_chunks_put_together_are_the_bits_of_chunks_resampled_by_themselves(rate, seconds):
    samples = noise(2, seconds, rate)
    waveform, chunk_waveforms = hear(samples, rate)
    assert np.array_equal(waveform[0], resample(mix_down(samples), rate))
    assert waveform.shape == (1, resampled_length(samples.shape[1], rate)) and waveform.dtype == np.float32
    assert list(chunk_waveforms.chunks) == list(range(geometry.num_chunks(waveform.shape[1])))
    for index in chunk_waveforms.chunks:
        got = chunk_waveforms.compute(int(index))
        assert got.shape == (CHUNK_SAMPLES,) and got.dtype == np.float32
        assert np.array_equal(got, by_itself(samples, rate, int(index)))


@pytest.mark.parametrize("step", [0.37, 0.5, 2.0, 5.0])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_chunks_at_another_step_begin_where_it_says(rate, step):
    samples = noise(2, 23.4, rate)
    waveform, chunk_waveforms = hear(samples, rate, step=step)
    assert len(chunk_waveforms) == geometry.num_chunks(waveform.shape[1], step)
    for index in (0, 1, len(chunk_waveforms) - 1):
        start = round(index * step * rate)
        crop = mix_down(samples[:, start : start + 10 * rate])
        want = resample(np.pad(crop, (0, 10 * rate - len(crop))), rate)
        assert np.array_equal(chunk_waveforms.compute(index), want)


def test_at_16_khz_with_one_channel_nothing_changes_and_nothing_is_copied():
    samples = noise(1, 12.3, SAMPLE_RATE)
    waveform, chunk_waveforms = hear(samples, SAMPLE_RATE)
    assert waveform is samples
    for index in chunk_waveforms.chunks:
        assert np.array_equal(chunk_waveforms.compute(int(index)), geometry.chunk(samples, int(index))[0])


def test_at_16_khz_channels_are_mixed_down_in_float32():
    samples = noise(3, 11.7, SAMPLE_RATE)
    waveform, chunk_waveforms = hear(samples, SAMPLE_RATE)
    assert np.array_equal(waveform[0], mix_down(samples))
    assert np.array_equal(chunk_waveforms.compute(1)[:100], mix_down(samples)[16_000:16_100])


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("size", [997, 16_000, 44_100, 10_000_000])
def test_samples_that_come_in_blocks_give_the_same_bits(rate, size):
    samples = noise(2, 70.4, rate)
    blocks = [samples[:, start : start + size] for start in range(0, samples.shape[1], size)]
    waveform, chunk_waveforms = hear(SimpleNamespace(blocks=lambda: iter(blocks)), rate)
    want, series = hear(samples, rate)
    assert np.array_equal(waveform, want)
    for index in (0, 17, 60, 61):
        assert np.array_equal(chunk_waveforms.compute(index), series.compute(index))


def test_chunks_are_never_all_in_memory():
    waveform, chunk_waveforms = hear(noise(2, 120.0, 48_000), 48_000)
    held = chunk_waveforms.compute.args[0]
    assert held.samples.nbytes + held.heads.nbytes + held.tails.nbytes < 1.02 * waveform.nbytes


@pytest.mark.torch
@pytest.mark.parametrize("rate", [*RATES, SAMPLE_RATE])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_every_bit_is_pyannotes_own_front_ends(rate, channels):
    torch = pytest.importorskip("torch")
    pytest.importorskip("pyannote.audio")
    from pyannote.audio.core.io import Audio
    from pyannote.core import Segment

    # Beyond its window torchaudio's filter has weights of 1e-23, which only silence shows. Of five and more channels
    # torch adds what its vectors leave over in another order.
    limit = 1e-20 if channels <= 4 else 2e-7
    front_end = Audio(sample_rate=SAMPLE_RATE, mono="downmix")
    for seconds in LENGTHS:
        samples = noise(channels, seconds, rate)
        file = {"waveform": torch.from_numpy(samples), "sample_rate": rate}
        waveform, chunk_waveforms = hear(samples, rate)
        want = front_end(file)[0].numpy()
        assert waveform.shape == want.shape
        np.testing.assert_allclose(waveform, want, rtol=0, atol=limit)
        for index in map(float, chunk_waveforms.chunks):
            want = front_end.crop(file, Segment(index, index + 10.0), mode="pad")[0].numpy()
            np.testing.assert_allclose(chunk_waveforms.compute(int(index))[None], want, rtol=0, atol=limit)
