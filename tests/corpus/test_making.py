"""A made corpus: the same bytes everywhere, and its RTTM says exactly what was laid into it."""

import json

import numpy as np
import pytest

from parity.audio.reading import SAMPLE_RATE, load_clip
from parity.corpus.made.conversation import GRID, SECONDS_A_SPEAKER, converse
from parity.corpus.made.integers import UNIT, Dice, at_level, echoed, faded, noise, resampled, rms, to_int16
from parity.corpus.made.making import MANIFEST, make
from parity.corpus.made.voices import voices
from parity.corpus.manifest import read_manifest
from parity.errors import InputError
from parity.measure.score import count

PINNED = "6b5ea3a65e90876400da71d3b42ea0d7c562fdc9b85a71eadccedbd03f7fe6cb"
STRETCHES = [[30_000, 16_000], [200_000], [11_000, 90_000, 20_000], [9_600], [12_000], [50_000]]


def test_the_same_seed_gives_the_same_bytes_everywhere(tmp_path):
    assert make(tmp_path / "made", 2, 6, 3) == PINNED


def test_a_manifest_and_its_files_are_what_they_say(tmp_path):
    make(tmp_path / "made", 2, 5, 1)
    entries = read_manifest(tmp_path / "made" / MANIFEST)
    about = json.loads((tmp_path / "made" / "corpus.json").read_text(encoding="utf-8"))
    assert "not for saying how accurate" in about["what"] and "AMI" in about["attribution"]
    for entry, row in zip(entries, about["recordings"], strict=True):
        samples, rate = load_clip(entry.audio)
        assert rate == row["sample_rate"] and samples.shape[1] == 5 * rate and np.abs(samples).max() > 0.01
        assert count(entry.human_rttm.read_text(encoding="utf-8")) == (len(row["speakers"]), row["turns"])


def test_more_recordings_begin_with_the_same_ones(tmp_path):
    make(tmp_path / "one", 1, 3, 1)
    make(tmp_path / "two", 2, 3, 1)
    first = [(tmp_path / name / "audio" / "made_00000.wav").read_bytes() for name in ("one", "two")]
    assert first[0] == first[1]


@pytest.mark.parametrize("recordings, seconds, said", [(0, 30, "--recordings 0"), (1, 2, "--seconds 2")])
def test_numbers_that_cannot_be_meant_are_refused(tmp_path, recordings, seconds, said):
    with pytest.raises(InputError, match=said):
        make(tmp_path / "made", recordings, seconds, 1)
    assert not (tmp_path / "made").exists()


def test_there_are_as_many_voices_as_the_sources_have():
    assert {"reader", "speaker90", "speaker91", "FEE083"} <= {voice.name for voice in voices()}
    assert len(voices()) == 23


@pytest.mark.parametrize("seconds", [3, 7, 30, 60])
def test_conversations_hold_what_they_promise(seconds):
    counts = set()
    for number in range(60):
        talk = converse("a", f"{number}", seconds, STRETCHES)
        counts.add(len(talk.gains))
        assert {piece.voice for piece in talk.pieces} == set(talk.gains)
        ends = [0, 0]
        for piece in talk.pieces:
            assert piece.start >= ends[-2], "three at once"
            assert piece.start % GRID == piece.length % GRID == 0 and piece.start + piece.length <= talk.length
            p, q = talk.speeds[piece.voice]
            assert piece.offset + piece.length <= STRETCHES[piece.voice][piece.stretch] * q // p
            ends.append(piece.start + piece.length)
            assert ends[-1] >= ends[-2]
        own = [(a, b) for a in talk.pieces for b in talk.pieces if a.voice == b.voice and a.start < b.start]
        assert all(a.start + a.length <= b.start for a, b in own), "somebody speaks with himself"
    most = min(len(STRETCHES), max(1, seconds // SECONDS_A_SPEAKER))
    assert min(counts) == 1 and max(counts) == most


# the arithmetic


def test_a_tone_keeps_its_pitch_and_level_at_another_rate():
    tone = np.rint(8_000 * np.sin(2 * np.pi * 440 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.int64)
    there = resampled(tone, 44_100, SAMPLE_RATE)
    wanted = 8_000 * np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100)
    assert there.dtype == np.int64 and len(there) == 44_100
    assert np.abs(there - wanted)[200:-200].max() < 8
    assert np.array_equal(resampled(tone, 5, 5), tone)


def test_what_no_lower_rate_can_hold_is_gone():
    tone = np.rint(8_000 * np.sin(2 * np.pi * 6_000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE)).astype(np.int64)
    assert rms(resampled(tone, 8_000, SAMPLE_RATE)[200:-200]) < 8


def test_levels_noise_echoes_and_fades_are_what_they_are_called():
    hiss = noise("seed", 10_000)
    assert abs(hiss.mean()) < 5 and np.array_equal(hiss, noise("seed", 10_000)) and len(noise("seed", 9, 4)) == 9
    assert abs(rms(at_level(hiss, 1_000)) - 1_000) < 5 and not at_level(hiss * 0, 1_000).any()
    click = np.array([100, 0, 0, 0])
    assert echoed(click, [(0, 1 << UNIT), (2, -1 << (UNIT - 1)), (9, 1 << UNIT)]).tolist() == [100, 0, -50, 0]
    assert faded(np.full(8, 10), 2).tolist() == [0, 5, 10, 10, 10, 10, 5, 0]
    assert np.abs(to_int16(np.array([[70_000, -70_000]]))).max() == 30_000


def test_dice_reach_every_face_and_no_other():
    dice = Dice("a")
    assert {dice.between(2, 4) for _ in range(60)} == {2, 3, 4}
    assert sorted(dice.some_of("abcd", 4)) == list("abcd")
    assert [Dice("a").below(1000)] == [Dice("a").below(1000)]
