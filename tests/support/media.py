"""Sound files that libsndfile does not write, and headers that are wrong in known places."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import numpy as np

FORMAT_16K = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def encode(path: Path, codec: str, rate: int, samples: np.ndarray) -> Path:
    """Samples (channels, n) float32 through one of FFmpeg's encoders; the ending says the container."""
    import av

    layout = "stereo" if len(samples) == 2 else "mono"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples, np.float32), format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return path


def chunk(name: bytes, data: bytes, size: int | None = None) -> bytes:
    """A chunk of a WAV that declares its size, or another."""
    return name + struct.pack("<I", len(data) if size is None else size) + data


def wav(*chunks: bytes, size: int | None = None) -> bytes:
    """A WAV of these chunks."""
    body = b"".join(chunks)
    return b"RIFF" + struct.pack("<I", 4 + len(body) if size is None else size) + b"WAVE" + body


def rf64(data: bytes, declared: int) -> bytes:
    """An RF64 of 16 kHz mono PCM16 that declares so many bytes of samples."""
    sizes = struct.pack("<QQQI", 36 + 28 + declared, declared, declared // 2, 0)
    parts = (chunk(b"ds64", sizes), chunk(b"fmt ", FORMAT_16K), chunk(b"data", data, 0xFFFF_FFFF))
    return b"RF64\xff\xff\xff\xffWAVE" + b"".join(parts)


def with_frames(mp3: bytes, times: float) -> bytes:
    """An MP3 whose header declares so many times the frames it has."""
    place = max(mp3.find(b"Xing"), mp3.find(b"Info")) + 8
    frames = int.from_bytes(mp3[place : place + 4], "big")
    return mp3[:place] + int(frames * times).to_bytes(4, "big") + mp3[place + 4 :]
