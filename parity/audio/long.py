"""Audio files of any length, read when their samples are wanted and never held.

Task: a file -> its samples in blocks, at its own rate and with its own channels. An hour of 48 kHz stereo is 1.4 GB as
float32; here half a minute of it is in memory at a time. What `parity.community1.audio` makes of the blocks is what it
makes of the whole file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.audio.part import WHOLE, Part
from parity.audio.reading import LOUDEST, SAMPLE_RATE, SHORTEST, check_rate, opened, read_audio

BLOCK_SECONDS = 30


@dataclass(frozen=True)
class FileSamples:
    """The samples of a file.

    Attributes
    ----------
    path : of the file
    sample_rate : Hz
    part : of the file
    watch : called with every block, before it is handed on
    """

    path: Path
    sample_rate: int
    part: Part = WHOLE
    watch: Callable[[np.ndarray], None] | None = None

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples in order, (channels, n) float32 each, full scale at 1.0; read as they are asked for.

        Raises
        ------
        InputError : the file cannot be read to its end, or `parity.audio.reading.check_waveform` refuses it
        """
        count = 0
        with opened(self.path, self.part) as file:
            size = BLOCK_SECONDS * file.samplerate
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                if not np.isfinite(block).all() or max(block.max(), -block.min()) > LOUDEST:
                    break
                count += len(block)
                channels = np.ascontiguousarray(block.T)
                if self.watch:
                    self.watch(channels)
                yield channels
            else:
                block = None
        if block is not None or count * SAMPLE_RATE < SHORTEST * self.sample_rate:
            read_audio(self.path, self.part)  # says what is wrong, and where


def open_samples(path: Path, part: Part = WHOLE) -> FileSamples:
    """A file whose samples can be read.

    Parameters
    ----------
    part : of it

    Raises
    ------
    InputError : not there, not audio, truncated, of a rate that no speech has, or without such a part
    """
    with opened(path, part) as file:
        check_rate(file.samplerate, name=str(path))
        return FileSamples(path, file.samplerate, part)
