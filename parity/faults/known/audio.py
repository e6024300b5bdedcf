"""Mistakes in audio: one front end whose every step can be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from typing import Any

import numpy as np

from parity.audio.reading import FULL_SCALE, SAMPLE_RATE, quantise
from parity.audio.resampling import mix_down, resample
from parity.community1.geometry import CHUNK_SAMPLES, CHUNK_SECONDS, STEP_SAMPLES, STEP_SECONDS, chunk, num_chunks
from parity.faults.fault import Fault
from parity.faults.known.planting import fault, instead
from parity.pipeline import ChunkSeries

LABELS = {48_000: 44_100, 44_100: 48_000, 8_000: 16_000}
"""Hz -> what it is taken for."""

Crop = Callable[[np.ndarray, int, int], np.ndarray]


def crop(mono: np.ndarray, start: int, count: int) -> np.ndarray:
    """A chunk of a file, zeros after its end: (count,) float32."""
    piece = mono[start : start + count]
    return np.pad(piece, (0, count - len(piece)))


def padded_left(mono: np.ndarray, start: int, count: int) -> np.ndarray:
    """A chunk of a file, zeros before it where the file ends."""
    piece = mono[start : start + count]
    return np.pad(piece, (count - len(piece), 0))


def shifted_back(mono: np.ndarray, start: int, count: int) -> np.ndarray:
    """A chunk of a file; the one that would go past its end begins earlier."""
    return crop(mono, max(0, min(start, len(mono) - count)), count)


@dataclass(frozen=True)
class FrontEnd:
    """`parity.community1.audio.hear`, which its defaults are, step by step.

    Attributes
    ----------
    scale : what samples are multiplied by
    mix : (channels, n) -> (n,)
    label : Hz -> the rate that samples are taken to have
    convert : samples, Hz -> samples at 16 kHz
    crop : mono, first sample, samples -> a chunk at the file's rate
    whole : whether chunks are cut from the waveform at 16 kHz
    tail : whether a last chunk that is not full is made at all
    """

    scale: float = 1.0
    mix: Callable[[np.ndarray], np.ndarray] = mix_down
    label: Callable[[int], int] = int
    convert: Callable[[np.ndarray, int], np.ndarray] = resample
    crop: Crop = crop
    whole: bool = False
    tail: bool = True

    def __call__(self, samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, ChunkSeries]:
        """See `hear`."""
        rate = self.label(int(sample_rate))
        mono = self.mix(samples) if self.scale == 1.0 else self.mix(samples * np.float32(self.scale))
        waveform = self.convert(mono, rate).astype(np.float32, copy=False)[None]
        if not self.tail and waveform.shape[1] > CHUNK_SAMPLES:
            waveform = waveform[:, : CHUNK_SAMPLES + (waveform.shape[1] - CHUNK_SAMPLES) // STEP_SAMPLES * STEP_SAMPLES]

        def compute(index: int) -> np.ndarray:
            if self.whole:
                return chunk(waveform, index)[0]
            piece = self.crop(mono, round(index * STEP_SECONDS * rate), round(CHUNK_SECONDS * rate))
            return self.convert(piece, rate)[:CHUNK_SAMPLES].astype(np.float32, copy=False)

        return waveform, ChunkSeries(np.arange(num_chunks(waveform.shape[1])), compute)


def polyphase(mono: np.ndarray, rate: int) -> np.ndarray:
    """SciPy's polyphase filter, a Kaiser window of its own."""
    from scipy.signal import resample_poly  # heavy, and most who plant mistakes plant others

    shared = gcd(rate, SAMPLE_RATE)
    return (
        resample_poly(mono.astype(np.float64), SAMPLE_RATE // shared, rate // shared) if rate != SAMPLE_RATE else mono
    )


def _times(mono: np.ndarray, rate: int) -> np.ndarray:
    return np.arange(-(-len(mono) * SAMPLE_RATE // rate)) * (rate / SAMPLE_RATE)


def linear(mono: np.ndarray, rate: int) -> np.ndarray:
    """A straight line between neighbours."""
    return np.interp(_times(mono, rate), np.arange(len(mono)), mono) if rate != SAMPLE_RATE else mono


def unfiltered(mono: np.ndarray, rate: int) -> np.ndarray:
    """The sample at or before each new one's time, unfiltered."""
    return mono[_times(mono, rate).astype(np.int64)]


def floored(mono: np.ndarray, rate: int) -> np.ndarray:
    """The length rounded down."""
    return resample(mono, rate)[: len(mono) * SAMPLE_RATE // rate]


def late(mono: np.ndarray, rate: int) -> np.ndarray:
    """One sample at 16 kHz late."""
    return np.concatenate([np.zeros(1, np.float32), resample(mono, rate)[:-1]])


def rounded(mono: np.ndarray, rate: int) -> np.ndarray:
    """16-bit integers on the way, from 16 kHz to the networks."""
    if rate == SAMPLE_RATE:
        return mono
    return quantise(resample(mono, rate)).astype(np.float32) / np.float32(FULL_SCALE)


def misread(rate: int) -> int:
    """Another rate than the file's, where it is one that is mistaken."""
    return LABELS.get(rate, rate)


def summed(samples: np.ndarray) -> np.ndarray:
    """All channels added, not divided by their number."""
    return samples.sum(axis=0, dtype=np.float32)


def first(samples: np.ndarray) -> np.ndarray:
    """The first channel alone."""
    return samples[0]


def _heard(name: str, about: str, **changed: Any) -> Fault:
    return fault(name, "audio", about, instead(FrontEnd(**changed)), reruns_trunk=True)


FAULTS = [
    _heard("audio_polyphase", "SciPy's polyphase filter instead of torchaudio's windowed sinc", convert=polyphase),
    _heard("audio_linear", "samples interpolated on straight lines", convert=linear),
    _heard("audio_no_filter", "samples left out, or repeated: what is above 8 kHz folds down", convert=unfiltered),
    _heard("audio_floor_of_length", "the length at 16 kHz rounded down instead of up", convert=floored),
    _heard("audio_sum_of_channels", "channels added instead of averaged", mix=summed),
    _heard("audio_left_channel", "the first channel instead of the mean of all", mix=first),
    _heard("audio_one_sample_late", "one sample of 16 kHz late: a filter's delay that was not taken out", convert=late),
    _heard(
        "audio_rate_label", "another rate believed than the file's: 48 kHz as 44.1, 44.1 as 48, 8 as 16", label=misread
    ),
    _heard(
        "audio_whole_for_embeddings", "the embedding network's chunks cut from the file resampled whole", whole=True
    ),
    _heard("audio_int16", "samples rounded to 16 bits after resampling", convert=rounded),
    _heard("audio_32767", "16-bit samples divided by 32767 instead of 32768", scale=FULL_SCALE / (FULL_SCALE - 1)),
    _heard(
        "audio_tail_padded_left", "the last chunk padded with zeros before its samples, not after", crop=padded_left
    ),
    _heard("audio_tail_dropped", "a last chunk that is not full left out", tail=False),
    _heard(
        "audio_last_chunk_shifted", "the last chunk begun earlier, so that it ends with the file", crop=shifted_back
    ),
]
