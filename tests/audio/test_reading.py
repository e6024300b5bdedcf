from __future__ import annotations

import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from support.refusals import refusal

from parity.audio import reading as audio
from parity.errors import InputError


def save(path, samples, rate=16_000, subtype="FLOAT"):
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def test_a_clip_is_exactly_int16_over_32768(tmp_path):
    every = np.arange(-32_768, 32_768, dtype=np.int16)
    audio.write_pcm16(tmp_path / "clip.wav", every)
    waveform, rate = audio.load_clip(tmp_path / "clip.wav")
    assert rate == 16_000 and waveform.dtype == np.float32 and waveform.shape == (1, 65_536)
    assert np.array_equal(waveform[0], every.astype(np.float32) / np.float32(32_768))
    assert np.array_equal(audio.quantise(waveform[0]), every)


def test_a_clip_read_as_any_audio_is_the_same_bits(tmp_path):
    audio.write_pcm16(tmp_path / "clip.wav", np.arange(-800, 800, dtype=np.int16))
    waveform, rate = audio.read_audio(tmp_path / "clip.wav")
    assert rate == 16_000
    assert np.array_equal(waveform, audio.load_clip(tmp_path / "clip.wav")[0])
    assert np.array_equal(audio.to_mono_16k(waveform, rate), waveform[0].astype(np.float64))


def test_the_header_is_the_canonical_one():
    data = audio.wav_bytes(np.array([1, -2], dtype=np.int16))
    assert data == (
        b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\x04\0\0\0\x01\0\xfe\xff"
    )


