"""Recordings of any length, made from the fixtures' clips by recipe; the same samples every time, nothing written.

All clips come round again and again in another order, each time otherwise: cut a little later, so that chunks begin
elsewhere in them; played a little faster or slower, so that voices differ; louder or softer; upside down or not; with
noise of about one 16-bit step, so that not even digital silence repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.signal import resample_poly

from parity.audio.reading import FULL_SCALE, SAMPLE_RATE, load_clip
from parity.community1.audio import hear
from parity.fixtures.catalogue import Catalogue, default_folder

SEED = 7
LATEST = 2 * SAMPLE_RATE  # samples left out at the beginning, at most
TEMPO = 40  # played at 40/37 to 40/43 of its speed
SOFTEST = 0.25


def long_clip(seconds: int) -> np.ndarray:
    """A recording of that many seconds: (1, seconds * 16000) float32; a longer one begins with a shorter one."""
    waveform, filled = np.empty((1, seconds * SAMPLE_RATE), dtype=np.float32), 0
    sources = [hear(*load_clip(fixture.clip()))[0][0] for fixture in Catalogue.read(default_folder()).fixtures]
    for tile in tiles(sources, np.random.default_rng(SEED)):
        part = tile[: waveform.shape[1] - filled]
        waveform[0, filled : filled + len(part)] = part
        filled += len(part)
        if filled == waveform.shape[1]:
            return waveform


def tiles(sources: Sequence[np.ndarray], rng: np.random.Generator) -> Iterator[np.ndarray]:
    """The sources, changed, without end: each (samples,) float32, inside full scale."""
    while True:
        for source in rng.permutation(len(sources)):
            yield changed(sources[source], rng)


def changed(samples: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One source in another form."""
    samples = samples[rng.integers(0, LATEST) :]
    tempo = TEMPO + int(rng.integers(-3, 4))
    played = resample_poly(samples.astype(np.float64), tempo, TEMPO) if tempo != TEMPO else samples
    gain = rng.choice([-1.0, 1.0]) * rng.uniform(SOFTEST, 1.0)
    noisy = gain * played + rng.uniform(-1.0, 1.0, len(played)) / FULL_SCALE
    return np.clip(noisy, -1.0, 1.0).astype(np.float32)
