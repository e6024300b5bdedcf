"""The other half of W5: M4A, MP4 and WebM are read, or one line says what to do."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from support.media import encode
from support.refusals import refusal

from parity.audio import media
from parity.audio.reading import opened, read_audio

av = pytest.importorskip("av")
RATE = 48_000
SECONDS = np.arange(3 * RATE) / RATE
TONES = np.stack([0.3 * np.sin(2 * np.pi * 440 * SECONDS), 0.2 * np.sin(2 * np.pi * 554 * SECONDS)]).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.m4a", "aac"), ("a.mp4", "aac"), ("a.mov", "aac"), ("a.webm", "libopus"), ("a.mkv", "libopus")],
)
def test_sound_of_other_containers_is_what_was_put_in(tmp_path, name, codec):
    samples, rate = read_audio(encode(tmp_path / name, codec, RATE, TONES))
    assert rate == RATE and samples.dtype == np.float32 and samples.shape[0] == 2
    assert 0 <= samples.shape[1] - TONES.shape[1] < 2048, "at most the codec's last frame is longer"
    inner = slice(RATE // 2, -RATE // 2)
    error = samples[:, : TONES.shape[1]][:, inner] - TONES[:, inner]
    assert (error.std(axis=1) < 0.1 * TONES.std(axis=1)).all()


def test_a_lossless_codec_comes_back_to_the_bit(tmp_path):
    samples = (TONES * 32_768).round() / 32_768
    source = tmp_path / "a.wav"
    soundfile.write(source, samples.T, RATE, subtype="PCM_16")
    with av.open(str(source)) as wav, av.open(str(tmp_path / "a.m4a"), "w") as container:
        stream = container.add_stream("alac", rate=RATE, layout="stereo")
        for frame in (*wav.decode(audio=0), None):
            for packet in stream.encode(frame):
                container.mux(packet)
    got, rate = read_audio(tmp_path / "a.m4a")
    assert rate == RATE and np.array_equal(got[:, : samples.shape[1]], samples.astype(np.float32))


def test_blocks_of_any_length_are_the_whole(tmp_path):
    path = encode(tmp_path / "a.webm", "libopus", RATE, TONES)
    whole = read_audio(path)[0]
    with opened(path) as file:
        assert (file.format, file.subtype) == ("matroska,webm", "opus") and abs(file.frames - whole.shape[1]) < 2000
        blocks = []
        while len(block := file.read(7_001)):
            blocks.append(block)
            assert file.tell() == sum(map(len, blocks))
    assert {len(block) for block in blocks[:-1]} == {7_001}
    assert np.array_equal(np.concatenate(blocks).T, whole)


@pytest.mark.parametrize("form", ["u8", "s16", "s16p", "s32", "flt", "dblp"])
def test_numbers_of_every_kind_are_scaled_as_ffmpeg_scales_them(form):
    values = np.array([[-1.0, -0.5, 0.0, 0.25], [0.5, 0.75, -0.25, 0.0]])
    scale = {"u": 128, "s": 2.0 ** (int(form.strip("usp") or 0) - 1) if form[0] == "s" else 1}.get(form[0], 1)
    dtype = {"u8": "u1", "s16": "i2", "s32": "i4", "flt": "f4", "dbl": "f8"}[form.removesuffix("p")]
    numbers = (values * scale + (128 if form == "u8" else 0)).astype(dtype)
    numbers = numbers if form.endswith("p") else numbers.T.reshape(1, -1)
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(numbers), format=form, layout="stereo")
    assert np.array_equal(media.samples_of(frame), values.T.astype(np.float32))


@pytest.mark.parametrize(
    ("name", "kind"), [("call 1.m4a", "MP4 or M4A"), ("-a.webm", "WebM or Matroska"), ("a.wma", "WMA")]
)
def test_without_the_decoder_one_line_says_what_to_do(tmp_path, monkeypatch, name, kind):
    path = tmp_path / name
    if path.suffix == ".wma":
        path.write_bytes(bytes(2_000))
    else:
        encode(path, "aac" if path.suffix == ".m4a" else "libopus", RATE, TONES)
    monkeypatch.setattr("parity.audio.reading.has_decoder", lambda: False)
    said = refusal(read_audio, path)
    assert said.startswith(
        f"{path}: not audio that libsndfile reads ({kind}); pip install 'diarization-parity-lab[media]'"
    )
    want = {"call 1.m4a": "'call 1.m4a' -c:a pcm_f32le 'call 1.wav'", "-a.webm": "./-a.webm -c:a pcm_f32le ./-a.wav"}
    assert said.endswith(f"or convert it: ffmpeg -i {want.get(name, 'a.wma -c:a pcm_f32le a.wav')}")


def test_what_is_damaged_or_holds_no_sound_is_one_line(tmp_path):
    path = encode(tmp_path / "a.m4a", "aac", RATE, TONES)
    whole = path.read_bytes()
    (tmp_path / "half.m4a").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nothing.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    for name in ("half.m4a", "nothing.webm"):
        assert refusal(read_audio, tmp_path / name).startswith(f"{tmp_path / name}: not audio that can be read (")
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            frame.pts = number
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    assert "film.mp4: holds no sound" in refusal(read_audio, tmp_path / "film.mp4")


def test_text_is_not_asked_of_the_decoder(tmp_path, monkeypatch):
    monkeypatch.setattr("parity.audio.reading.MediaFile", None)
    (tmp_path / "a.wav").write_text("not audio at all")
    assert "not audio that can be read" in refusal(read_audio, tmp_path / "a.wav")
