"""W2 and half of W5 of what goes wrong in files: headers that declare another length than follows."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from support.media import FORMAT_16K, chunk, rf64, wav, with_frames
from support.refusals import refusal

from parity.audio.header import Mended, find_length
from parity.audio.reading import opened, read_audio

SAMPLES = (np.sin(np.arange(16_000) / 7) * 8_000).astype("<i2")
DATA = SAMPLES.tobytes()
FMT = chunk(b"fmt ", FORMAT_16K)
INFO = chunk(b"LIST", b"INFOIART\x04\0\0\0abc\0")


def length_of(data: bytes):
    return find_length(io.BytesIO(data))


def read(tmp_path, data: bytes, name: str = "a.wav") -> np.ndarray:
    (tmp_path / name).write_bytes(data)
    return read_audio(tmp_path / name)[0][0]


@pytest.mark.parametrize(
    "data",
    [
        wav(FMT, chunk(b"data", DATA)),
        wav(FMT, INFO, chunk(b"data", DATA)),
        wav(FMT, chunk(b"junk", b"abc") + b"\0", chunk(b"data", DATA), INFO),
        wav(FMT, chunk(b"data", DATA, 0), size=0),
        wav(FMT, chunk(b"data", DATA, 0xFFFF_FFFF), size=0xFFFF_FFFF),
        wav(FMT, chunk(b"data", DATA, 0x7FFF_F000)),
        rf64(DATA, len(DATA)),
    ],
    ids=["plain", "LIST before", "odd chunk before, LIST behind", "declares 0", "ffffffff", "7ffff000", "RF64"],
)
def test_samples_that_are_there_are_read_whatever_is_declared(tmp_path, data):
    assert np.array_equal(read(tmp_path, data), SAMPLES / np.float32(32_768))


@pytest.mark.parametrize("data", [wav(FMT, chunk(b"data", DATA, 64_000)), rf64(DATA, 64_000)], ids=["WAV", "RF64"])
def test_samples_that_are_missing_are_said_to_be(tmp_path, data):
    (tmp_path / "a.wav").write_bytes(data)
    said = refusal(read_audio, tmp_path / "a.wav")
    assert "truncated: its header declares 64,000 bytes of samples, 32,000 follow" in said
    assert length_of(data).truncated


def test_24_bits_in_an_extensible_header_are_read(tmp_path):
    samples = np.round(np.sin(np.arange(48_000) / 9) * 2**23 * 0.9) / 2**23
    soundfile.write(tmp_path / "a.wav", samples, 48_000, format="WAVEX", subtype="PCM_24")
    assert np.array_equal(read_audio(tmp_path / "a.wav")[0][0], samples.astype(np.float32))


def test_a_recording_without_samples_is_empty_though_chunks_follow(tmp_path):
    data = wav(FMT, chunk(b"data", b""), INFO)
    assert not length_of(data).mended
    (tmp_path / "a.wav").write_bytes(data)
    assert "no samples at all" in refusal(read_audio, tmp_path / "a.wav")


@pytest.mark.parametrize("times", [0.5, 0.1, 10])
@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_an_mp3_with_a_wrong_number_of_frames_is_read_whole(tmp_path, times, rate):
    soundfile.write(tmp_path / "right.mp3", np.tile(SAMPLES, 5) / 32_768, rate)
    right = (tmp_path / "right.mp3").read_bytes()
    assert not length_of(right).mended
    wrong = with_frames(right, times)
    assert length_of(wrong).mended and length_of(wrong).there == length_of(right).declared
    got = read(tmp_path, wrong, "wrong.mp3")
    assert np.array_equal(got, read_audio(tmp_path / "right.mp3")[0][0]) and len(got) == 80_000
    assert len(soundfile.read(tmp_path / "wrong.mp3")[0]) != 80_000, "libsndfile alone is misled"


def test_an_mp3_behind_a_tag_with_a_picture_is_counted_too(tmp_path):
    soundfile.write(tmp_path / "right.mp3", np.tile(SAMPLES, 2) / 32_768, 16_000)
    size = 300_000
    tag = b"ID3\x03\0\0" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0)) + b"\xff" * size
    wrong = tag + with_frames((tmp_path / "right.mp3").read_bytes(), 0.5)
    assert len(read(tmp_path, wrong, "tagged.mp3")) == 32_000


@pytest.mark.parametrize(
    "data", [b"", b"RIFF", b"RIFF\0\0\0\0WAVE", b"ID3", b"\xff\xfb\x90\x00", b"fLaC" + bytes(40), bytes(5_000), FMT]
)
def test_what_declares_no_length_has_none(data):
    assert length_of(data) is None


def test_a_header_cut_anywhere_is_no_crash():
    mp3 = b"\xff\xfb\x90\x00" + bytes(32) + b"Xing" + bytes(3) + b"\x01" + bytes(4)
    for whole in (rf64(DATA[:64], 64), wav(FMT, INFO, chunk(b"data", DATA[:64], 0)), mp3):
        for cut in range(len(whole)):
            length_of(whole[:cut])


def test_a_mended_file_reads_the_other_bytes_in_pieces_of_any_size():
    file = Mended(io.BytesIO(bytes(range(20))), 5, b"abcd")
    want = bytes(range(5)) + b"abcd" + bytes(range(9, 20))
    for size in (1, 3, 7, 30):
        file.seek(0)
        assert b"".join(iter(lambda size=size: file.read(size), b"")) == want
    file.seek(7)
    buffer = bytearray(3)
    assert (file.readinto(buffer), bytes(buffer), file.tell()) == (3, want[7:10], 10)


def test_what_is_opened_says_the_length_that_is_true(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav(FMT, chunk(b"data", DATA, 0)))
    with opened(tmp_path / "a.wav") as file:
        assert file.frames == 16_000
