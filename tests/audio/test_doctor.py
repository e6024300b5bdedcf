"""The file doctor: what was planted in a recording is found."""

from __future__ import annotations

import json

import jsonschema
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly
from support import ROOT
from support.media import FORMAT_16K, chunk, encode, wav, with_frames
from typer.testing import CliRunner

from parity.__main__ import app
from parity.audio.doctor import examine
from parity.audio.examination import Examination
from parity.audio.remarks import KINDS
from parity.errors import InputError
from parity.report.checkup import checkup_data, first_line, lines, overall

SCHEMA = json.loads((ROOT / "parity" / "report" / "checkup_schema.json").read_text(encoding="utf-8"))
RATE = 16_000


def noise(seconds: float = 4.0, rate: int = RATE, channels: int = 1, loud: float = 0.1) -> np.ndarray:
    """(channels, n) float32 of about -20 dBFS."""
    rng = np.random.default_rng(channels)
    return (loud * rng.standard_normal((channels, round(seconds * rate)))).clip(-0.9, 0.9).astype(np.float32)


def facts_of(samples: np.ndarray, rate: int = RATE, cuts: tuple[int, ...] = ()):
    examination = Examination(rate)
    for block in np.split(samples, list(cuts), axis=1):
        examination.see(block)
    return examination.facts()


def checkup_of(tmp_path, samples: np.ndarray, rate: int = RATE, subtype: str = "FLOAT"):
    soundfile.write(tmp_path / "a.wav", samples.T, rate, subtype=subtype)
    return examine(tmp_path / "a.wav")


def kinds(checkup, severity: str = "warning") -> list[str]:
    return [remark.kind for remark in checkup.remarks if remark.severity == severity]


# each thing is found, and nothing where nothing is wrong


def test_a_recording_in_order_has_no_remark(tmp_path):
    checkup = checkup_of(tmp_path, noise(channels=2), subtype="PCM_16")
    assert checkup.verdict == "fine" and checkup.remarks == () and checkup.refused is None
    assert (checkup.container, checkup.coding, checkup.declared_seconds) == ("WAV", "PCM_16", 4.0)
    assert checkup.facts.mean_db == pytest.approx(-23, abs=0.2) and checkup.facts.cancelled_db == pytest.approx(
        3, abs=0.1
    )
    assert checkup.pyannote.same_as(checkup.facts)


def test_an_inverted_pair_is_what_the_pipeline_hears_as_nothing(tmp_path):
    one = noise()
    checkup = checkup_of(tmp_path, np.concatenate([one, -one]))
    assert kinds(checkup) == ["cancelled"] and checkup.facts.inverted == ((0, 1),)
    assert "infinitely far below them; --channel 0 takes the first" in first_line([checkup])
    nearly = checkup_of(tmp_path, np.concatenate([one, -one * np.float32(0.999)]))
    assert kinds(nearly) == ["cancelled", "quiet"][:1] and nearly.facts.cancelled_db == pytest.approx(66, abs=0.5)


def test_equal_channels_and_a_dead_one_are_worth_a_note(tmp_path):
    one = noise()
    checkup = checkup_of(tmp_path, np.concatenate([one, one, np.zeros_like(one)]))
    assert (
        checkup.facts.same == ((0, 1),) and kinds(checkup) == [] and kinds(checkup, "note") == ["same", "dead_channel"]
    )
    assert "channel 2 is silent" in " ".join(lines(checkup))


def test_channels_that_are_alike_but_not_equal_are_neither():
    one, two = noise(channels=2)
    facts = facts_of(np.stack([one, one + 0.05 * two]))
    assert facts.same == facts.inverted == ()


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT", "PCM_U8"])
def test_clipping_is_counted_where_it_is(tmp_path, subtype):
    loud = np.clip(noise() * 20, -1, 1)
    checkup = checkup_of(tmp_path, np.concatenate([loud, noise()]), subtype=subtype)
    assert "clipped" in kinds(checkup) and checkup.facts.channels[1].clipped == 0
    cut = (np.abs(loud[0]) >= 0.98).mean()
    assert 0.2 * cut < checkup.facts.clipped < cut


def test_one_loud_peak_is_no_clipping(tmp_path):
    samples = noise()
    samples[0, 1_000] = 1.0
    assert checkup_of(tmp_path, samples).facts.clipped == 0


def test_an_offset_silence_and_quiet_are_said(tmp_path):
    assert kinds(checkup_of(tmp_path, noise() + np.float32(0.05)), "note") == ["offset"]
    assert kinds(checkup_of(tmp_path, noise(loud=1e-4))) == ["quiet"]
    silent = checkup_of(tmp_path, np.zeros((2, RATE), np.float32))
    assert kinds(silent) == ["silent"] and silent.facts.mean_db == -200 and silent.refused is None


def test_samples_over_full_scale_are_noted_and_integers_unscaled_refused(tmp_path):
    assert kinds(checkup_of(tmp_path, noise() * 12), "note")[0] == "too_loud"
    assert "integers that were not scaled" in checkup_of(tmp_path, noise() * 32_768).refused


