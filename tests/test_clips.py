"""Recipes on small sources that are made here; the fourteen themselves are built in `test_fixtures`."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parity.errors import InputError
from parity.files.whole import sha256_bytes
from parity.fixtures import clips
from parity.fixtures.clips import Material, Turn

SECOND = 16_000


def material(value: int, seconds: float, *turns: Turn) -> Material:
    samples = np.full(round(seconds * SECOND), value, dtype=np.int16)
    return Material(samples, turns, ((0.0, seconds),) if turns else ())


@pytest.fixture
def sources(monkeypatch):
    """Three sources under the names that the recipes know: A and B overlap, the last has no turns."""
    made = {
        "ami_tst00": material(1_000, 4, Turn(0.0, 2.0, "A"), Turn(1.5, 3.0, "B")),
        "sample": material(20_000, 2, Turn(0.5, 1.5, "C")),
        "two_cities": material(64, 3),
    }
    monkeypatch.setattr(clips, "excerpt", lambda *, source: made[source])
    return made


# turns through cuts and joins


def test_a_cut_moves_turns_and_shortens_what_reaches_beyond():
    #  seconds  0   1   2   3   4
    #  A        |-----------|
    #  B            |---|
    #  C                        |--|
    #  cut              |-----|
    whole = material(1, 5, Turn(0.0, 3.0, "A"), Turn(1.0, 2.0, "B"), Turn(3.75, 4.5, "C"))
    part = whole.cut(2 * SECOND, round(3.5 * SECOND))
    assert part.turns == (Turn(0.0, 1.0, "A"),)
    assert part.annotated == ((0.0, 1.5),) and part.seconds == 1.5


def test_what_a_cut_leaves_below_rttm_resolution_is_dropped():
    assert material(1, 2, Turn(0.0, 1.0004, "A")).cut(SECOND, 2 * SECOND).turns == ()


def test_joined_turns_move_along_and_unannotated_parts_stay_so(sources):
    whole = clips.joined(sources=["sample", "two_cities", "ami_tst00"])
    assert whole.seconds == 9.0
    assert whole.turns == (Turn(0.5, 1.5, "C"), Turn(5.0, 7.0, "A"), Turn(6.5, 8.0, "B"))
    assert whole.annotated == ((0.0, 2.0), (5.0, 9.0))
    assert [whole.samples[s * SECOND] for s in (0, 2, 5)] == [20_000, 64, 1_000]


def test_stretches_of_one_speaker_alone():
    #  seconds  0  1  2  3  4  5  6
    #  A        |-----|        |--|
    #  B           |-----|
    turns = [Turn(0, 2, "A"), Turn(1, 3, "B"), Turn(5, 6, "A")]
    assert clips.alone(turns) == [Turn(0, 1, "A"), Turn(2, 3, "B"), Turn(5, 6, "A")]


def test_adjacent_and_overlapping_turns_of_one_speaker_are_one_stretch():
    assert clips.alone([Turn(0, 2, "A"), Turn(2, 3, "A"), Turn(2.5, 4, "A")]) == [Turn(0, 4, "A")]
    assert clips.alone([]) == []


def test_rttm_of_one_recording_is_read_sorted(tmp_path):
    rows = [
        "SPEAKER x 1 2.000 0.500 <NA> <NA> MÉO069 <NA> <NA>",
        "SPEAKER y 1 0.000 9.000 <NA> <NA> B <NA> <NA>",
    ]
    rows += ["SPEAKER x 1 0.100 0.200 <NA> <NA> A <NA> <NA>", ""]
    (tmp_path / "a.rttm").write_text("\n".join(rows), encoding="utf-8")
    assert clips.read_rttm(tmp_path / "a.rttm", "x") == (Turn(0.1, 0.3, "A"), Turn(2.0, 2.5, "MÉO069"))


# recipes


def test_padding_is_digital_zero_and_the_source_is_cut(sources):
    clip = clips.padded(source="ami_tst00", silence=1.5, seconds=1.75)
    assert clip.seconds == 3.25
    assert not clip.samples[:24_000].any() and (clip.samples[24_000:] == 1_000).all()
    assert clip.turns == (Turn(1.5, 3.25, "A"), Turn(3.0, 3.25, "B"))


def test_a_sum_is_the_sum_where_it_fits(sources):
    clip = clips.summed(sources=["ami_tst00", "sample"])
    assert clip.seconds == 4.0
    assert clip.samples[0] == 21_000 and clip.samples[-1] == 1_000
    assert [turn.speaker for turn in clip.turns] == ["A", "C", "B"]
    assert clip.annotated == ((0.0, 2.0),)


def test_a_sum_that_would_clip_is_halved_as_a_whole(sources):
    clip = clips.summed(sources=["sample", "sample", "ami_tst00"])
    assert clip.samples[0] == 20_500 and clip.samples[-1] == 500


def test_a_sum_with_an_unannotated_part_is_not_annotated(sources):
    assert clips.summed(sources=["sample", "two_cities"]).annotated == ()


@pytest.mark.parametrize(("exponent", "value"), [(-6, 16), (0, 1_000), (3, 8_000), (-4, 62), (-13, 0)])
def test_scaling_is_by_powers_of_two_and_halves_go_to_even(sources, exponent, value):
    clip = clips.scaled(source="ami_tst00", exponent=exponent)
    assert set(clip.samples) == {value}
    assert clip.turns == sources["ami_tst00"].turns


def test_the_telephone_keeps_length_and_turns_and_removes_what_is_above_4_khz(sources):
    time = np.arange(2 * SECOND) / SECOND
    low, high = (8_000 * np.sin(2 * np.pi * hz * time) for hz in (1_000, 6_000))
    sources["sample"] = Material((low + high).astype(np.int16), (Turn(0.5, 1.5, "C"),), ((0.0, 2.0),))
    clip = clips.telephone(source="sample")
    spectrum = np.abs(np.fft.rfft(clip.samples[SECOND // 2 : 3 * SECOND // 2])) / (SECOND / 2)
    assert spectrum[1_000] == pytest.approx(8_000, rel=0.02) and spectrum[6_000] < 20
    assert len(clip.samples) == 2 * SECOND and clip.turns == (Turn(0.5, 1.5, "C"),)


def test_splicing_visits_every_voice_in_turn_and_begins_anew(sources):
    clip = clips.spliced(sources=["ami_tst00", "sample", "two_cities"], shortest=0.5, visit=1.0, visits=2)
    # Alone: A 0 to 1.5, cut into 1.0 and 0.5; B 2.0 to 3.0; C 0.5 to 1.5; the reader three pieces of 1.0.
    assert [turn.speaker for turn in clip.turns] == ["A", "B", "C", "reader"] * 2
    assert [turn.end - turn.start for turn in clip.turns] == [1.0, 1, 1, 1, 0.5, 1, 1, 1]
    assert clip.turns[-1].end == clip.seconds == 7.5


def test_stretches_that_are_too_short_are_left_out(sources):
    clip = clips.spliced(sources=["ami_tst00", "sample"], shortest=1.2, visit=4.0, visits=1)
    assert [turn.speaker for turn in clip.turns] == ["A"]


def test_splicing_levels_by_powers_of_two(sources):
    clip = clips.spliced(sources=["ami_tst00", "sample", "two_cities"], shortest=0.5, visit=1.0, visits=1)
    assert sorted({int(value) for value in clip.samples}) == [500, 512, 625]  # of 1000, 64, 20000


def test_silence_is_not_levelled():
    assert not clips._levelled(material(0, 1)).samples.any()


def test_levelling_stops_short_of_clipping():
    samples = np.zeros(SECOND, dtype=np.int16)
    samples[0] = 20_000  # RMS 158: two powers of two short of the level, and none of them fits
    assert np.array_equal(clips._levelled(Material(samples)).samples, samples)


# mu-law, against ITU-T G.711


def test_mu_law_of_every_value():
    every = np.arange(-32_768, 32_768, dtype=np.int64).astype(np.int16)
    decoded = clips.mu_law(every).astype(int)
    assert decoded.max() == 32_124 and decoded.min() == -32_124
    assert len(set(decoded)) == 255  # 256 codes, two of which are zero
    assert (np.diff(decoded) >= 0).all()
    assert np.array_equal(clips.mu_law(decoded.astype(np.int16)), decoded)
    assert np.array_equal(decoded[1:], -decoded[1:][::-1])


@pytest.mark.parametrize(
    ("value", "decoded"),
    [(0, 0), (3, 0), (4, 8), (-5, -8), (100, 104), (1_000, 988), (-10_000, -9_852), (32_767, 32_124)],
)
def test_mu_law_of_known_values(value, decoded):
    assert clips.mu_law(np.array([value], dtype=np.int16))[0] == decoded


@given(st.integers(-32_635, 32_635))
def test_mu_law_errs_by_half_a_step_of_its_segment(value):
    step = 2 ** max(3, (abs(value) + 132).bit_length() - 5)
    assert abs(int(clips.mu_law(np.array([value], dtype=np.int16))[0]) - value) <= step // 2


# what the catalogue may ask for


@pytest.mark.parametrize(
    ("recipe", "arguments", "expected"),
    [
        ("reversed", {"source": "sample"}, "recipe = 'reversed' is not known; known are excerpt, joined"),
        ("excerpt", {}, "takes arguments ['source'], these are []"),
        (
            "excerpt",
            {"source": "sample", "gain": 1},
            "takes arguments ['source'], these are ['gain', 'source']",
        ),
        ("excerpt", {"source": "smaple"}, "source 'smaple' is not known; known are ami_dev00"),
        ("excerpt", {"source": 3}, "argument source = 3 should be a text"),
        ("joined", {"sources": ["sample", "x", 7]}, "source 'x', 7 is not known"),
        ("joined", {"sources": []}, "argument sources = [] should be a list of sources"),
        ("scaled", {"source": "sample", "exponent": 0.5}, "argument exponent = 0.5 should be a whole number"),
        ("padded", {"source": "sample", "silence": True, "seconds": 1}, "silence = True should be seconds"),
        ("padded", {"source": "sample", "silence": -1, "seconds": 1}, "silence = -1 should be above 0"),
    ],
)
def test_what_cannot_be_followed_is_refused(recipe, arguments, expected):
    with pytest.raises(InputError) as caught:
        clips.check_recipe(recipe, arguments)
    assert expected in str(caught.value)


# the cache


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("PARITY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "clips"


def test_a_clip_is_made_once_and_made_again_when_altered(cache, sources):
    arguments = {"source": "ami_tst00", "exponent": 1}
    data = clips.clip_bytes("scaled", arguments)
    path = clips.build_clip("one", "scaled", arguments, sha256_bytes(data))
    assert path == cache / f"one.{sha256_bytes(data)[:12]}.wav" and path.read_bytes() == data
    path.write_bytes(data[:100])
    sources["ami_tst00"] = material(1_000, 4)
    assert clips.build_clip("one", "scaled", arguments, sha256_bytes(data)).read_bytes() == data
    sources.clear()
    assert clips.build_clip("one", "scaled", arguments, sha256_bytes(data)) == path


def test_a_clip_that_comes_out_otherwise_is_refused_with_both_hashes(cache, sources):
    arguments = {"source": "sample", "exponent": 0}
    got, pinned = sha256_bytes(clips.clip_bytes("scaled", arguments)), "0" * 64
    with pytest.raises(InputError) as caught:
        clips.build_clip("one", "scaled", arguments, pinned)
    assert str(caught.value).startswith(f"one: the clip made here has sha256 {got}, the catalogue pins {pinned}")
    assert not cache.exists()
