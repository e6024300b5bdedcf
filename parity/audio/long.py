"""Audio files of any length, read when their samples are wanted and never held.

Task: a file -> its samples in blocks, at its own rate and with its own channels. An hour of 48 kHz stereo is 1.4 GB as
float32; here half a minute of it is in memory at a time. What `parity.community1.audio` makes of the blocks is what it
makes of the whole file.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parity.audio.reading import LOUDEST, SAMPLE_RATE, SHORTEST, check_rate, opened, read_audio

BLOCK_SECONDS = 30


@dataclass(frozen=True)
class FileSamples:
    """The samples of a file.

    Attributes
    ----------
    path : of the file
    sample_rate : Hz
    """

    path: Path
    sample_rate: int

    def blocks(self) -> Iterator[np.ndarray]:
        """All samples in order, (channels, n) float32 each, full scale at 1.0; read as they are asked for.

        Raises
        ------
        InputError : the file cannot be read to its end, or `parity.audio.reading.check_waveform` refuses it
        """
        count = 0
        with opened(self.path) as file:
            size = BLOCK_SECONDS * file.samplerate
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                if not np.isfinite(block).all() or max(block.max(), -block.min()) > LOUDEST:
                    break
                count += len(block)
                yield np.ascontiguousarray(block.T)
            else:
                block = None
        if block is not None or count * SAMPLE_RATE < SHORTEST * self.sample_rate:
            read_audio(self.path)  # says what is wrong, and where


def open_samples(path: Path) -> FileSamples:
    """A file whose samples can be read.

    Raises
    ------
    InputError : not there, not audio, truncated, or of a rate that no speech has
    """
    with opened(path) as file:
        check_rate(file.samplerate, name=str(path))
        return FileSamples(path, file.samplerate)
