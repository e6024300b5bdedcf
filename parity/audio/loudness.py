"""How loud is it along the way: a curve for a drawing.

Convention: RMS in decibels of full scale (a square wave at full scale is 0 dBFS), in equal steps from the beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from parity.audio.reading import SAMPLE_RATE

MOST_POINTS = 500
"""Of the curve: more than a page is wide in pixels shows nothing more."""

QUIETEST = -100.0
"""dBFS; below one step of 16-bit audio, and what digital silence is given as."""

SHORTEST_STEP = 0.02
"""Seconds; a shorter one shows pitch periods, not loudness."""


@dataclass(frozen=True)
class Energy:
    """Loudness of a waveform.

    Attributes
    ----------
    step : seconds that a value stands for; the last one may stand for less
    db : RMS in dB of full scale, one decimal, at least -100; empty where there is no audio
    """

    step: float = SHORTEST_STEP
    db: tuple[float, ...] = ()


def energy(waveform: np.ndarray, sample_rate: int = SAMPLE_RATE) -> Energy:
    """RMS of a waveform in at most 500 steps of 20 ms or more; hours are not copied.

    Parameters
    ----------
    waveform : (1, num_samples) float32
    sample_rate : Hz
    """
    samples = waveform[0]
    block = max(ceil(len(samples) / MOST_POINTS), round(SHORTEST_STEP * sample_rate))
    steps = (samples[start : start + block].astype(np.float64) for start in range(0, len(samples), block))
    power = np.array([step @ step / len(step) for step in steps])
    decibels = 10 * np.log10(np.maximum(power, 10 ** (QUIETEST / 10)))
    return Energy(block / sample_rate, tuple(round(float(value), 1) for value in decibels))
