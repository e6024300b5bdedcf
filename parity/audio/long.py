"""Audio files of any length as the pipeline takes them, without holding them at their own rate.

Task: a file -> (1, samples) float32 at 16 kHz, the same bits as by way of `read_audio`, `to_mono_16k` and `quantise`.
An hour of 44.1 kHz stereo is 1.3 GB as float32 and several times that on its way; here it is read, mixed down,
resampled and rounded block by block. A block is resampled with what lies around it as far as the filter reaches, so
that every output sample is the sum of the very same products.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import gcd
from pathlib import Path

import numpy as np
import scipy
import soundfile

from parity.audio.reading import (
    FULL_SCALE,
    HIGHEST_RATE,
    LOUDEST,
    LOWEST_RATE,
    SAMPLE_RATE,
    SHORTEST,
    opened,
    quantise,
    read_audio,
    to_mono_16k,
)

BLOCK_SECONDS = 30
REACH = 10  # samples of the lower rate that `resample_poly`'s filter spans to either side


def load_16k(path: Path) -> np.ndarray:
    """Any audio file as the pipeline takes it: (1, num_samples) float32, 16 kHz.

    A file of another rate or with several channels is mixed down and resampled, then rounded to 16 bits, as
    `parity fixtures add` does, so that both give the same answer.

    Raises
    ------
    InputError : see `parity.audio.reading.read_audio`
    """
    with opened(path) as file:
        ready = (file.samplerate, file.channels) == (SAMPLE_RATE, 1)
        samples = None if ready else _converted(file)
    if samples is None:  # nothing to convert, or something is wrong with it, which is said here
        waveform, rate = read_audio(path)
        if ready:
            return waveform
        samples = quantise(to_mono_16k(waveform, rate))
    waveform = samples.astype(np.float32)[None]
    waveform /= np.float32(FULL_SCALE)
    return waveform


def _converted(file: soundfile.SoundFile) -> np.ndarray | None:
    """The samples, (n,) int16; None where `read_audio` will refuse the file."""
    if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
        return None
    try:
        parts = [quantise(part) for part in resampled(_mixed_down(file), file.samplerate)]
    except _Refused:
        return None
    too_short = file.tell() * SAMPLE_RATE < SHORTEST * file.samplerate
    return None if too_short else np.concatenate(parts)


class _Refused(Exception):
    """A block has values that audio has not."""


def _mixed_down(file: soundfile.SoundFile) -> Iterator[np.ndarray]:
    """The mean of all channels, block by block: (n,) float64."""
    while len(block := file.read(BLOCK_SECONDS * file.samplerate, dtype="float32", always_2d=True)):
        if not np.isfinite(block).all() or max(block.max(), -block.min()) > LOUDEST:
            raise _Refused
        yield np.ascontiguousarray(block.T).astype(np.float64).mean(axis=0)


def resampled(blocks: Iterable[np.ndarray], sample_rate: int) -> Iterator[np.ndarray]:
    """What `resample_poly` makes of all blocks joined, in pieces.

    Parameters
    ----------
    blocks : (n,) float64 each, of any length
    sample_rate : Hz
    """
    shared = gcd(SAMPLE_RATE, sample_rate)
    up, down = SAMPLE_RATE // shared, sample_rate // shared
    if up == down:
        yield from blocks
        return
    # Where a piece begins and ends, in multiples of `down`, input and output samples coincide.
    reach = down * (REACH * max(up, down) // (up * down) + 2)
    # The filter that `resample_poly` designs by default, once: for odd rates it has a million taps.
    taps = scipy.signal.firwin(2 * REACH * max(up, down) + 1, 1 / max(up, down), window=("kaiser", 5.0))
    around, origin, done = np.empty(0), 0, 0  # samples still needed, where they begin, how far the output is
    for block in blocks:
        around = np.concatenate([around, block])
        end = (origin + len(around) - reach) // down * down
        if end > done:
            piece = scipy.signal.resample_poly(around[: end + reach - origin], up, down, window=taps)
            yield piece[(done - origin) // down * up : (end - origin) // down * up]
            done = end
            around, origin = around[max(0, end - reach - origin) :], max(origin, end - reach)
    if len(around):
        yield scipy.signal.resample_poly(around, up, down, window=taps)[(done - origin) // down * up :]
