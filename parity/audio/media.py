"""Audio that libsndfile does not read (M4A, MP4, WebM, WMA, AMR, …), decoded by FFmpeg's libraries through PyAV.

Task: a file -> its samples in blocks, with the few words of `soundfile.SoundFile` that reading needs. PyAV is the extra
`media`; where it is missing, the error says how to get it and how to convert the file without it. Conventions: of a
film, the first sound track; full scale at 1.0, integers by powers of two, as FFmpeg itself converts them; frames follow
each other whatever times they bear, as in pyannote.audio, which reads through FFmpeg too.
"""

from __future__ import annotations

import importlib
import importlib.util
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from parity.errors import InputError, one_line

EXTRA = "pip install 'diarization-parity-lab[media]'"
KINDS = (
    (4, b"ftyp", "MP4 or M4A"),
    (0, b"\x1a\x45\xdf\xa3", "WebM or Matroska"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA or ASF"),
    (0, b"#!AMR", "AMR"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (0, b"OggS", "an Ogg of another codec"),
    (8, b"AVI ", "AVI"),
    (0, b"\x47\x40", "MPEG-TS"),
    (0, b"\x00\x00\x01\xba", "MPEG-PS"),
    (0, b"FLV", "FLV"),
    (0, b"\x0b\x77", "AC-3"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"wvpk", "WavPack"),
)
"""Where in a file stand which bytes, and what they say it is."""

ENDINGS = {
    *(".3gp", ".aac", ".ac3", ".amr", ".ape", ".asf", ".dsf", ".dts", ".eac3", ".m2ts", ".m4a", ".mka", ".mkv", ".mov"),
    *(".mp4", ".mpc", ".ogv", ".ra", ".shn", ".spx", ".tak", ".ts", ".tta", ".vob", ".webm", ".wma", ".wv"),
}
"""Of files that FFmpeg is asked about whatever their first bytes are."""


def kind_of(start: bytes, ending: str = "") -> str | None:
    """What a file's first bytes, or its ending, say it is; None where FFmpeg need not be asked.

    Parameters
    ----------
    start : 32 bytes
    ending : as `.m4a`
    """
    found = next((name for place, mark, name in KINDS if start[place : place + len(mark)] == mark), None)
    return ending[1:].upper() if found is None and ending.lower() in ENDINGS else found


def has_decoder() -> bool:
    """Whether PyAV is here."""
    return importlib.util.find_spec("av") is not None


def how_to_read(path: Path, kind: str) -> str:
    """What a person without PyAV does about a file."""
    wav = path.with_suffix(".wav").name
    convert = f"ffmpeg -i {_quoted(path.name)} -c:a pcm_f32le {_quoted(wav)}"
    return f"{path}: not audio that libsndfile reads ({kind}); {EXTRA}, or convert it: {convert}"


def _quoted(name: str) -> str:
    return shlex.quote(f"./{name}" if name.startswith("-") else name)


class MediaFile:
    """The first sound track of a file that FFmpeg reads.

    Parameters
    ----------
    path : for messages
    file : seekable, at its beginning

    Attributes
    ----------
    samplerate, channels : Hz, and how many
    frames : samples per channel that its container declares; 0 where it does not say
    format, subtype : of container and codec, as FFmpeg names them

    Raises
    ------
    InputError : no sound track, nothing that FFmpeg can read, or, while reading, a damaged place
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        av: Any = importlib.import_module("av")
        self._path, self._errors = path, (av.FFmpegError, ValueError, EOFError)
        self._decoded = 0
        self._left: list[np.ndarray] = []
        try:
            self._container: Any = av.open(file, metadata_errors="replace")
        except self._errors as error:
            raise InputError(f"{path}: not audio that can be read ({_said(error)}); WAV and FLAC can") from error
        try:
            if not self._container.streams.audio:
                raise InputError(f"{path}: holds no sound; is it a film without a track, or a picture?")
            stream = self._container.streams.audio[0]
            self.samplerate, self.channels = stream.rate, stream.channels
            if not self.samplerate or not self.channels:
                raise InputError(f"{path}: says neither rate nor channels of its sound; is it damaged?")
            self.format, self.subtype = self._container.format.name, stream.codec_context.name
            seconds = stream.duration * stream.time_base if stream.duration else (self._container.duration or 0) / 1e6
            self.frames = round(seconds * self.samplerate)
            self._arrays = self._decode(stream)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> MediaFile:
        """The file itself."""
        return self

    def __exit__(self, *unused: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Let go of the decoder."""
        self._container.close()

    def tell(self) -> int:
        """Samples per channel that were read."""
        return self._decoded - sum(map(len, self._left))

    def read(self, frames: int = -1, dtype: str = "float32", always_2d: bool = True) -> np.ndarray:
        """The next samples, (n, channels) float32; fewer at the end, then none.

        Parameters
        ----------
        frames : samples per channel; all that are left by default
        dtype, always_2d : as soundfile has them; there is one way only

        Raises
        ------
        InputError : a damaged place, or a change of rate or channels on the way
        """
        held = sum(map(len, self._left))
        while (frames < 0 or held < frames) and (array := next(self._arrays, None)) is not None:
            self._left.append(array)
            held += len(array)
            self._decoded += len(array)
        whole = np.concatenate([*self._left, np.zeros((0, self.channels), np.float32)])
        count = held if frames < 0 else frames
        self._left = [whole[count:]] if held > count else []
        return whole[:count]

    def _decode(self, stream: Any) -> Iterator[np.ndarray]:
        try:
            for frame in self._container.decode(stream):
                if (frame.sample_rate, frame.layout.nb_channels) != (self.samplerate, self.channels):
                    raise InputError(
                        f"{self._path}: changes from {self.samplerate} Hz, {self.channels} channel(s) to "
                        f"{frame.sample_rate} Hz, {frame.layout.nb_channels} channel(s) at "
                        f"{self._decoded / self.samplerate:.1f} s; convert it to one of them"
                    )
                yield samples_of(frame)
        except self._errors as error:
            at = self._decoded / self.samplerate
            raise InputError(
                f"{self._path}: cannot be decoded at {at:.1f} s ({_said(error)}); is it damaged?"
            ) from error


def samples_of(frame: Any) -> np.ndarray:
    """A decoded frame as (n, channels) float32, full scale at 1.0."""
    array = frame.to_ndarray()
    array = array.T if frame.format.is_planar else array.reshape(-1, frame.layout.nb_channels)
    if array.dtype.kind == "u":  # unsigned bytes around 128
        return (array.astype(np.float32) - np.float32(128)) / np.float32(128)
    if array.dtype.kind == "i":
        return array.astype(np.float32) * np.float32(2.0 ** (1 - 8 * array.dtype.itemsize))
    return np.ascontiguousarray(array, dtype=np.float32)


def _said(error: Exception) -> str:
    return one_line(getattr(error, "strerror", None) or error, 120).rstrip(".")
