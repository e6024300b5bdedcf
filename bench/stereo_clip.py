"""A long recording as people make them: a WAV of 48 kHz in stereo, 16 bits, on disk; the right channel is softer.

An hour is 691 MB, written half a minute at a time. Each half-minute is resampled by itself: a click that nobody hears.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from bench.long_clip import long_clip
from parity.audio.reading import SAMPLE_RATE

RATE = 48_000
PIECE = 30 * SAMPLE_RATE
SOFTER = 0.6


def stereo_clip(path: Path, seconds: int) -> Path:
    """Write the recording of `long_clip` as such a file; its path."""
    waveform = long_clip(seconds)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        for start in range(0, waveform.shape[1], PIECE):
            piece = resample_poly(waveform[0, start : start + PIECE], RATE // SAMPLE_RATE, 1)
            file.write(np.stack([piece, SOFTER * piece], axis=1).clip(-1, 1))
    return path
