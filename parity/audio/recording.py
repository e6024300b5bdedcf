"""A recording as the pipeline takes it: samples, their rate, and what is found in them while they are read.

Task: a file, a stream, or an array; a part of it -> `Recording`. A file's samples are read when they are asked for, in
blocks; on the way they are examined, so that `diarize` can say at the end what `parity audio` would have said.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from parity.audio.examination import Examination
from parity.audio.header import Length, find_length
from parity.audio.long import FileSamples, open_samples
from parity.audio.part import WHOLE, Part
from parity.audio.reading import SAMPLE_RATE, check_waveform
from parity.audio.remarks import Remark, remarks_of
from parity.audio.standard_input import spooled
from parity.errors import InputError

Audio = str | Path | np.ndarray | BinaryIO


@dataclass(frozen=True)
class Recording:
    """What is to be diarized.

    Attributes
    ----------
    samples : (channels, n) float32, or those of a file, which are read when they are asked for
    sample_rate : Hz
    part : of the file, or of the array that was given
    """

    samples: np.ndarray | FileSamples
    sample_rate: int
    part: Part = WHOLE
    _examination: Examination | None = None
    _length: Length | None = None

    @property
    def start_seconds(self) -> float:
        """Where the part begins, by a whole sample."""
        return self.part.span(self.sample_rate)[0] / self.sample_rate

    def remarks(self) -> tuple[Remark, ...]:
        """What is to be said of the file, once it was read; nothing of an array."""
        return remarks_of(self._examination.facts(), self._length) if self._examination else ()


@contextlib.contextmanager
def recording_of(audio: Audio, sample_rate: int = SAMPLE_RATE, part: Part = WHOLE) -> Iterator[Recording]:
    """Yield a recording that can be read as long as the body runs.

    Parameters
    ----------
    audio : a file's path, a stream of bytes (kept in a temporary file), or samples, (n,) or (channels, n), float32 or
        float64 (rounded to float32), full scale at 1.0
    sample_rate : of samples, in Hz; a file says its own
    part : of it

    Raises
    ------
    InputError : not there, not audio, samples of another kind, or no such part
    """
    if isinstance(audio, np.ndarray):
        yield Recording(_part_of(_checked(audio, sample_rate), sample_rate, part), sample_rate, part)
    elif isinstance(audio, str | Path):
        yield _of_file(Path(audio), part)
    else:
        with spooled(audio) as path:
            yield _of_file(path, part)


def _of_file(path: Path, part: Part) -> Recording:
    rate = open_samples(path, part).sample_rate
    examination = Examination(rate)
    with path.open("rb") as file:
        length = find_length(file)
    return Recording(FileSamples(path, rate, part, examination.see), rate, part, examination, length)


def _checked(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Samples as (channels, n) float32; a view of them where they have that form already."""
    if samples.ndim not in (1, 2) or samples.dtype not in (np.float32, np.float64):
        raise InputError(
            f"waveform is {samples.dtype} {samples.shape}, expected float32 or float64 samples, (n,) or (channels, n)"
        )
    samples = np.atleast_2d(samples)
    check_waveform(samples, sample_rate, name="waveform")
    if len(samples) > samples.shape[1]:
        raise InputError(f"waveform is {samples.shape}: more channels than samples; is it (n, channels)?")
    return samples.astype(np.float32, copy=False)


def _part_of(samples: np.ndarray, sample_rate: int, part: Part) -> np.ndarray:
    """A part of an array, a view of it."""
    if part.is_whole:
        return samples
    if part.channel is not None:
        if part.channel >= len(samples):
            raise InputError(f"waveform: has no channel {part.channel}; it has {len(samples)}, counted from 0")
        samples = samples[part.channel : part.channel + 1]
    cut = samples[:, slice(*part.span(sample_rate))]
    check_waveform(cut, sample_rate, name="waveform: the part that was asked for")
    return cut
