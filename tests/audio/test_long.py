"""Files converted block by block are the same bits as converted whole, and are refused for the same reasons."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from parity.audio import long as long_audio
from parity.audio import reading as audio
from parity.audio.long import load_16k, resampled
from parity.errors import InputError

RATES = [4_000, 8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000]


def whole(path) -> np.ndarray:
    waveform, rate = audio.read_audio(path)
    samples = audio.quantise(audio.to_mono_16k(waveform, rate))
    return (samples.astype(np.float32) / np.float32(32_768))[None]


@settings(max_examples=60, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from(RATES), st.integers(1, 40_000), st.integers(0, 8))
def test_blocks_of_any_length_give_the_same_bits(seed, rate, count, cuts):
    rng = np.random.default_rng(seed)
    samples = rng.uniform(-1, 1, count)
    blocks = np.split(samples, np.sort(rng.integers(0, count + 1, cuts)))
    got = np.concatenate(list(resampled(blocks, rate)))
    assert np.array_equal(got, audio.to_mono_16k(samples[None], rate))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("channels", [1, 2, 9])
def test_a_file_converted_in_blocks_is_the_file_converted_whole(tmp_path, monkeypatch, rate, channels):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    rng = np.random.default_rng(rate)
    path = tmp_path / "some.wav"
    soundfile.write(path, rng.uniform(-1, 1, (int(3.3 * rate) + 1, channels)), rate, subtype="PCM_24")
    got, want = load_16k(path), whole(path)
    if (rate, channels) == (16_000, 1):
        want = audio.read_audio(path)[0]  # what is at 16 kHz already is not rounded
    assert got.dtype == np.float32 and np.array_equal(got, want)


def test_a_rate_that_shares_nothing_with_16_khz():
    samples = np.random.default_rng(0).uniform(-1, 1, 250_001)
    got = np.concatenate(list(resampled(np.split(samples, [100_000, 199_999]), 44_101)))
    assert np.array_equal(got, audio.to_mono_16k(samples[None], 44_101))


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_compressed_files_too(tmp_path, monkeypatch, form):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    path = tmp_path / f"some.{form.lower()}"
    soundfile.write(path, 0.3 * np.random.default_rng(0).standard_normal((150_000, 2)).clip(-1, 1), 44_100, format=form)
    assert np.array_equal(load_16k(path), whole(path))


def spoilt(value: float, at: int = 100_000) -> np.ndarray:
    samples = np.zeros((150_000, 2))
    samples[at, 1] = value
    return samples


@pytest.mark.parametrize(
    "samples", [np.zeros((0, 2)), np.zeros((1_000, 2)), spoilt(np.nan), spoilt(np.inf), spoilt(17.0)]
)
def test_what_is_wrong_is_said_as_of_the_whole_file(tmp_path, monkeypatch, samples):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    path = tmp_path / "some.wav"
    soundfile.write(path, samples, 44_100, subtype="FLOAT")
    said = []
    for read in (load_16k, audio.read_audio):
        with pytest.raises(InputError) as caught:
            read(path)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("rate", [3_999, 400_000])
def test_a_rate_that_no_speech_has_is_refused(tmp_path, rate):
    soundfile.write(tmp_path / "some.wav", np.zeros(rate), rate)
    with pytest.raises(InputError, match="sample rate"):
        load_16k(tmp_path / "some.wav")


def test_no_file_no_audio_no_samples_whole(tmp_path):
    (tmp_path / "text.wav").write_text("not audio", encoding="ascii")
    for name in ("gone.wav", "text.wav"):
        with pytest.raises(InputError, match=name):
            load_16k(tmp_path / name)
