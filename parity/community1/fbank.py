"""fbank: each chunk's waveform -> its log-mel filterbank features, mean-centred per chunk.

Source: `BaseWeSpeakerResNet.compute_fbank` in pyannote/audio/models/embedding/wespeaker/__init__.py at tag 4.0.4, which
calls `torchaudio.compliance.kaldi.fbank` with 80 bins, 25 ms windows every 10 ms, a Hamming window, no dither.
Conventions: samples are scaled by 2^15 first; per window the mean is removed, then pre-emphasis 0.97 with the first
sample repeated, then the (symmetric) window, then zeros up to 512; the power spectrum is the square of the magnitude;
mel bins by Kaldi's formula from 20 Hz to 8 kHz without the Nyquist bin; energies are floored at float32 epsilon, NaN
passes through; natural logarithm.
"""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import scipy

from parity.community1 import geometry
from parity.pipeline import ChunkSeries

NUM_MEL_BINS = 80
WINDOW_SAMPLES = 400
SHIFT_SAMPLES = 160
FFT_SIZE = 512
PREEMPHASIS = np.float32(0.97)
LOW_HZ = 20.0
HIGH_HZ = geometry.SAMPLE_RATE / 2
FLOOR = np.finfo(np.float32).eps

# Torch's float32 logarithm and cosine are within one ulp, not correctly rounded. These are the positions at which the
# value that the mel bank and the window need is the next one up or down (torch 2.13.0, AVX2 and baseline alike); a test
# that is marked `torch` holds both tables against torch itself.
LOGARITHMS_ABOVE = [8, 13, 56, 91, 93, 98, 116, 216, 218, 221, 225, 236, 240, 245, 252]
LOGARITHMS_BELOW = [31, 38, 57, 100, 148, 243]
COSINES_ABOVE = [19, 68, 150, 155, 158, 202, 235, 329, 337]
COSINES_BELOW = [121, 122, 178, 185, 267, 273, 358]


def fbank_series(chunk_waveforms: ChunkSeries) -> ChunkSeries:
    """The features of every chunk, computed when they are asked for.

    Parameters
    ----------
    chunk_waveforms : series of (160000,) float32, 16 kHz

    Returns
    -------
    fbank : series of (998, 80) float32, one per chunk
    """
    return ChunkSeries(chunk_waveforms.chunks, partial(_fbank_of_chunk, chunk_waveforms))


def _fbank_of_chunk(chunk_waveforms: ChunkSeries, index: int) -> np.ndarray:
    return compute_fbank(chunk_waveforms.compute(index))


def compute_fbank(samples: np.ndarray) -> np.ndarray:
    """Mean-centred log-mel features.

    Parameters
    ----------
    samples : (num_samples,) float32 in [-1, 1], at least 400

    Returns
    -------
    (1 + (num_samples - 400) // 160, 80) float32
    """
    features = log_mel(samples)
    return (features - features.mean(axis=0, keepdims=True)).astype(np.float32)


def log_mel(samples: np.ndarray) -> np.ndarray:
    """Log-mel energies before the mean is removed, (frames, 80) float64.

    Windowed frames are the reference's to the last bit, and the transform and magnitudes are float32 as there;
    energies, logarithms and means are float64. The reference's transform is MKL's, whose rounding (1.2e-7 of a
    spectrum) nobody else has: on 09_telephone it puts the reference 1.1e-5 from its own float64 embeddings. Worst
    embedding there, and worst bin on all fourteen: float64 transform 9.8e-6 and 6.0e-4, real float32 5.9e-6 and
    1.6e-3, complex float32, which is taken, 8.6e-6 and 5.5e-4.
    """
    scaled = samples.astype(np.float32) * np.float32(1 << 15)
    frames = np.lib.stride_tricks.sliding_window_view(scaled, WINDOW_SAMPLES)[::SHIFT_SAMPLES]
    frames = frames - frames.mean(axis=1, keepdims=True, dtype=np.float32)
    previous = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    windowed = (frames - PREEMPHASIS * previous) * hamming_window()
    bins = scipy.fft.fft(windowed.astype(np.complex64), n=FFT_SIZE, axis=1)[:, : FFT_SIZE // 2]
    energies = np.abs(bins).astype(np.float64) ** 2 @ mel_bank().T.astype(np.float64)
    return np.log(np.maximum(energies, FLOOR))


@cache
def hamming_window() -> np.ndarray:
    """The symmetric Hamming window 0.54 - 0.46 cos, (400,) float32, to the last bit torch's.

    The phase is rounded to float32 first, as there; a window made in float64 differs in 280 samples.
    """
    phase = np.arange(WINDOW_SAMPLES, dtype=np.float32) * np.float32(2 * np.pi / (WINDOW_SAMPLES - 1))
    cosine = _as_torch_rounds(np.cos, phase, COSINES_ABOVE, COSINES_BELOW)
    return cosine * np.float32(-0.46) + np.float32(0.54)


@cache
def mel_bank() -> np.ndarray:
    """Triangular mel filters, (80, 256) float32, to the last bit torchaudio's.

    Positions and edges are rounded to float32 where it rounds them. A weight near the foot of a triangle is small, and
    what leaks through it from a loud neighbour is not: a bank one ulp off in 21 positions moved embeddings by 9e-6.
    """
    delta = np.float32((_mel(HIGH_HZ) - _mel(LOW_HZ)) / (NUM_MEL_BINS + 1))
    index = np.arange(NUM_MEL_BINS, dtype=np.float32)[:, None]
    low = np.float32(_mel(LOW_HZ))
    left, centre, right = (low + (index + np.float32(k)) * delta for k in (0, 1, 2))
    hertz = np.float32(geometry.SAMPLE_RATE / FFT_SIZE) * np.arange(FFT_SIZE // 2, dtype=np.float32)
    ratio = np.float32(1.0) + hertz / np.float32(700.0)
    mel = np.float32(1127.0) * _as_torch_rounds(np.log, ratio, LOGARITHMS_ABOVE, LOGARITHMS_BELOW)
    rising = (mel - left) / (centre - left)
    falling = (right - mel) / (right - centre)
    return np.maximum(np.float32(0.0), np.minimum(rising, falling))


def _as_torch_rounds(function: np.ufunc, x: np.ndarray, above: list[int], below: list[int]) -> np.ndarray:
    """A function of float32 numbers, correctly rounded but where torch's lands on the next number up or down."""
    exact = function(x.astype(np.float64)).astype(np.float32)
    exact[above] = np.nextafter(exact[above], np.float32(np.inf))
    exact[below] = np.nextafter(exact[below], np.float32(-np.inf))
    return exact


def _mel(hertz: float) -> float:
    return 1127.0 * float(np.log(1.0 + hertz / 700.0))