def test_what_is_not_finite_is_counted_and_refused(tmp_path):
    samples = noise(channels=2)
    samples[1, 5:8] = [np.nan, np.inf, -np.inf]
    checkup = checkup_of(tmp_path, samples)
    assert [channel.not_finite for channel in checkup.facts.channels] == [0, 3]
    assert checkup.verdict == "refused" and kinds(checkup) == ["not_finite"]
    assert np.isfinite([checkup.facts.mean_db, checkup.facts.cancelled_db]).all()


@pytest.mark.parametrize("gap", [0.1, 1.0, 2.9])
def test_gaps_of_zeros_are_found_with_their_length(tmp_path, gap):
    samples = noise(8.0, channels=2)
    for start in (1.0, 4.0):
        samples[:, round(start * RATE) : round((start + gap) * RATE)] = 0
    facts = checkup_of(tmp_path, samples).facts
    assert (facts.gaps, facts.longest_gap, facts.gap_seconds) == (
        2,
        pytest.approx(gap, abs=2e-4),
        pytest.approx(2 * gap, abs=4e-4),
    )
    assert facts.silent_seconds in ({0.1: (0,), 1.0: (2,), 2.9: (4,)}[gap])


def test_zeros_of_one_channel_only_are_no_gap_and_neither_is_a_quiet_crossing():
    samples = noise(channels=2)
    samples[0, 100:9_000] = 0
    samples[:, 20_000:20_100] = 0
    assert facts_of(samples).gaps == 0


@pytest.mark.parametrize(("rate", "source"), [(16_000, 8_000), (44_100, 8_000), (48_000, 16_000), (44_100, 24_000)])
def test_an_upsampled_recording_has_a_cliff_where_its_source_ended(tmp_path, rate, source):
    samples = resample_poly(noise(6.0, source)[0].astype(np.float64), rate, source)[None]
    checkup = checkup_of(tmp_path, samples, rate, "PCM_16")
    assert checkup.facts.bandwidth == pytest.approx(source / 2, rel=0.1)
    assert kinds(checkup) == (["narrow"] if source == 8_000 else [])
    assert facts_of(noise(6.0, rate), rate).bandwidth is None


def test_speech_that_falls_off_slowly_has_no_cliff():
    white = np.fft.rfft(noise(8.0)[0])
    hertz = np.fft.rfftfreq(8 * RATE, 1 / RATE)
    falling = white / np.maximum(hertz, 300) ** 3  # 18 dB per octave
    samples = np.fft.irfft(falling)
    assert facts_of((0.3 * samples / np.abs(samples).max())[None].astype(np.float32)).bandwidth is None


def test_tones_and_silence_have_no_bandwidth_to_tell():
    assert facts_of(np.zeros((1, 3 * RATE), np.float32)).bandwidth is None
    assert facts_of(noise(0.1)).seconds == 0.1


@settings(max_examples=40, derandomize=True)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.lists(st.integers(0, 40_000), max_size=4))
def test_blocks_of_any_length_give_the_same_facts(seed, channels, cuts):
    rng = np.random.default_rng(seed)
    samples = (0.2 * rng.standard_normal((channels, 40_000))).astype(np.float32)
    start = rng.integers(0, 30_000)
    samples[:, start : start + 5_000] = 0
    whole, parts = facts_of(samples), facts_of(samples, cuts=tuple(sorted(cuts)))
    assert (parts.samples, parts.gaps, parts.gap_seconds) == (whole.samples, whole.gaps, whole.gap_seconds)
    assert parts.mean_db == pytest.approx(whole.mean_db, abs=1e-4) and parts.same == whole.same
    assert [c.peak for c in parts.channels] == [c.peak for c in whole.channels]


# W2 to W5: headers, lengths, silences, other codecs


def test_a_header_that_promises_more_is_refused_with_both_lengths(tmp_path):
    data = (noise(1.0)[0] * 32_768).astype("<i2").tobytes()
    (tmp_path / "a.wav").write_bytes(wav(chunk(b"fmt ", FORMAT_16K), chunk(b"data", data, 64_000)))
    checkup = examine(tmp_path / "a.wav")
    assert checkup.verdict == "refused" and "truncated: its header declares 64,000 bytes" in checkup.refused
    assert (checkup.declared_seconds, checkup.facts.seconds) == (2.0, 1.0)


def test_a_header_that_promises_nothing_is_noted(tmp_path):
    data = (noise(1.0)[0] * 32_768).astype("<i2").tobytes()
    for size in (0, 0xFFFF_FFFF):
        (tmp_path / "a.wav").write_bytes(wav(chunk(b"fmt ", FORMAT_16K), chunk(b"data", data, size), size=size))
        checkup = examine(tmp_path / "a.wav")
        assert (checkup.declared_seconds, checkup.facts.samples, checkup.verdict) == (None, 16_000, "fine")
        assert kinds(checkup, "note") == ["header"] and checkup.pyannote.same_as(checkup.facts)


