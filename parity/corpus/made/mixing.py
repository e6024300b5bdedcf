"""A conversation and the voices -> samples and RTTM."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from parity.audio.reading import SAMPLE_RATE
from parity.corpus.made.conversation import MILLISECOND, Conversation, Piece
from parity.corpus.made.integers import UNIT, at_level, echoed, faded, gain_of, noise, resampled, shifted, to_int16
from parity.corpus.made.voices import LEVEL, Voice

FADE = 5 * MILLISECOND


def mixed(talk: Conversation, voices: Sequence[Voice]) -> np.ndarray:
    """The samples of a recording, (channels, n) int16 at `talk.rate`."""
    channels = len(next(iter(talk.gains.values())))
    total = np.zeros((channels, talk.length), np.int64)
    for number, gains in talk.gains.items():
        heard = echoed(_spoken(talk, number, voices[number]), talk.echoes[number])
        for channel, gain in enumerate(gains):
            total[channel] += shifted(heard * gain)
    level = LEVEL * gain_of(-talk.noise) >> UNIT
    for channel in range(channels):
        if talk.layout != "one silent" or channel == 0:
            total[channel] += at_level(noise(f"{talk.name}/{channel}", talk.length, talk.dullness), level)
    return to_int16(np.stack([resampled(channel, talk.rate, SAMPLE_RATE) for channel in total]))


def _spoken(talk: Conversation, number: int, voice: Voice) -> np.ndarray:
    """One voice alone, (n,) int64 at 16 kHz, dry."""
    p, q = talk.speeds[number]
    total = np.zeros(talk.length, np.int64)
    stretches: dict[int, np.ndarray] = {}
    for piece in talk.pieces:
        if piece.voice == number:
            if piece.stretch not in stretches:
                stretches[piece.stretch] = resampled(voice.stretches[piece.stretch], q, p)
            cut = stretches[piece.stretch][piece.offset : piece.offset + piece.length]
            total[piece.start : piece.start + piece.length] += faded(cut, FADE)
    return total


def rttm_of(talk: Conversation, voices: Sequence[Voice]) -> str:
    """The exact RTTM: turns as they were laid, without the rooms' echoes."""
    return "".join(
        f"SPEAKER {talk.name} 1 {_seconds(piece.start)} {_seconds(piece.length)} <NA> <NA> "
        f"{voices[piece.voice].name} <NA> <NA>\n"
        for piece in talk.pieces
    )


def _seconds(samples: int) -> str:
    milliseconds = samples // MILLISECOND
    return f"{milliseconds // 1_000}.{milliseconds % 1_000:03d}"


def overlapping(pieces: Sequence[Piece]) -> int:
    """Samples in which two speak; turns are in order of time, and none reaches back to the last but one."""
    return sum(max(0, before.start + before.length - after.start) for before, after in pairwise(pieces))
