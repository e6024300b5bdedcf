"""From any sample rate to the pipeline's, as pyannote.audio's front end does it.

Task: the mean of a file's channels, and its samples at another rate, to the float32 rounding of what pyannote.audio
4.0.4 hears, which is `waveform.mean(dim=0)` and then `torchaudio.functional.resample` with its defaults.

Source: Julius O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/: band-limited
interpolation. Output sample m lies at m / target seconds and is the sum of all input samples i times
c sinc(b d) cos^2(pi b d / 12), where d = i / rate - m / target in seconds, b = 0.99 min(rate, target) per second and
c = b / rate; further than 6 zero crossings of the sinc away nothing counts. Before the first and after the last sample
there is silence.

Conventions: arithmetic is float32 step by step as torchaudio's is, positions included: a filter in double precision
gives samples up to 1e-5 of full scale from its at 44.1 kHz. The length is rounded to float32 before it is rounded up
(see `resampled_length`). All work is done in blocks of one second that begin at whole seconds, each by products of the
same shapes; so a file in pieces of any length gives the same bits as the file whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, gcd

import numpy as np
from numpy.lib.stride_tricks import as_strided

from parity.audio.reading import SAMPLE_RATE

ZERO_CROSSINGS = 6
"""Of the sinc, to either side; torchaudio's `lowpass_filter_width`."""

ROLL_OFF = 0.99
"""Where the filter cuts off, as a part of the lower rate's half."""

TOGETHER = 64
"""Output samples that one matrix product makes of a stretch of input; only speed depends on it."""


def mix_down(samples: np.ndarray) -> np.ndarray:
    """The mean of all channels in float32: their sum in order, divided by their number.

    Parameters
    ----------
    samples : (channels, n) float32

    Returns
    -------
    mono : (n,) float32; of one channel, that channel itself, not a copy. Up to four channels it is torch's mean to the
        bit; of more, torch adds the last few samples in another order, and they may differ by a rounding
    """
    samples = np.asarray(samples, dtype=np.float32)
    if len(samples) == 1:
        return samples[0]
    total = samples.sum(axis=0, dtype=np.float32)
    total /= np.float32(len(samples))
    return total


