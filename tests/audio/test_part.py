"""A part of a recording is what the same samples by themselves would be."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from support.media import encode
from support.refusals import refusal

from parity.audio.part import WHOLE, Part
from parity.audio.reading import opened, read_audio

RATE = 44_100
SAMPLES = (0.3 * np.random.default_rng(0).standard_normal((5 * RATE, 3))).clip(-1, 1)
PARTS = [Part(1.5), Part(None, 2.0), Part(1.00001, 3.7), Part(channel=2), Part(4.0, 99.0, 0), Part(0.0, 5.0)]


def written(tmp_path, ending: str):
    path = tmp_path / f"a.{ending}"
    if ending in ("m4a", "webm"):
        return encode(path, "aac" if ending == "m4a" else "libopus", 48_000, SAMPLES.T[:2])
    soundfile.write(path, SAMPLES[:, :2] if ending == "mp3" else SAMPLES, RATE)
    return path


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg", "mp3", "m4a", "webm"])
@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_part_is_the_samples_that_lie_there(tmp_path, ending, part):
    path = written(tmp_path, ending)
    whole, rate = read_audio(path)
    if part.channel == 2 and len(whole) == 2:
        part = Part(channel=1)
    first = round((part.start or 0) * rate)
    last = whole.shape[1] if part.end is None else round(part.end * rate)
    want = whole[:, first:last] if part.channel is None else whole[part.channel : part.channel + 1, first:last]
    got, same_rate = read_audio(path, part)
    assert same_rate == rate and np.array_equal(got, want)
    with opened(path, part) as file:
        blocks = []
        while len(block := file.read(10_007, dtype="float32", always_2d=True)):
            blocks.append(block)
            assert file.tell() == sum(map(len, blocks))
        assert file.channels == len(want) and np.array_equal(np.concatenate(blocks).T, want)
        assert ending in ("m4a", "webm") or file.frames == want.shape[1]


def test_all_of_it_is_the_file_itself(tmp_path):
    with opened(written(tmp_path, "wav"), WHOLE) as file:
        assert isinstance(file, soundfile.SoundFile)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((-1.0,), "--start -1.0: expected seconds from the beginning of the file, 0 or more"),
        ((None, float("nan")), "--end nan: expected seconds"),
        ((None, float("inf")), "--end inf: expected seconds"),
        ((3.0, 3.0), "--end 3 is not after --start 3"),
        ((None, 0.0), "--end 0 is not after --start 0"),
        ((None, None, -1), "--channel -1: channels count from 0"),
    ],
)
def test_a_part_that_cannot_be_is_refused(arguments, words):
    assert refusal(Part, *arguments).startswith(words)


@pytest.mark.parametrize("ending", ["wav", "mp3", "webm"])
def test_a_part_that_the_file_has_not_is_refused_with_what_it_has(tmp_path, ending):
    path = written(tmp_path, ending)
    assert "--start 60 s is behind its end; it is " in refusal(read_audio, path, Part(60.0))
    assert "has no channel 3; it has" in refusal(read_audio, path, Part(channel=3))


def test_what_is_left_may_be_too_short_or_nothing(tmp_path):
    path = written(tmp_path, "wav")
    assert "0.01 s long" in refusal(read_audio, path, Part(1.0, 1.01))
    assert "no samples at all" in refusal(read_audio, path, Part(5.0))