@pytest.mark.parametrize("seconds", [9.99, 10.0, 10.0625, 10.63, 20.0001])
@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_lengths_are_counted_in_samples(tmp_path, seconds, rate):
    checkup = checkup_of(tmp_path, noise(seconds, rate), rate, "PCM_16")
    assert checkup.facts.samples == round(seconds * rate) and checkup.verdict == "fine"


def test_a_burst_in_silence_is_one_gap_before_and_one_after(tmp_path):
    samples = np.zeros((1, 5 * RATE), np.float32)
    samples[0, 32_000:32_160] = 0.5
    checkup = checkup_of(tmp_path, samples)
    assert kinds(checkup)[0] in ("gaps", "quiet") and (checkup.facts.gaps, checkup.facts.silent_seconds) == (2, 4)


@pytest.mark.parametrize("times", [0.5, 10])
def test_an_mp3_with_a_wrong_length_is_read_whole_and_said(tmp_path, times):
    soundfile.write(tmp_path / "a.mp3", noise(5.0)[0], RATE)
    (tmp_path / "a.mp3").write_bytes(with_frames((tmp_path / "a.mp3").read_bytes(), times))
    checkup = examine(tmp_path / "a.mp3")
    assert checkup.facts.seconds == 5.0 and checkup.declared_seconds == pytest.approx(5 * times, rel=0.02)
    assert "header" in kinds(checkup, "warning" if times > 1 else "note")


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.webm", "libopus")])
def test_other_codecs_are_examined_too(tmp_path, name, codec):
    checkup = examine(encode(tmp_path / name, codec, 48_000, noise(3.0, 48_000, 2)))
    assert checkup.coding in ("aac", "opus") and checkup.refused is None and checkup.pyannote.same_as(checkup.facts)


def test_a_decoder_that_rounds_otherwise_is_a_warning(tmp_path):
    checkup = checkup_of(tmp_path, noise(channels=2), subtype="MS_ADPCM")
    assert kinds(checkup) == ["pyannote"] and 1e-3 < checkup.pyannote.worst < 0.1
    assert "pyannote.audio would read it otherwise: samples differ by up to" in first_line([checkup])


def test_without_ffmpeg_nothing_is_compared(tmp_path, monkeypatch):
    monkeypatch.setattr("parity.audio.doctor.has_decoder", lambda: False)
    checkup = checkup_of(tmp_path, noise())
    assert checkup.pyannote is None and any("not compared" in line for line in lines(checkup))


@pytest.mark.parametrize(("samples", "words"), [(0, "no samples at all"), (399, "too short")])
def test_too_little_is_refused(tmp_path, samples, words):
    checkup = checkup_of(tmp_path, noise()[:, :samples], subtype="PCM_16")
    assert checkup.verdict == "refused" and words in checkup.refused and list(lines(checkup))


# what is written


def run(*arguments: object):
    return CliRunner().invoke(app, ["audio", *map(str, arguments)], env={"COLUMNS": "80"})


@pytest.fixture
def three(in_an_empty_folder):
    """A fine file, one with a warning, one that is refused, and text."""
    one = noise()
    for name, samples in {"fine": one, "warned": np.concatenate([one, -one]), "refused": one[:, :100]}.items():
        soundfile.write(f"{name}.wav", samples.T, RATE)
    (in_an_empty_folder / "text.wav").write_text("no audio")
    return in_an_empty_folder


@pytest.mark.parametrize(
    ("names", "status", "first"),
    [
        (["fine"], 0, "FINE: fine.wav"),
        (["warned"], 1, "WARNING: warned.wav: its channels cancel each other"),
        (["refused"], 2, "REFUSED: refused.wav: 0.00625 s are too short"),
        (["fine", "warned"], 1, "WARNING: 2 files: 0 refused, 1 with warnings, 1 fine"),
        (["fine", "text", "warned", "refused"], 2, "REFUSED: 4 files: 2 refused, 1 with warnings, 1 fine"),
    ],
)
def test_the_verdict_stands_first_and_is_the_exit_status(three, names, status, first):
    done = run(*(f"{name}.wav" for name in names), "--json", "report.json")
    assert done.exit_code == status and done.stdout.startswith(first), done.output
    found = json.loads((three / "report.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert found["verdict"] == {0: "fine", 1: "warnings", 2: "refused"}[status]
    assert len(found["files"]) + len(found["unreadable"]) == len(names)


def test_a_lonely_unreadable_file_is_one_line(three):
    for name, words in (("text.wav", "not audio"), ("gone.wav", "there is no such")):
        done = run(name)
        assert isinstance(done.exception, InputError) and words in str(done.exception)


def test_the_schema_is_strict_and_knows_every_kind(three):
    assert tuple(SCHEMA["$defs"]["file"]["properties"]["remarks"]["items"]["properties"]["kind"]["enum"]) == KINDS
    found = checkup_data([examine(three / "fine.wav")])
    for spoilt in ({**found, "verdict": "good"}, {**found, "more": 1}, {**found, "files": [{}]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(SCHEMA).validate(spoilt)
    assert overall([]) == "fine" and overall([], [("a", "b")]) == "refused"