def resampled_length(count: int, sample_rate: int, target: int = SAMPLE_RATE) -> int:
    """How many samples torchaudio makes of `count`: their number at the new rate as a float32, rounded up.

    A float32 has 24 bits. From 131,072 samples on a fraction up to 1/128 is gone, and then nothing is rounded up
    (499,981 samples at 44.1 kHz are 181,399.002 and become 181,399); from 16,777,216 on even whole samples are rounded.
    """
    if sample_rate == target:
        return count
    shared = gcd(sample_rate, target)
    old, new = sample_rate // shared, target // shared
    return min(int(np.ceil(np.float32(new * count / old))), (count // old + 1) * new)


def resample(samples: np.ndarray, sample_rate: int, target: int = SAMPLE_RATE) -> np.ndarray:
    """Samples at another rate.

    Parameters
    ----------
    samples : (..., n) float32
    sample_rate, target : Hz

    Returns
    -------
    resampled : (..., resampled_length(n)) float32; the very samples where the rates are the same
    """
    samples = np.asarray(samples, dtype=np.float32)
    if sample_rate == target:
        return samples
    shape = (*samples.shape[:-1], resampled_length(samples.shape[-1], sample_rate, target))
    result = np.empty(shape, np.float32)
    for row in np.ndindex(shape[:-1]):
        done = 0
        for piece in resampled([samples[row]], sample_rate, target):
            result[row][done : done + len(piece)] = piece
            done += len(piece)
    return result


def resampled(blocks: Iterable[np.ndarray], sample_rate: int, target: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
    """What `resample` makes of all blocks joined, in pieces of one second: as long as it may be, it is never in memory.

    Parameters
    ----------
    blocks : (n,) float32 each, of any length
    sample_rate, target : Hz

    Yields
    ------
    piece : (target,) float32, the last one shorter; where the rates are the same, the blocks as they come
    """
    if sample_rate == target:
        yield from blocks
        return
    kernel = kernel_of(sample_rate, target)
    count = done = 0

    def counted() -> Iterator[np.ndarray]:
        nonlocal count
        for block in blocks:
            count += len(block)
            yield block

    for around in around_seconds(counted(), kernel):
        # A second that may be cut is one of the last, when all blocks have been counted.
        if left := min(target, resampled_length(count, sample_rate, target) - done):
            yield kernel.second(around)[:left]
            done += left


@dataclass(frozen=True)
class Kernel:
    """The filter of two rates, laid out so that one second is a few matrix products.

    The second is `groups` times the same: `step` input samples become `made` output samples.
    """

    sample_rate: int  # Hz
    target: int  # Hz
    reach: int  # input samples that the filter spans to either side
    step: int
    made: int
    parts: tuple[tuple[int, np.ndarray], ...]
    """Where in a group, moved by `reach`, a stretch of input begins; (stretch, outputs) float32, its weights."""

    @property
    def needed(self) -> int:
        """Input samples that a second of output is made of."""
        return self.sample_rate + 2 * self.reach

    def second(self, around: np.ndarray) -> np.ndarray:
        """One second of output.

        Parameters
        ----------
        around : (needed,) float32; the second, with `reach` samples before and after it

        Returns
        -------
        second : (target,) float32
        """
        groups = self.target // self.made
        result = np.empty((groups, self.made), np.float32)
        around = np.ascontiguousarray(around, dtype=np.float32)
        done = 0
        for first, weights in self.parts:
            stretches = as_strided(around[first:], (groups, len(weights)), (4 * self.step, 4), writeable=False)
            np.matmul(np.ascontiguousarray(stretches), weights, out=result[:, done : done + weights.shape[1]])
            done += weights.shape[1]
        return result.ravel()


def around_seconds(blocks: Iterable[np.ndarray], kernel: Kernel) -> Iterator[np.ndarray]:
    """Every second with what the filter reaches of its neighbours, (kernel.needed,) float32; zeros where none are.

    The last one is the last that the filter lets hear anything of the blocks, which are (n,) float32 each.
    """
    following = iter(blocks)
    waiting, ended = np.zeros(kernel.reach, np.float32), False
    while True:
        parts, held = [waiting], len(waiting)
        while not ended and held < kernel.needed:
            block = next(following, None)
            ended = block is None
            if block is not None:
                parts.append(np.asarray(block, dtype=np.float32))
                held += len(block)
        if len(parts) > 1:  # else a block that holds many seconds would be copied for each
            waiting = np.concatenate(parts)
        if not len(waiting):
            return
        around = waiting[: kernel.needed]
        yield np.pad(around, (0, kernel.needed - len(around)))
        waiting = waiting[kernel.sample_rate :]


@lru_cache(maxsize=8)
def kernel_of(sample_rate: int, target: int = SAMPLE_RATE) -> Kernel:
    """The filter from one rate to another, in Hz."""
    shared = gcd(sample_rate, target)
    old, new = sample_rate // shared, target // shared
    times = max(n for n in range(1, max(1, TOGETHER // new) + 1) if shared % n == 0)
    reach = ceil(ZERO_CROSSINGS * old / (min(old, new) * ROLL_OFF))
    parts = []
    for begin in range(0, new * times, TOGETHER):
        outputs = np.arange(begin, min(begin + TOGETHER, new * times))
        first = begin * old // new - reach
        last = -(-int(outputs[-1]) * old // new) + reach
        parts.append((first + reach, _weights(np.arange(first, last + 1), outputs, old, new)))
    return Kernel(sample_rate, target, reach, old * times, new * times, tuple(parts))


def _weights(inputs: np.ndarray, outputs: np.ndarray, old: int, new: int) -> np.ndarray:
    """(inputs, outputs) float32: how much of each input sample of a group is in each output sample of it.

    torchaudio tabulates one period, `old` samples to `new`; what comes in later periods is counted from their start.
    """
    single = np.float32
    phase, period = outputs % new, outputs // new
    within = inputs[:, None] - (period * old)[None]
    lowest = min(old, new) * ROLL_OFF
    distance = (-phase).astype(single) / single(new) + within.astype(single) / single(old)
    crossings = np.clip(distance * single(lowest), -ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = _in_double(np.cos, crossings * single(np.pi) / single(ZERO_CROSSINGS) / single(2)) ** 2
    angle = crossings * single(np.pi)
    sinc = np.divide(_in_double(np.sin, angle), angle, out=np.ones_like(angle), where=angle != 0)
    weights = sinc * (window * single(lowest / old))
    return np.ascontiguousarray(np.where(np.abs(crossings) < ZERO_CROSSINGS, weights, single(0)))


def _in_double(function: np.ufunc, angle: np.ndarray) -> np.ndarray:
    """A sine or cosine rounded once to float32: NumPy's own of float32 differ between machines."""
    return function(angle.astype(np.float64)).astype(np.float32)
