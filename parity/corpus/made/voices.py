"""The voices of the pinned sources: every stretch in which one person is heard alone, by human RTTM."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from parity.audio.reading import FULL_SCALE, SAMPLE_RATE, read_audio
from parity.corpus.made.integers import at_level, resampled
from parity.fixtures.clips import SOLE_VOICE, excerpt, source_path, sources
from parity.fixtures.material import alone

SHORTEST = 0.6
"""Seconds; stretches below are left out."""

LEVEL = 1_000
"""RMS, of int16, that every voice is brought to, all its stretches together: they keep what sets them apart."""


@dataclass(frozen=True)
class Voice:
    """One person.

    Attributes
    ----------
    name : as the human RTTM has it
    stretches : (n,) int64 each, at 16 kHz, from the sources in the order of their names
    """

    name: str
    stretches: tuple[np.ndarray, ...]


@cache
def voices() -> tuple[Voice, ...]:
    """Every voice of the sources that is ever heard alone for `SHORTEST`, by name.

    Raises
    ------
    InputError : a source is not in the cache and cannot be had
    """
    found: dict[str, list[np.ndarray]] = {}
    for source in sorted(sources()):
        for name, stretch in _stretches(source):
            found.setdefault(name, []).append(stretch)
    return tuple(Voice(name, _levelled(found[name])) for name in sorted(found))


def _stretches(source: str) -> list[tuple[str, np.ndarray]]:
    if source in SOLE_VOICE:
        return [(SOLE_VOICE[source], _at_16k(source))]
    whole = excerpt(source=source)
    cut = [(turn, round(turn.start * SAMPLE_RATE), round(turn.end * SAMPLE_RATE)) for turn in alone(whole.turns)]
    shortest = round(SHORTEST * SAMPLE_RATE)
    return [(turn.speaker, whole.samples[a:b].astype(np.int64)) for turn, a, b in cut if b - a >= shortest]


def _at_16k(source: str) -> np.ndarray:
    # In integers, as everything here: the recipes of fixtures go through SciPy's filter in float64.
    waveform, rate = read_audio(source_path(source))
    samples = np.rint(waveform[0].astype(np.float64) * FULL_SCALE).astype(np.int64)
    return resampled(samples, SAMPLE_RATE, rate)


def _levelled(stretches: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    levelled = at_level(np.concatenate(stretches), LEVEL)
    ends = np.cumsum([len(stretch) for stretch in stretches])[:-1]
    return tuple(np.split(levelled, ends))
