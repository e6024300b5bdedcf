"""One filterbank whose every number can be chosen: what a port's toolkit set otherwise.

Where nothing is set otherwise, tables and steps are the native ones, so that only what is set moves anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy import fft

from parity.community1.fbank import (
    FFT_SIZE,
    FLOOR,
    HIGH_HZ,
    LOW_HZ,
    NUM_MEL_BINS,
    PREEMPHASIS,
    SHIFT_SAMPLES,
    WINDOW_SAMPLES,
    hamming_window,
    mel_bank,
)
from parity.community1.geometry import CHUNK_SAMPLES, SAMPLE_RATE
from parity.faults.families.building import Tunable
from parity.faults.family import INTEGER, LINEAR, LOGARITHMIC
from parity.faults.known.filterbank import kaldi_mel, series

SCALE = 2.0**15
HAMMING = 0.54
BREAK_HZ = 700.0
EVERY = 16
"""Samples between two delays, or two lengths of windows, that are tried before the best is refined."""
Known = Mapping[str, Any]


@dataclass(frozen=True)
class Numbers:
    """Every number of the filterbank; defaults are the reference's.

    Attributes
    ----------
    scale : what samples in [-1, 1] are multiplied by
    late : samples by which windows are late
    hop, window : samples
    emphasis : of the sample before, taken off
    peak : a of the window a - (1 - a) cos
    fft_size : of the transform
    power : exponent of the magnitude
    low_hz, high_hz, break_hz : of the mel filters, and where their scale bends
    bins : how many filters
    floor, added : smallest energy before the logarithm; what is added to energies before it
    dither : deviation of the noise added to every window, after the scale; the chunk's number is its seed
    """

    scale: float = SCALE
    late: int = 0
    hop: int = SHIFT_SAMPLES
    window: int = WINDOW_SAMPLES
    emphasis: float = float(PREEMPHASIS)
    peak: float = HAMMING
    fft_size: int = FFT_SIZE
    power: float = 2.0
    low_hz: float = LOW_HZ
    high_hz: float = HIGH_HZ
    break_hz: float = BREAK_HZ
    bins: int = NUM_MEL_BINS
    floor: float = float(FLOOR)
    added: float = 0.0
    dither: float = 0.0

    def __call__(self, samples: np.ndarray, seed: int = 0) -> np.ndarray:
        """Features of one chunk: samples (n,) float32 -> (frames, bins) float32, centred."""
        windowed = self._emphasised(self._frames(samples.astype(np.float32) * np.float32(self.scale), seed))
        size = max(self.fft_size, self.window)
        bins = fft.fft((windowed * self._taper()).astype(np.complex64), n=size, axis=1)[:, : size // 2]
        energies = np.abs(bins).astype(np.float64) ** self.power @ self._bank(size).T.astype(np.float64)
        features = np.log(np.maximum(energies + self.added, self.floor))
        return np.asarray(features - features.mean(axis=0, keepdims=True), dtype=np.float32)

    def _frames(self, scaled: np.ndarray, seed: int) -> np.ndarray:
        if self.late:
            shifted = np.zeros_like(scaled)
            kept = len(scaled) - abs(self.late)
            if self.late > 0:
                shifted[self.late :] = scaled[:kept]
            else:
                shifted[:kept] = scaled[-kept:]
            scaled = shifted
        frames = np.lib.stride_tricks.sliding_window_view(scaled, self.window)[:: self.hop]
        if self.dither:
            noise = np.random.default_rng(seed).standard_normal(frames.shape, dtype=np.float32)
            frames = frames + np.float32(self.dither) * noise
        return np.asarray(frames - frames.mean(axis=1, keepdims=True, dtype=np.float32))

    def _emphasised(self, frames: np.ndarray) -> np.ndarray:
        before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
        return np.asarray(frames - np.float32(self.emphasis) * before)

    def _taper(self) -> np.ndarray:
        if (self.window, self.peak) == (WINDOW_SAMPLES, HAMMING):
            return hamming_window()
        phase = 2 * np.pi * np.arange(self.window) / (self.window - 1)
        return (self.peak - (1 - self.peak) * np.cos(phase)).astype(np.float32)

    def _bank(self, size: int) -> np.ndarray:
        if (size, self.low_hz, self.high_hz, self.break_hz, self.bins) == _NATIVE_BANK:
            return mel_bank()
        bend = self.break_hz / BREAK_HZ
        hertz = SAMPLE_RATE / size * np.arange(size // 2)
        low, high = kaldi_mel(np.array([self.low_hz, self.high_hz]) / bend)
        edges = np.linspace(low, high, self.bins + 2)
        left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
        mel = kaldi_mel(hertz / bend)
        rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
        return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


_NATIVE_BANK = (FFT_SIZE, LOW_HZ, HIGH_HZ, BREAK_HZ, NUM_MEL_BINS)


def _rows(candidate: Known) -> tuple[int, int] | None:
    """Frames and bins of what the candidate made."""
    made = candidate.get("fbank")
    return None if made is None or np.ndim(made) != 3 else (int(np.shape(made)[1]), int(np.shape(made)[2]))


def _hops(given: Known, native: Known, candidate: Known) -> list[float]:
    """Hops that make so many frames."""
    rows = _rows(candidate)
    room = CHUNK_SAMPLES - WINDOW_SAMPLES
    return [] if rows is None else [hop for hop in range(40, 801) if 1 + room // hop == rows[0]]


def _lengths_beside(hop: float, candidate: Known) -> list[float]:
    """Windows that make so many frames with a hop."""
    rows = _rows(candidate)
    able = range(100, 1025)
    return [] if rows is None else [float(n) for n in able if 1 + (CHUNK_SAMPLES - n) // int(hop) == rows[0]]


def _lengths(given: Known, native: Known, candidate: Known) -> list[float]:
    """Windows that make so many frames."""
    fitting = _lengths_beside(SHIFT_SAMPLES, candidate)
    return sorted({*fitting[::EVERY], *fitting[-1:]})


def _delays(given: Known, native: Known, candidate: Known) -> list[float]:
    near = range(-EVERY, EVERY + 1)  # of a few samples another delay of the grid is as far off as none at all
    return [float(n) for n in sorted({*range(-SHIFT_SAMPLES, SHIFT_SAMPLES + 1, EVERY), *near})]


def _bins(given: Known, native: Known, candidate: Known) -> list[float]:
    rows = _rows(candidate)
    return [] if rows is None or rows[1] == NUM_MEL_BINS or not 2 <= rows[1] <= 256 else [float(rows[1])]


def _sizes(given: Known, native: Known, candidate: Known) -> list[float]:
    return [400.0, 480.0, 1024.0, 2048.0, 4096.0]


FBANK = Tunable("fbank", lambda workshop: Numbers(), lambda numbers, workshop: partial(series, numbers), grid=9)

FAMILIES = [
    FBANK.family("fbank_emphasis", "emphasis", "pre-emphasis", -0.2, 1.0, LINEAR),
    FBANK.family("fbank_scale_of_samples", "scale", "samples multiplied by", 1e-2, 1e7, LOGARITHMIC,
                 {"fbank_without_2_15": 1.0}),
    FBANK.family("fbank_floor_of_energies", "floor", "energies floored at", 1e-12, 1e9, LOGARITHMIC,
                 {"fbank_floor": 1e-10}),
    FBANK.family("fbank_added_to_energies", "added", "added to energies before the logarithm", 1e-12, 1e9, LOGARITHMIC),
    FBANK.family("fbank_window_peak", "peak", "a window a - (1 - a) cos with a of", 0.4, 1.0, LINEAR,
                 {"fbank_hann_window": 0.5}),
    FBANK.family("fbank_exponent", "power", "the exponent of magnitudes", 0.25, 4.0, LINEAR,
                 {"fbank_magnitude": 1.0}),
    FBANK.family("fbank_low_edge", "low_hz", "filters from (Hz)", 0.0, 400.0, LINEAR, {"fbank_from_0_hz": 0.0},
                 grid=10),
    FBANK.family("fbank_high_edge", "high_hz", "filters up to (Hz)", 2000.0, 8000.0, LINEAR, grid=10),
    FBANK.family("fbank_mel_break", "break_hz", "the mel scale's bend at (Hz)", 200.0, 2000.0, LOGARITHMIC),
    FBANK.family("fbank_hop", "hop", "the hop (samples)", 40, 800, INTEGER, values=_hops,
                 pairs={"fbank_window_length": _lengths_beside}),
    FBANK.family("fbank_window_length", "window", "the window (samples)", 100, 1024, INTEGER, values=_lengths),
    FBANK.family("fbank_bins", "bins", "mel filters, as many as", 2, 256, INTEGER, {"fbank_72_bins": 72.0},
                 values=_bins),
    FBANK.family("fbank_transform", "fft_size", "the transform's length", 400, 4096, INTEGER, values=_sizes),
    FBANK.family("fbank_late", "late", "windows late by (samples)", -160, 160, INTEGER, values=_delays),
    FBANK.family("fbank_dither_deviation", "dither", "dither of a deviation (16-bit steps) of", 1e-3, 100.0,
                 LOGARITHMIC, {"fbank_dither": 1.0}),
]  # fmt: skip