def test_a_clip_is_written_whole_and_leaves_nothing_beside_it(tmp_path):
    audio.write_pcm16(tmp_path / "new" / "clip.wav", np.ones(500, dtype=np.int16))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["clip.wav"]
    with wave.open(str(tmp_path / "new" / "clip.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 16_000, 500)


@pytest.mark.parametrize("rate", [8_000, 44_100])
def test_a_clip_keeps_its_rate_and_its_channels(tmp_path, rate):
    samples = np.arange(-1_200, 1_200, dtype=np.int16).reshape(2, 1_200)
    (tmp_path / "clip.wav").write_bytes(audio.wav_bytes(samples, rate))
    waveform, said = audio.load_clip(tmp_path / "clip.wav")
    assert said == rate and np.array_equal(waveform, samples.astype(np.float32) / np.float32(32_768))


def test_only_int16_is_a_clip():
    with pytest.raises(TypeError, match="float32"):
        audio.wav_bytes(np.zeros(500, dtype=np.float32))
    with pytest.raises(TypeError, match="int16"):
        audio.wav_bytes(np.zeros((1, 2, 500), dtype=np.int16))


def test_a_clip_cannot_be_written_below_a_file(tmp_path):
    (tmp_path / "file").touch()
    message = refusal(audio.write_pcm16, tmp_path / "file" / "clip.wav", np.ones(500, dtype=np.int16))
    assert "cannot be written" in message


@pytest.mark.parametrize(
    ("value", "step"),
    [
        (0.5, 0),
        (1.5, 2),
        (2.5, 2),
        (-0.5, 0),
        (-1.5, -2),
        (32_767.4, 32_767),
        (32_768, 32_767),
        (-40_000, -32_768),
    ],
)
def test_halves_go_to_the_even_step_and_both_ends_saturate(value, step):
    assert audio.quantise(np.array([value / 32_768]))[0] == step


@given(st.floats(-1, 1 - 2**-15))
def test_a_quantised_sample_is_at_most_half_a_step_away(value):
    assert abs(audio.quantise(np.array([value]))[0] / 32_768 - value) <= 2**-16


@settings(deadline=None)  # the first call designs filters
@given(st.integers(400, 5_000), st.sampled_from([8_000, 11_025, 22_050, 44_100, 48_000]))
def test_the_length_after_resampling_is_the_duration_rounded_up(count, rate):
    mono = audio.to_mono_16k(np.zeros((2, count), dtype=np.float32), rate)
    assert mono.shape == (-(-count * 16_000 // rate),) and mono.dtype == np.float64


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_a_tone_stays_where_it_was_and_as_loud(rate):
    def tone(hz):
        return np.sin(2 * np.pi * 440 * np.arange(hz) / hz)

    inner = slice(1_000, -1_000)
    assert np.abs(audio.to_mono_16k(tone(rate)[None], rate) - tone(16_000))[inner].max() < 2e-3


def test_channels_are_averaged():
    waveform = np.array([[1.0, 0.5], [0.0, -0.5]], dtype=np.float32)
    assert audio.to_mono_16k(waveform, 16_000).tolist() == [0.5, 0.0]


def test_flac_of_another_rate_and_two_channels_is_read(tmp_path):
    save(tmp_path / "a.flac", np.full((44_100, 2), 0.25), 44_100, "PCM_24")
    waveform, rate = audio.read_audio(tmp_path / "a.flac")
    assert (waveform.shape, rate) == ((2, 44_100), 44_100)
    assert np.all(waveform == 0.25)


def test_a_name_that_is_not_ascii_is_read(tmp_path):
    save(tmp_path / "trñ00.wav", np.zeros(500))
    assert audio.read_audio(tmp_path / "trñ00.wav")[0].shape == (1, 500)


@pytest.mark.parametrize("reader", [audio.read_audio, audio.load_clip])
@pytest.mark.parametrize("content", [b"", b"not audio at all", b"RIFF\0\0\0\0WAVE"])
def test_what_is_not_audio_is_refused(tmp_path, reader, content):
    (tmp_path / "a.wav").write_bytes(content)
    message = refusal(reader, tmp_path / "a.wav")
    assert message.startswith(f"{tmp_path / 'a.wav'}: not audio")


@pytest.mark.parametrize("reader", [audio.read_audio, audio.load_clip])
def test_a_missing_file_is_refused(tmp_path, reader):
    assert "there is no such" in refusal(reader, tmp_path / "a.wav")


def test_a_folder_is_refused(tmp_path):
    assert "is a folder" in refusal(audio.read_audio, tmp_path)


@pytest.mark.parametrize("reader", [audio.read_audio, audio.load_clip])
def test_an_empty_file_is_refused(tmp_path, reader):
    save(tmp_path / "a.wav", np.zeros(0), subtype="PCM_16")
    assert "no samples at all" in refusal(reader, tmp_path / "a.wav")


@pytest.mark.parametrize("reader", [audio.read_audio, audio.load_clip])
def test_a_hundredth_of_a_second_is_refused(tmp_path, reader):
    save(tmp_path / "a.wav", np.zeros(160), subtype="PCM_16")
    message = refusal(reader, tmp_path / "a.wav")
    assert "0.01 s long (160 samples at 16000 Hz)" in message and "at least 0.025 s" in message


@pytest.mark.parametrize(("count", "rate"), [(400, 16_000), (1_200, 48_000), (1_103, 44_100), (200, 8_000)])
def test_one_filterbank_window_is_just_long_enough(count, rate):
    audio.check_waveform(np.zeros((1, count)), rate, name="it")
    assert "at least 0.025 s" in refusal(audio.check_waveform, np.zeros((1, count - 1)), rate, name="it")
    assert len(audio.to_mono_16k(np.zeros((1, count)), rate)) >= 400


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_where_they_are(tmp_path, bad):
    samples = np.zeros((16_000, 2), dtype=np.float32)
    samples[8_000:8_003, 1] = bad
    message = refusal(audio.read_audio, save(tmp_path / "a.wav", samples))
    assert "3 of 32000 samples are NaN or infinite, the first in channel 1 at 0.500 s" in message


def test_integers_stored_as_floating_point_are_refused(tmp_path):
    message = refusal(audio.read_audio, save(tmp_path / "a.wav", np.full(500, 12_000.0)))
    assert "samples reach 12000" in message and "the limit 16.0" in message


@pytest.mark.parametrize("rate", [1, 3_999, 384_001, 2_000_000_000])
def test_an_absurd_rate_is_refused(rate):
    message = refusal(audio.check_waveform, np.zeros((1, 500)), rate, name="it")
    assert message.startswith(f"it: a sample rate of {rate} Hz is outside 4000 to 384000 Hz")


@pytest.mark.parametrize("shape", [(500,), (0, 500), (1, 1, 500)])
def test_a_shape_that_is_no_waveform_is_refused(shape):
    assert str(shape) in refusal(audio.check_waveform, np.zeros(shape), 16_000, name="it")


@pytest.mark.parametrize(
    ("shape", "rate", "subtype"),
    [(500, 8_000, "PCM_24"), ((500, 2), 16_000, "ULAW"), (500, 16_000, "FLOAT")],
)
def test_audio_that_is_no_clip_is_refused(tmp_path, shape, rate, subtype):
    save(tmp_path / "a.wav", np.zeros(shape), rate, subtype)
    message = refusal(audio.load_clip, tmp_path / "a.wav")
    assert f"{rate} Hz" in message and subtype in message and "parity fixtures add" in message


# truncated


@pytest.mark.parametrize("lost", [1, 2, 31_999])
def test_a_wav_that_ends_before_its_header_says_is_refused(tmp_path, lost):
    path = tmp_path / "cut.wav"
    path.write_bytes(audio.wav_bytes(np.zeros(16_000, np.int16))[:-lost])
    with pytest.raises(InputError, match=f"truncated: its header declares 32,000 bytes of samples, {32_000 - lost:,} "):
        audio.read_audio(path)


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff", b"\x00\xf0\xff\x7f"])
def test_a_wav_written_into_a_pipe_declares_no_length_and_is_read(tmp_path, length):
    whole = audio.wav_bytes(np.ones(16_000, np.int16))
    path = tmp_path / "piped.wav"
    path.write_bytes(whole[:40] + length + whole[44:])
    assert audio.read_audio(path)[0].shape == (1, 16_000)


def test_chunks_before_and_behind_the_samples_are_no_truncation(tmp_path):
    whole = audio.wav_bytes(np.ones(16_000, np.int16))
    path = tmp_path / "tagged.wav"
    path.write_bytes(whole[:36] + b"LIST\x03\x00\x00\x00abc\x00" + whole[36:] + b"LIST\x04\x00\x00\x00abcd")
    assert audio.read_audio(path)[0].shape == (1, 16_000)
