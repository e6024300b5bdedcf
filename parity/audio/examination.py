"""What is in a recording's samples, counted while they are read: levels, clipping, silence, channels, bandwidth.

Task: blocks of samples -> `Facts`. Every block is looked at once and forgotten, so that an hour takes no memory and
`diarize` can look on while it reads. Conventions: decibels of full scale (dBFS) of RMS, where a square wave at full
scale is 0; levels and relations of channels are taken second by second; a sample that is NaN or infinite is counted and
then taken for 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from parity.audio.spectrum import Spectrum

CLIPPED_FROM = 0.98
"""Full scales. Neighbouring samples that are equal and that loud were cut off: 8 bits end at 127/128."""

GAP_SECONDS = 0.02
"""Zeros of all channels that last longer are a gap: no microphone gives them, and no pitch is that slow."""

SILENT_DB = -60.0
"""dBFS of the mean of the channels; a second below is silence."""

SAME_DB = -50.0
"""Of two channels' difference below the channels: then they are the same, or inverted if it is their sum's."""

LOWEST_DB = -200.0
"""What digital silence is given as."""


@dataclass(frozen=True)
class Channel:
    """One channel.

    Attributes
    ----------
    peak : full scales
    db : dBFS
    offset : its mean, full scales
    clipped : samples that were cut off at the top or the bottom
    not_finite : NaN or infinite samples
    """

    peak: float
    db: float
    offset: float
    clipped: int
    not_finite: int


@dataclass(frozen=True)
class Facts:
    """What is in the samples.

    Attributes
    ----------
    sample_rate, samples : Hz; per channel
    channels : in their order
    same, inverted : pairs of channels, counted from 0, that are equal, or equal upside down
    mean_db : dBFS of the mean of the channels
    cancelled_db : how far it is below the channels' own power: 0 where they are equal, 3 where they are independent
    silent_seconds : whole seconds that are silence
    gaps, longest_gap, gap_seconds : stretches of zeros in all channels; how many, the longest and all, in seconds
    bandwidth : Hz; above it the spectrum falls off a cliff; None where it does not
    """

    sample_rate: int
    samples: int
    channels: tuple[Channel, ...]
    same: tuple[tuple[int, int], ...]
    inverted: tuple[tuple[int, int], ...]
    mean_db: float
    cancelled_db: float
    silent_seconds: int
    gaps: int
    longest_gap: float
    gap_seconds: float
    bandwidth: float | None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.samples / self.sample_rate

    @property
    def clipped(self) -> float:
        """The share of samples that were cut off, of the channel that has most of them."""
        return max((channel.clipped for channel in self.channels), default=0) / max(1, self.samples)


@dataclass
class Examination:
    """Counts that grow with every block.

    Attributes
    ----------
    sample_rate : Hz
    """

    sample_rate: int
    _samples: int = 0
    _peaks: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _sums: np.ndarray = field(default_factory=lambda: np.zeros(0))
    _clipped: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _not_finite: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    _products: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    _silent: int = 0
    _gaps: list[int] = field(default_factory=list)
    _zeros: int = 0
    _spectrum: Spectrum | None = None

    def see(self, block: np.ndarray) -> None:
        """Count one block.

        Parameters
        ----------
        block : (channels, n) float32, of any length; not kept, not changed
        """
        if not self._samples:
            self._begin(len(block))
        if not (finite := np.isfinite(block)).all():
            self._not_finite += (~finite).sum(axis=1)
            block = np.where(finite, block, np.float32(0))
        peaks = np.maximum(block.max(axis=1, initial=0), -block.min(axis=1, initial=0))
        self._peaks = np.maximum(self._peaks, peaks)
        self._sums += block.sum(axis=1, dtype=np.float64)
        if peaks.max(initial=0) >= CLIPPED_FROM:
            self._clipped += _cut_off(block)
        self._count_zeros(block)
        for start in range(0, block.shape[1], self.sample_rate):
            self._second(block[:, start : start + self.sample_rate])
        assert self._spectrum is not None
        self._spectrum.add(block)
        self._samples += block.shape[1]

    def facts(self) -> Facts:
        """What was found so far."""
        self._end_zeros()
        count = max(1, self._samples)
        powers = np.diag(self._products) / count
        mean = float(self._products.sum()) / count / max(1, len(powers)) ** 2
        same, inverted = self._related()
        gaps = [gap / self.sample_rate for gap in self._gaps]
        channels = zip(self._peaks, powers, self._sums / count, self._clipped, self._not_finite)
        return Facts(
            self.sample_rate,
            self._samples,
            tuple(Channel(float(p), _db(power), float(dc), int(cut), int(bad)) for p, power, dc, cut, bad in channels),
            same,
            inverted,
            _db(mean),
            max(0.0, _db(float(powers.mean())) - _db(mean)) if len(powers) else 0.0,
            self._silent,
            len(gaps),
            max(gaps, default=0.0),
            sum(gaps),
            self._spectrum.cliff() if self._spectrum else None,
        )

    def _begin(self, channels: int) -> None:
        self._peaks, self._sums = np.zeros(channels), np.zeros(channels)
        self._clipped, self._not_finite = np.zeros(channels, np.int64), np.zeros(channels, np.int64)
        self._products, self._spectrum = np.zeros((channels, channels)), Spectrum(self.sample_rate)

    def _second(self, block: np.ndarray) -> None:
        """Products of all pairs of channels: their powers, and how alike they are."""
        products = (block @ block.T).astype(np.float64)
        self._products += products
        mean = products.sum() / len(products) ** 2 / max(1, block.shape[1])
        self._silent += block.shape[1] == self.sample_rate and _db(float(mean)) < SILENT_DB

    def _count_zeros(self, block: np.ndarray) -> None:
        loud = np.flatnonzero(block.any(axis=0))
        if not len(loud):
            self._zeros += block.shape[1]
            return
        self._zeros += int(loud[0])
        self._end_zeros()
        between = np.diff(loud) - 1
        self._gaps += between[between > GAP_SECONDS * self.sample_rate].tolist()
        self._zeros = block.shape[1] - 1 - int(loud[-1])

    def _end_zeros(self) -> None:
        if self._zeros > GAP_SECONDS * self.sample_rate:
            self._gaps.append(self._zeros)
        self._zeros = 0

    def _related(self) -> tuple[tuple[tuple[int, int], ...], tuple[tuple[int, int], ...]]:
        same, inverted = [], []
        for one in range(len(self._products)):
            for other in range(one + 1, len(self._products)):
                power = self._products[one, one] + self._products[other, other]
                product = 2 * self._products[one, other]
                limit = power * 10 ** (SAME_DB / 10)
                if power > 0 and power - product < limit:
                    same.append((one, other))
                elif power > 0 and power + product < limit:
                    inverted.append((one, other))
        return tuple(same), tuple(inverted)


def _cut_off(block: np.ndarray) -> np.ndarray:
    """How many samples of each channel are as loud as can be and equal to their neighbour: (channels,) int64."""
    loud = (np.abs(block[:, 1:]) >= CLIPPED_FROM) & (block[:, 1:] == block[:, :-1])
    return loud.sum(axis=1)


def _db(power: float) -> float:
    return max(LOWEST_DB, 10 * math.log10(power)) if power > 0 else LOWEST_DB
