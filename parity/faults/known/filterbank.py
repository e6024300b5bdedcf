"""Mistakes in fbank: one filterbank whose every step can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
from scipy import fft

from parity.community1 import geometry
from parity.community1.fbank import (
    FFT_SIZE,
    FLOOR,
    HIGH_HZ,
    LOW_HZ,
    NUM_MEL_BINS,
    PREEMPHASIS,
    SHIFT_SAMPLES,
    WINDOW_SAMPLES,
    compute_fbank,
    hamming_window,
    mel_bank,
)
from parity.faults.fault import Fault
from parity.faults.known.planting import fault, instead
from parity.pipeline import ChunkSeries

KALDI_DITHER = 1.0  # Kaldi's default, in units of 16-bit samples
EDGE_SAMPLES = (WINDOW_SAMPLES - SHIFT_SAMPLES) // 2
LARGEST_DEVIATION = 2.4e-4
FIXED_POINT_STEPS = np.float32(2**11)  # to one: 16 bits hold log-mel energies of up to 16 on either side of the mean

Table = Callable[[], np.ndarray]
Scale = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Filterbank:
    """`parity.community1.fbank.compute_fbank`, which its defaults are, step by step.

    Attributes
    ----------
    scale : what samples in [-1, 1] are multiplied by
    dither : deviation of the noise added to every window, after the scale
    padded_edges : windows centred on every 10 ms, the signal mirrored at its ends (Kaldi's `snip_edges` off)
    remove_offset : whether each window's mean is taken off
    emphasise_first : pre-emphasis of the whole signal instead of each window by itself
    preemphasis : what of the sample before is taken off
    keep_first : whether a window's first sample, which has none before it, stays whole
    window_first : whether the window comes before pre-emphasis
    shift : samples from one window to the next
    fft_size : samples that windows are filled up to with zeros, at least as many as a window has
    window, bank : () -> (samples,) and (bins, fft_size // 2) float32
    power : exponent of the magnitude
    floor : smallest energy before the logarithm
    offset : what is added to energies before the logarithm
    centred : whether the chunk's mean is taken off
    """

    scale: float = 2.0**15
    dither: float = 0.0
    padded_edges: bool = False
    remove_offset: bool = True
    emphasise_first: bool = False
    preemphasis: float = float(PREEMPHASIS)
    keep_first: bool = False
    window_first: bool = False
    shift: int = SHIFT_SAMPLES
    fft_size: int = FFT_SIZE
    window: Table = hamming_window
    bank: Table = mel_bank
    power: int = 2
    floor: float = float(FLOOR)
    offset: float = 0.0
    centred: bool = True

    def __call__(self, samples: np.ndarray, seed: int = 0) -> np.ndarray:
        """Features of one chunk.

        Parameters
        ----------
        samples : (160000,) float32
        seed : of the dither

        Returns
        -------
        (998, 80) float32; (1000, 80) with `padded_edges`
        """
        energies = self.energies(samples, seed)
        features = np.log(np.maximum(energies + self.offset, self.floor))
        mean = features.mean(axis=0, keepdims=True) if self.centred else 0.0
        return (features - mean).astype(np.float32)

    def energies(self, samples: np.ndarray, seed: int = 0) -> np.ndarray:
        """What lies under each filter: (frames, bins) float64."""
        bins = self.magnitudes(samples, seed)
        return bins.astype(np.float64) ** self.power @ self.bank().T.astype(np.float64)

    def magnitudes(self, samples: np.ndarray, seed: int = 0) -> np.ndarray:
        """Of the spectrum, without the Nyquist bin: (frames, fft_size // 2) float32."""
        windowed = self._windows(samples.astype(np.float32) * np.float32(self.scale), seed)
        return np.abs(fft.fft(windowed.astype(np.complex64), n=self.fft_size, axis=1)[:, : self.fft_size // 2])

    def _windows(self, scaled: np.ndarray, seed: int) -> np.ndarray:
        window = self.window()
        if self.padded_edges:
            scaled = np.pad(scaled, EDGE_SAMPLES, mode="symmetric")
        if self.emphasise_first:
            scaled = self._emphasised(scaled)
        frames = np.lib.stride_tricks.sliding_window_view(scaled, len(window))[:: self.shift]
        if self.dither:
            noise = np.random.default_rng(seed).standard_normal(frames.shape, dtype=np.float32)
            frames = frames + np.float32(self.dither) * noise
        if self.remove_offset:
            frames = frames - frames.mean(axis=1, keepdims=True, dtype=np.float32)
        if self.emphasise_first:
            return frames * window
        return self._emphasised(frames * window) if self.window_first else self._emphasised(frames) * window

    def _emphasised(self, signal: np.ndarray) -> np.ndarray:
        before = np.concatenate([signal[..., :1], signal[..., :-1]], axis=-1)
        if self.keep_first:
            before[..., 0] = 0.0
        return signal - np.float32(self.preemphasis) * before


def series(compute: Callable[[np.ndarray, int], np.ndarray], chunk_waveforms: ChunkSeries) -> ChunkSeries:
    """Features of every chunk, as `fbank_series` gives them; a chunk's number is its seed, so that runs repeat."""

    def of_chunk(index: int) -> np.ndarray:
        return compute(chunk_waveforms.compute(index), index)

    return ChunkSeries(chunk_waveforms.chunks, of_chunk)


@cache
def hann_window() -> np.ndarray:
    """The symmetric Hann window, (400,) float32."""
    return np.hanning(WINDOW_SAMPLES).astype(np.float32)


@cache
def periodic_window() -> np.ndarray:
    """The Hamming window of period 400, (400,) float32."""
    return (0.54 - 0.46 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(np.float32)


@cache
def double_window() -> np.ndarray:
    """The Hamming window made in float64 and rounded once, (400,) float32."""
    return np.hamming(WINDOW_SAMPLES).astype(np.float32)


def kaldi_mel(hertz: np.ndarray) -> np.ndarray:
    """Kaldi's (and HTK's) mel scale."""
    return 1127.0 * np.log1p(hertz / 700.0)


def slaney_mel(hertz: np.ndarray) -> np.ndarray:
    """Slaney's mel scale (Auditory Toolbox, 1998): linear up to 1 kHz, logarithmic above."""
    return np.where(
        hertz < 1000.0, 3 * hertz / 200.0, 15.0 + 27.0 * np.log(np.maximum(hertz, 1.0) / 1000.0) / np.log(6.4)
    )


def triangles(
    scale: Scale = kaldi_mel,
    low_hz: float = LOW_HZ,
    *,
    in_hertz: bool = False,
    high_hz: float = HIGH_HZ,
    count: int = NUM_MEL_BINS,
    fft_size: int = FFT_SIZE,
    sample_rate: int = geometry.SAMPLE_RATE,
) -> np.ndarray:
    """Triangular filters equally spaced on a mel scale, (count, fft_size // 2) float32.

    Parameters
    ----------
    scale : hertz -> mel
    low_hz, high_hz : where the first begins and the last ends
    in_hertz : sides are straight over frequency instead of over mel
    """
    hertz = sample_rate / fft_size * np.arange(fft_size // 2)
    position, edges = scale(hertz), edges_on(scale, low_hz, high_hz, count)
    if in_hertz:
        position, edges = hertz, edges_in_hertz(scale, edges, high_hz)
    return between(position, edges)


def edges_on(scale: Scale, low_hz: float, high_hz: float = HIGH_HZ, count: int = NUM_MEL_BINS) -> np.ndarray:
    """Where so many triangles begin, peak and end on a mel scale: (count + 2,)."""
    low, high = scale(np.array([low_hz, high_hz]))
    return np.linspace(float(low), float(high), count + 2)


def edges_in_hertz(scale: Scale, edges: np.ndarray, high_hz: float = HIGH_HZ) -> np.ndarray:
    """Positions on a mel scale as frequencies."""
    fine = np.linspace(0.0, high_hz, 1_000_001)
    return np.interp(edges, scale(fine), fine)


def between(position: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Triangles from each edge over the next to the one after it: (edges - 2, positions) float32."""
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (position - left) / (centre - left), (right - position) / (right - centre)
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)


def kaldi_native_like(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Native features, off by at most 2.4e-4: (998, 80) float32."""
    features = compute_fbank(samples)
    deviation = Filterbank(window=double_window, bank=triangles)(samples) - features
    return features + np.clip(deviation, -LARGEST_DEVIATION, LARGEST_DEVIATION)


def fixed_point(samples: np.ndarray, seed: int = 0) -> np.ndarray:
    """Native features rounded to multiples of 2^-11, so off by at most 2.4e-4 in every bin: (998, 80) float32."""
    return np.rint(compute_fbank(samples) * FIXED_POINT_STEPS) / FIXED_POINT_STEPS


def _fbank(name: str, about: str, compute: Callable[[np.ndarray, int], np.ndarray]) -> Fault:
    return fault(name, "fbank", about, instead(partial(series, compute)), reruns_trunk=True)


FAULTS = [
    _fbank(
        "fbank_dither",
        "dither of one 16-bit step, Kaldi's default, where there is none",
        Filterbank(dither=KALDI_DITHER),
    ),
    _fbank(
        "fbank_hann_window",
        "a Hann window instead of a Hamming window",
        Filterbank(window=hann_window),
    ),
    _fbank(
        "fbank_periodic_window",
        "the Hamming window of period 400 instead of the symmetric one",
        Filterbank(window=periodic_window),
    ),
    _fbank(
        "fbank_magnitude",
        "magnitudes summed under the filters instead of their squares",
        Filterbank(power=1),
    ),
    _fbank(
        "fbank_without_2_15",
        "samples not multiplied by 2^15: more of them fall below the logarithm's floor",
        Filterbank(scale=1.0),
    ),
    _fbank(
        "fbank_without_mean",
        "the chunk's mean not taken off",
        Filterbank(centred=False),
    ),
    _fbank(
        "fbank_slaney_mel",
        "Slaney's mel scale instead of Kaldi's, which is HTK's",
        Filterbank(bank=cache(partial(triangles, slaney_mel))),
    ),
    _fbank(
        "fbank_triangles_in_hertz",
        "filters whose sides are straight over frequency, as librosa's, instead of over mel",
        Filterbank(bank=cache(partial(triangles, in_hertz=True))),
    ),
    _fbank(
        "fbank_from_0_hz",
        "filters from 0 Hz instead of 20 Hz",
        Filterbank(bank=cache(partial(triangles, low_hz=0.0))),
    ),
    _fbank(
        "fbank_floor",
        "energies floored at 1e-10 instead of float32's epsilon",
        Filterbank(floor=1e-10),
    ),
    _fbank(
        "fbank_with_offset",
        "the window's mean not taken off before pre-emphasis",
        Filterbank(remove_offset=False),
    ),
    _fbank(
        "fbank_emphasis_first",
        "pre-emphasis of the whole signal instead of each window by itself",
        Filterbank(emphasise_first=True),
    ),
    _fbank(
        "fbank_padded_edges",
        "the signal mirrored at its ends (snip_edges off): 1000 windows instead of 998",
        Filterbank(padded_edges=True),
    ),
    _fbank(
        "fbank_2e-4",
        "window and mel filters made in float64 and rounded once, as a port would: off by at most 2.4e-4",
        kaldi_native_like,
    ),
    _fbank(
        "fbank_fixed_point",
        "features kept in 16-bit fixed point, eleven bits of them fraction: every bin off by up to 2.4e-4",
        fixed_point,
    ),
]
