"""Files read block by block hold the same samples as files read whole, and are refused for the same reasons."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from parity.audio import long as long_audio
from parity.audio import reading as audio
from parity.audio.long import open_samples
from parity.errors import InputError


def joined(path) -> np.ndarray:
    return np.concatenate(list(open_samples(path).blocks()), axis=1)


@pytest.fixture(autouse=True)
def short_blocks(monkeypatch):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 2, 9])
def test_blocks_joined_are_the_whole_file(tmp_path, rate, channels):
    path = tmp_path / "some.wav"
    samples = np.random.default_rng(rate).uniform(-1, 1, (int(3.3 * rate) + 1, channels))
    soundfile.write(path, samples, rate, subtype="PCM_24")
    got, (want, said) = joined(path), audio.read_audio(path)
    assert (open_samples(path).sample_rate, said) == (rate, rate)
    assert got.dtype == np.float32 and np.array_equal(got, want)


@pytest.mark.parametrize("form", ["FLAC", "OGG", "MP3"])
def test_compressed_files_too(tmp_path, form):
    path = tmp_path / f"some.{form.lower()}"
    soundfile.write(path, 0.3 * np.random.default_rng(0).standard_normal((150_000, 2)).clip(-1, 1), 44_100, format=form)
    assert np.array_equal(joined(path), audio.read_audio(path)[0])


def spoilt(value: float, at: int = 100_000) -> np.ndarray:
    samples = np.zeros((150_000, 2))
    samples[at, 1] = value
    return samples


@pytest.mark.parametrize(
    "samples", [np.zeros((0, 2)), np.zeros((1_000, 2)), spoilt(np.nan), spoilt(np.inf), spoilt(17.0)]
)
def test_what_is_wrong_is_said_as_of_the_whole_file(tmp_path, samples):
    path = tmp_path / "some.wav"
    soundfile.write(path, samples, 44_100, subtype="FLOAT")
    said = []
    for read in (joined, audio.read_audio):
        with pytest.raises(InputError) as caught:
            read(path)
        said.append(str(caught.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("rate", [3_999, 400_000])
def test_a_rate_that_no_speech_has_is_refused(tmp_path, rate):
    soundfile.write(tmp_path / "some.wav", np.zeros(rate), rate)
    with pytest.raises(InputError, match="sample rate"):
        open_samples(tmp_path / "some.wav")


def test_no_file_no_audio(tmp_path):
    (tmp_path / "text.wav").write_text("not audio", encoding="ascii")
    for name in ("gone.wav", "text.wav"):
        with pytest.raises(InputError, match=name):
            open_samples(tmp_path / name)
