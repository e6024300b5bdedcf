"""Arithmetic of sound in integers: the same on every machine, whatever its processor, libraries and their versions.

Conventions: samples are (n,) int64 between steps and int16 only at the end; gains and filters are fixed-point, and
every product is shifted back with rounding. Filter tables come from sines in float64 that are rounded to fifteen bits,
of which no library's last bit is left. Chance is SHA-256 and SHAKE-256 of a text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from math import gcd, isqrt
from typing import TypeVar

import numpy as np

from parity.audio.reading import FULL_SCALE

UNIT = 15
"""Bits after the point of gains and filters: 1 << UNIT is a gain of 1."""

ZERO_CROSSINGS = 16
"""Of the resampling filter's sinc, to either side."""

ROLL_OFF = 0.94
"""Where the resampling filter cuts off, as a part of the lower rate's half."""

LOUDEST = 30_000
"""Of int16: what a mixture reaches at most; a louder one is turned down as a whole."""

Choice = TypeVar("Choice")


class Dice:
    """Seeded chance: the same throws everywhere.

    Parameters
    ----------
    seed : any text
    """

    def __init__(self, seed: str) -> None:
        self._seed, self._thrown = seed, 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1; uneven by 2^-64 at most."""
        self._thrown += 1
        digest = hashlib.sha256(f"{self._seed}/{self._thrown}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % limit

    def between(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both possible."""
        return low + self.below(high - low + 1)

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        """One of several, each as likely as it stands there often."""
        return choices[self.below(len(choices))]

    def some_of(self, choices: Sequence[Choice], count: int) -> list[Choice]:
        """`count` of several, none twice, in an order of chance."""
        left = list(choices)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def noise(seed: str, count: int, smooth: int = 1) -> np.ndarray:
    """Noise, (count,) int64: sums of four uniform bytes, then the sum of `smooth` neighbours, which makes it duller.

    Of the seed's SHAKE-256; its level is whatever it is, `at_level` sets it.
    """
    length = count + smooth - 1
    drawn = np.frombuffer(hashlib.shake_256(seed.encode()).digest(4 * length), np.uint8).reshape(length, 4)
    white = drawn.sum(axis=1, dtype=np.int64) - 510
    sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(white)])
    return sums[smooth:] - sums[:-smooth]


def shifted(products: np.ndarray, bits: int = UNIT) -> np.ndarray:
    """Products of fixed-point numbers back at the scale of samples, a half rounded up."""
    return (products + (1 << (bits - 1))) >> bits


def rms(samples: np.ndarray) -> int:
    """The root of the mean square of (n,) integers, rounded down; 0 of none."""
    wide = samples.astype(np.int64)
    return isqrt(int((wide * wide).sum()) // len(wide)) if len(wide) else 0


def gain_of(tenths_of_db: int) -> int:
    """A gain in fixed point of a level in tenths of a decibel."""
    return round((1 << UNIT) * 10.0 ** (tenths_of_db / 200))


def at_level(samples: np.ndarray, level: int) -> np.ndarray:
    """Samples brought to an RMS of `level`; silence stays silence."""
    own = rms(samples)
    return samples * 0 if not own else shifted(samples.astype(np.int64) * ((level << UNIT) // own))


def resampled(samples: np.ndarray, up: int, down: int) -> np.ndarray:
    """Samples at `up / down` times the rate, (len * up // down,) int64: a windowed sinc, rounded to fifteen bits.

    Output m lies at m * down / up; outside the samples there is silence.
    """
    shared = gcd(up, down)
    up, down = up // shared, down // shared
    if up == down:
        return samples.astype(np.int64)
    weights, reach = _filter(up, down)
    count = len(samples) * up // down
    places, phases = np.divmod(np.arange(count, dtype=np.int64) * down, up)
    padded = np.pad(samples.astype(np.int64), (reach, reach + 1))
    total = np.zeros(count, np.int64)
    for tap, weight in enumerate(weights):
        total += padded[places + tap] * weight[phases]
    return shifted(total)


@lru_cache(maxsize=32)
def _filter(up: int, down: int) -> tuple[np.ndarray, int]:
    """(taps, up) int64, a column of weights for each phase, which sum to 1; and how many taps lie before its sample."""
    band = ROLL_OFF * min(1.0, up / down)
    reach = int(np.ceil(ZERO_CROSSINGS / band))
    places = np.arange(-reach, reach + 1)[:, None] - np.arange(up)[None, :] / up
    inside = np.clip(places * band / ZERO_CROSSINGS, -1, 1)
    ideal = band * np.sinc(places * band) * np.cos(inside * np.pi / 2) ** 2
    weights = np.rint(ideal / ideal.sum(axis=0) * (1 << UNIT)).astype(np.int64)
    weights[reach] += (1 << UNIT) - weights.sum(axis=0)
    return weights, reach


def echoed(samples: np.ndarray, taps: Sequence[tuple[int, int]]) -> np.ndarray:
    """Samples through an impulse response of few taps, as long as they were.

    Parameters
    ----------
    taps : delay in samples and gain in fixed point, each
    """
    total = np.zeros(len(samples), np.int64)
    for delay, gain in taps:
        if delay < len(samples):
            total[delay:] += samples[: len(samples) - delay].astype(np.int64) * gain
    return shifted(total)


def faded(samples: np.ndarray, length: int) -> np.ndarray:
    """Samples that rise from silence over `length` samples and fall to it at their end, in a straight line."""
    length = min(length, len(samples) // 2)
    result = samples.astype(np.int64)
    ramp = np.arange(length, dtype=np.int64)
    result[:length] = result[:length] * ramp // max(1, length)
    result[len(result) - length :] = result[len(result) - length :] * ramp[::-1] // max(1, length)
    return result


def to_int16(channels: np.ndarray) -> np.ndarray:
    """(channels, n) integers as int16; all turned down alike where one is louder than `LOUDEST`."""
    peak = int(np.abs(channels).max()) if channels.size else 0
    if peak > LOUDEST:
        channels = channels * LOUDEST // peak
    assert np.abs(channels).max(initial=0) < FULL_SCALE
    return channels.astype(np.int16)
