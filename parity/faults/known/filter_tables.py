"""Windows and mel filters of other toolkits."""

from __future__ import annotations

from functools import cache

import numpy as np

from parity.community1.fbank import FFT_SIZE, HIGH_HZ, LOW_HZ, WINDOW_SAMPLES, mel_bank
from parity.faults.known.filterbank import between, edges_in_hertz, edges_on, kaldi_mel, slaney_mel

POVEY_POWER = 0.85


@cache
def povey_window() -> np.ndarray:
    """Kaldi's default window, a Hann window to the power of 0.85: (400,) float32."""
    return (np.hanning(WINDOW_SAMPLES) ** POVEY_POWER).astype(np.float32)


@cache
def rectangular_window() -> np.ndarray:
    """No window: (400,) float32."""
    return np.ones(WINDOW_SAMPLES, np.float32)


@cache
def long_window() -> np.ndarray:
    """A Hamming window as long as the transform: (512,) float32."""
    return np.hamming(FFT_SIZE).astype(np.float32)


@cache
def short_window() -> np.ndarray:
    """A Hamming window of 25 ms at 8 kHz: (200,) float32."""
    return np.hamming(200).astype(np.float32)


@cache
def snapped_bank() -> np.ndarray:
    """Triangles whose edges are snapped to bins of the transform, as python_speech_features has them."""
    edges = edges_on(kaldi_mel, LOW_HZ)
    snapped = np.floor((FFT_SIZE + 1) * edges_in_hertz(kaldi_mel, edges) / (2 * HIGH_HZ))
    with np.errstate(divide="ignore", invalid="ignore"):  # low filters have no width
        return np.nan_to_num(between(np.arange(FFT_SIZE // 2), snapped), posinf=0.0)


@cache
def equal_areas() -> np.ndarray:
    """The native filters, each divided by its sum."""
    bank = mel_bank()
    return bank / np.maximum(bank.sum(axis=1, keepdims=True), 1e-3)


@cache
def librosa_bank() -> np.ndarray:
    """Slaney's triangles over frequency from 0 Hz, each of area one: (80, 256) float32."""
    edges = edges_in_hertz(slaney_mel, edges_on(slaney_mel, 0.0))
    widths = (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return (between(np.arange(FFT_SIZE // 2) * (2 * HIGH_HZ / FFT_SIZE), edges) * widths).astype(np.float32)
