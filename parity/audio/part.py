"""A part of a recording: from here to there, and one of its channels.

Conventions: seconds from the beginning of the file, rounded to its own samples; channels count from 0, as in
pyannote.audio. What is cut off is as if it had never been recorded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from parity.errors import InputError

SKIPPED = 1 << 20
"""Samples that are read and dropped at a time, where a file cannot be entered exactly."""

EXACT = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW")
"""Codings in which a sample can be found by its number; others are read from the beginning."""


class Sound(Protocol):
    """What reading needs of an open file: `soundfile.SoundFile`, `MediaFile` and `PartOf` have it."""

    samplerate: int
    channels: int
    frames: int
    format: str
    subtype: str

    def read(self, frames: int = -1, dtype: str = "float32", always_2d: bool = True) -> np.ndarray:
        """The next samples, (n, channels)."""

    def tell(self) -> int:
        """How many were read."""


@dataclass(frozen=True)
class Part:
    """Which part.

    Attributes
    ----------
    start, end : seconds; None: the beginning, the end
    channel : counted from 0; None: all of them, of which the mean is heard

    Raises
    ------
    InputError : a time below zero or not finite, an end that is not after the start, a channel below zero
    """

    start: float | None = None
    end: float | None = None
    channel: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("start", self.start), ("end", self.end)):
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"--{name} {value}: expected seconds from the beginning of the file, 0 or more")
        if self.end is not None and self.end <= (self.start or 0.0):
            raise InputError(f"--end {self.end:g} is not after --start {self.start or 0:g}; both are in seconds")
        if self.channel is not None and self.channel < 0:
            raise InputError(f"--channel {self.channel}: channels count from 0")

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self == WHOLE

    def span(self, sample_rate: int) -> tuple[int, int | None]:
        """Its first sample and the one behind its last, at a rate in Hz; None: the end."""
        start = round((self.start or 0.0) * sample_rate)
        return start, None if self.end is None else round(self.end * sample_rate)

    def of(self, file: Sound, name: str) -> Sound:
        """The part of an open file, at its beginning; the file itself where nothing is left out.

        Raises
        ------
        InputError : there is no such channel, or the file ends before the part begins
        """
        if self.is_whole:
            return file
        if self.channel is not None and self.channel >= file.channels:
            raise InputError(f"{name}: has no channel {self.channel}; it has {file.channels}, counted from 0")
        return PartOf(file, self, name)


WHOLE = Part()


class PartOf:
    """A part of an open file, with the words of `Sound`.

    Parameters
    ----------
    file : at its beginning
    part : of it
    name : what errors call the file
    """

    def __init__(self, file: Sound, part: Part, name: str) -> None:
        self._file, self._channel = file, part.channel
        self.samplerate, self.format, self.subtype = file.samplerate, file.format, file.subtype
        self.channels = file.channels if part.channel is None else 1
        start, end = part.span(file.samplerate)
        if self._skip(start) < start:
            seconds = file.tell() / file.samplerate
            raise InputError(f"{name}: --start {part.start:g} s is behind its end; it is {seconds:.3f} s long")
        self._left = None if end is None else end - start
        rest = max(0, file.frames - start)
        self.frames = rest if self._left is None else min(rest, self._left)
        self._read = 0

    def _skip(self, count: int) -> int:
        """Go to a sample; how far it went."""
        if count and self.subtype.startswith(EXACT) and hasattr(self._file, "seek"):
            return int(self._file.seek(min(count, self._file.frames)))
        while self._file.tell() < count and len(self._file.read(min(SKIPPED, count - self._file.tell()))):
            pass
        return self._file.tell()

    def tell(self) -> int:
        """Samples per channel that were read of the part."""
        return self._read

    def read(self, frames: int = -1, dtype: str = "float32", always_2d: bool = True) -> np.ndarray:
        """The next samples of the part, (n, channels); fewer at its end, then none.

        Parameters
        ----------
        frames : samples per channel; all that are left by default
        dtype, always_2d : as soundfile has them
        """
        if self._left is not None:
            left = self._left - self._read
            frames = left if frames < 0 else min(frames, left)
        block = self._file.read(frames, dtype=dtype, always_2d=always_2d)
        self._read += len(block)
        return block if self._channel is None else block[:, self._channel : self._channel + 1]
