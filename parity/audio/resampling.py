"""From any sample rate to the pipeline's, as pyannote.audio's front end does it.

Task: the mean of a file's channels, and its samples at another rate, to the float32 rounding of what pyannote.audio
4.0.4 hears, which is `waveform.mean(dim=0)` and then `torchaudio.functional.resample` with its defaults.

Source: Julius O. Smith, "Digital Audio Resampling", https://ccrma.stanford.edu/~jos/resample/: band-limited
interpolation. Output sample m lies at m / target seconds and is the sum of all input samples i times
c sinc(b d) cos^2(pi b d / 12), where d = i / rate - m / target in seconds, b = 0.99 min(rate, target) per second and
c = b / rate; further than 6 zero crossings of the sinc away nothing counts. Before the first and after the last sample
there is silence.

Conventions: arithmetic is float32 step by step as torchaudio's is, positions included: a filter in double precision
gives samples up to 1e-5 of full scale from its at 44.1 kHz. Each sum begins with the earliest sample and adds one
product after the other, rounding once: that is the order of torch's convolution on a CPU, and gives its bits, but where
a sum is half-way between two float32 and torchaudio's weights of 1e-23 outside the window decide. Any other order moves
one sample in five by an ulp, which at 11.025 kHz, whose upper mel bins hear rounding alone, is up to 2e-5 of an
embedding. The length is rounded to float32 before it is rounded up (see `resampled_length`). All work is done in
blocks of one second that begin at whole seconds; a file in pieces of any length gives the same bits as the file whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from math import ceil, gcd
from pathlib import Path

import numpy as np

from parity.audio.reading import SAMPLE_RATE
from parity.files.documents import read_json

ZERO_CROSSINGS = 6
"""Of the sinc, to either side; torchaudio's `lowpass_filter_width`."""

ROLL_OFF = 0.99
"""Where the filter cuts off, as a part of the lower rate's half."""

ROUNDINGS = Path(__file__).with_name("torch_roundings.json")
"""Hz -> pairs: the place of a weight, flat, and how many float32 numbers torchaudio's is above one rounded correctly.
Of `python -m capture.filters`, torch 2.13.0: AVX-512, AVX2 and baseline alike."""

TOGETHER = 2_000
"""Output samples that are laid out side by side, at most, where a period has fewer; only speed depends on it."""


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
    """The filter of two rates, laid out for one second of output: the same so many samples again and again.

    Attributes
    ----------
    sample_rate, target : Hz
    reach : input samples that the filter spans to either side
    starts : (groups, outputs) int64; where in a second, moved by `reach`, the first input of each output lies
    weights : (taps, outputs) float64, of float32; what of the first input is in it, of the second, and so on
    """

    sample_rate: int
    target: int
    reach: int
    starts: np.ndarray
    weights: np.ndarray

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
        return _weighted(around, self.starts, self.weights).ravel()

    def some(self, around: np.ndarray, outputs: slice) -> np.ndarray:
        """Some samples of a second: what `second` has at `outputs`."""
        which = np.arange(self.target)[outputs]
        return _weighted(around, self.starts.ravel()[which], self.weights[:, which % self.weights.shape[1]])


def _weighted(around: np.ndarray, starts: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of neighbouring samples times weights, each product added in turn with one rounding to float32.

    That is a fused multiply-add: a product of two float32 is exact in float64, and so is all but one sum in 10^8.

    Parameters
    ----------
    around : (n,) float32
    starts : (..., outputs) int64
    weights : (taps, outputs) float64

    Returns
    -------
    sums : (..., outputs) float32
    """
    around = around.astype(np.float64)
    sums, product = np.zeros(starts.shape, np.float32), np.empty(starts.shape)
    for tap, weight in enumerate(weights):
        # A filter with fewer taps has zeros for the rest, which may lie past the end.
        np.take(around[tap:], starts, out=product, mode="clip")
        product *= weight
        product += sums
        sums[...] = product
    return sums


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
    reach = _reach(old, new)
    first, weights = taps_of(sample_rate, target)
    weights = _as_torch_rounds(weights, sample_rate, target).astype(np.float64)
    starts = np.arange(shared)[:, None] * old + first + reach
    return Kernel(sample_rate, target, reach, starts.reshape(shared // times, times * new), np.tile(weights, times))


def taps_of(sample_rate: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Which input samples are in each output sample of one period, and how much of each.

    Returns
    -------
    first : (phases,) int64; of each output, the first input sample that counts, from the start of the period
    weights : (taps, phases) float32, correctly rounded step by step, of that sample and those after it
    """
    shared = gcd(sample_rate, target)
    old, new = sample_rate // shared, target // shared
    phases = np.arange(new)
    inputs = phases * old // new - _reach(old, new) + np.arange(2 * _reach(old, new) + 2)[:, None]
    inside = np.abs(_crossings(inputs, phases, old, new)) < ZERO_CROSSINGS
    first, taps = inputs[np.argmax(inside, axis=0), phases], int(inside.sum(axis=0).max())
    return first, _weights(first + np.arange(taps)[:, None], phases, old, new)


def _reach(old: int, new: int) -> int:
    return ceil(ZERO_CROSSINGS * old / (min(old, new) * ROLL_OFF))


@cache
def _roundings() -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = read_json(ROUNDINGS)
    return found


def _as_torch_rounds(weights: np.ndarray, sample_rate: int, target: int) -> np.ndarray:
    """Weights with torch's last bits, where they are known: its float32 sine is another in one value of twenty."""
    pairs = _roundings().get(str(sample_rate), []) if target == SAMPLE_RATE else []
    bits = weights.copy().view(np.int32).ravel()
    for index, steps in pairs:
        bits[index] += steps if bits[index] >= 0 else -steps
    return bits.view(np.float32).reshape(weights.shape)


def _crossings(inputs: np.ndarray, phases: np.ndarray, old: int, new: int) -> np.ndarray:
    """(inputs, phases) float32: how far each input sample is from an output sample, in zero crossings of the sinc."""
    single = np.float32
    distance = (-phases).astype(single) / single(new) + inputs.astype(single) / single(old)
    return np.clip(distance * single(min(old, new) * ROLL_OFF), -ZERO_CROSSINGS, ZERO_CROSSINGS)


def _weights(inputs: np.ndarray, phases: np.ndarray, old: int, new: int) -> np.ndarray:
    """(inputs, phases) float32: how much of each input sample is in each output sample.

    Parameters
    ----------
    inputs : (inputs, phases) int64; of each output its own, counted from the start of the period
    phases : (phases,) int64; outputs of one period, which is `old` input samples and `new` outputs
    """
    single = np.float32
    crossings = _crossings(inputs, phases, old, new)
    window = _in_double(np.cos, crossings * single(np.pi) / single(ZERO_CROSSINGS) / single(2)) ** 2
    angle = crossings * single(np.pi)
    sinc = np.divide(_in_double(np.sin, angle), angle, out=np.ones_like(angle), where=angle != 0)
    weights = sinc * (window * single(min(old, new) * ROLL_OFF / old))
    return np.where(np.abs(crossings) < ZERO_CROSSINGS, weights, single(0))


def _in_double(function: np.ufunc, angle: np.ndarray) -> np.ndarray:
    """A sine or cosine rounded once to float32: NumPy's own of float32 differ between machines."""
    return function(angle.astype(np.float64)).astype(np.float32)
