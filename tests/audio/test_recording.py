"""A recording as the pipeline takes it: the part that was asked for, examined while it is read."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from support.media import encode
from support.refusals import refusal

from parity.audio import long as long_audio
from parity.audio.doctor import examine
from parity.audio.long import FileSamples
from parity.audio.part import Part
from parity.audio.reading import read_audio
from parity.audio.recording import recording_of

RATE = 48_000
SAMPLES = (0.2 * np.random.default_rng(0).standard_normal((2, 4 * RATE))).clip(-1, 1).astype(np.float32)


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    soundfile.write(tmp_path / "a.wav", SAMPLES.T, RATE, subtype="FLOAT")
    return tmp_path / "a.wav"


def heard(audio: object, *arguments: object) -> np.ndarray:
    with recording_of(audio, *arguments) as recording:
        if isinstance(recording.samples, np.ndarray):
            return recording.samples
        return np.concatenate(list(recording.samples.blocks()), axis=1)


@pytest.mark.parametrize("part", [Part(), Part(1.25), Part(0.5, 2.0), Part(channel=1), Part(1.0, 3.5, 0)], ids=str)
def test_files_streams_and_arrays_give_the_same_part(path, part):
    first = round((part.start or 0) * RATE)
    want = SAMPLES[:, first : None if part.end is None else round(part.end * RATE)]
    want = want if part.channel is None else want[part.channel : part.channel + 1]
    for audio in (path, str(path), lambda: io.BytesIO(path.read_bytes()), SAMPLES):
        made = audio if callable(audio) else lambda audio=audio: audio
        assert np.array_equal(heard(made(), RATE, part), want)
        with recording_of(made(), RATE, part) as recording:
            assert recording.sample_rate == RATE and recording.start_seconds == (part.start or 0)


def test_a_start_between_two_samples_is_that_of_the_nearer_one():
    with recording_of(SAMPLES, RATE, Part(1.00001)) as recording:
        assert recording.start_seconds == 48_000 / RATE


def test_what_is_found_on_the_way_is_what_the_doctor_finds(tmp_path, path):
    one = SAMPLES[0]
    soundfile.write(tmp_path / "a.wav", np.stack([one, -one], axis=1), RATE, subtype="FLOAT")
    with recording_of(path) as recording:
        for _ in recording.samples.blocks():
            pass
        assert recording.remarks() == examine(path).remarks != ()
    assert recording.remarks()[0].kind == "cancelled"
    with recording_of(path, RATE, Part(channel=0)) as recording:
        list(recording.samples.blocks())
        assert recording.remarks() == ()


def test_of_an_array_nothing_is_said():
    with recording_of(np.zeros(RATE), RATE) as recording:
        assert recording.remarks() == ()


def test_a_file_is_read_when_it_is_asked_for_and_no_more_than_a_block_is_held(path):
    seen = []
    samples = FileSamples(path, RATE, watch=lambda block: seen.append(block.shape))
    blocks = samples.blocks()
    assert seen == []
    assert next(blocks).shape == (2, RATE) and seen == [(2, RATE)]
    assert sum(block.shape[1] for block in blocks) == 3 * RATE


def test_a_stream_is_gone_from_the_disk_afterwards(path):
    with recording_of(io.BytesIO(path.read_bytes())) as recording:
        kept = recording.samples.path
        assert kept.exists()
    assert not kept.exists()


@pytest.mark.parametrize(
    ("audio", "part", "words"),
    [
        (SAMPLES, Part(channel=2), "waveform: has no channel 2; it has 2, counted from 0"),
        (SAMPLES, Part(9.0), "waveform: the part that was asked for: has no samples at all"),
        (io.BytesIO(b""), Part(), "standard input: is empty"),
        (io.BytesIO(b"text"), Part(), "standard input: not audio"),
    ],
)
def test_what_cannot_be_heard_is_refused(audio, part, words):
    assert words in refusal(heard, audio, RATE, part)


@pytest.mark.parametrize("spoilt", [np.nan, 17.0])
def test_a_spoilt_sample_in_the_part_is_said_and_one_outside_is_not(path, spoilt):
    samples = SAMPLES.copy()
    samples[1, 2 * RATE] = spoilt
    soundfile.write(path, samples.T, RATE, subtype="FLOAT")
    for part in (Part(0.0, 2.0), Part(2.5, 4.0), Part(channel=0)):
        assert np.isfinite(heard(path, RATE, part)).all()
    assert "NaN" in (said := refusal(heard, path, RATE, Part(1.0, 3.0))) or "reach 17" in said


def test_a_film_is_heard_in_blocks_too(tmp_path, monkeypatch):
    monkeypatch.setattr(long_audio, "BLOCK_SECONDS", 1)
    path = encode(tmp_path / "a.mp4", "aac", RATE, SAMPLES)
    whole, _ = read_audio(path)
    assert np.array_equal(heard(path, RATE), whole)
    assert np.array_equal(heard(path, RATE, Part(1.0, 2.5, 1)), whole[1:, RATE : round(2.5 * RATE)])
