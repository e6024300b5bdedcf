"""Who speaks when, how loud, how fast, in which room: everything that chance decides about one recording.

Conventions: places are samples at 16 kHz, multiples of `GRID`, so that RTTM's three decimals say them exactly. At most
two speak at once, and nobody with himself. A voice goes on where it stopped, stretch by stretch, and begins anew when
it has nothing left.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from parity.audio.reading import SAMPLE_RATE
from parity.corpus.made.integers import UNIT, Dice, gain_of

GRID = 16
"""Samples: a millisecond."""

SECONDS_A_SPEAKER = 2
"""So many speakers fit at most: one for every two seconds."""

SPEAKERS = (1, 2, 2, 2, 3, 3, 4, 4, 5, 6, 8, 12, 99)
"""How many speak; 99 stands for as many as there are, or fit."""

OVERLAPS = (0, 10, 20, 40, 60)
"""Of a hundred changes of speaker, so many begin before the other has ended."""

SPEEDS = ((9, 10), (19, 20), (1, 1), (1, 1), (21, 20), (11, 10))
"""Of a voice, throughout a recording: faster ones are higher too."""

LEVELS = tuple(range(-90, 31, 15))
"""Tenths of a decibel, of a voice."""

NOISES = (100, 150, 200, 250, 300, 400, 500)
"""Tenths of a decibel that the noise lies below the voices' level."""

DULLNESS = (1, 4, 16)
"""Neighbours that noise is summed over: white, duller, dull."""

ROOMS = ("none", "none", "small", "large")
RATES = (16_000, 16_000, 16_000, 8_000, 22_050, 44_100, 48_000)
LAYOUTS = ("mono", "mono", "mono", "mono", "spread", "one silent")

MILLISECOND = SAMPLE_RATE // 1_000
SHORTEST_TURN = 600 * MILLISECOND
ENOUGH = 6_000 * MILLISECOND
LONGEST_TURN = 8_000 * MILLISECOND


@dataclass(frozen=True)
class Piece:
    """One turn: part of a voice, and where it lies.

    Attributes
    ----------
    voice : number of the voice among those of the sources
    stretch, offset : where it is taken from, in samples of the voice at its speed
    start, length : in the recording
    """

    voice: int
    stretch: int
    offset: int
    start: int
    length: int


@dataclass(frozen=True)
class Conversation:
    """One recording before there is a sample of it.

    Attributes
    ----------
    name : of the recording
    length : samples at 16 kHz
    pieces : in order of time
    speeds : voice -> (p, q): p samples of it become q
    gains : voice -> fixed point, one for each channel
    echoes : voice -> taps of the room it stands in; see `parity.corpus.made.integers.echoed`
    noise : tenths of a decibel below the voices' level; `dullness` is how many neighbours it is summed over
    overlap : of a hundred changes of speaker, so many overlap, as far as turns are long enough
    """

    name: str
    length: int
    pieces: tuple[Piece, ...]
    speeds: Mapping[int, tuple[int, int]]
    gains: Mapping[int, tuple[int, ...]]
    echoes: Mapping[int, tuple[tuple[int, int], ...]]
    room: str
    noise: int
    dullness: int
    overlap: int
    rate: int
    layout: str


def converse(name: str, seed: str, seconds: int, stretches: Sequence[Sequence[int]]) -> Conversation:
    """Decide everything about one recording.

    Parameters
    ----------
    name : of the recording
    seed : of all its chance
    seconds : how long it is
    stretches : of each voice, how many samples each of its stretches has
    """
    dice, length = Dice(seed), seconds * SAMPLE_RATE
    most = min(len(stretches), max(1, seconds // SECONDS_A_SPEAKER))
    chosen = _chosen(dice, min(dice.one_of(SPEAKERS), most), length, stretches)
    speeds = {voice: dice.one_of(SPEEDS) for voice in chosen}
    room, layout, overlap = dice.one_of(ROOMS), dice.one_of(LAYOUTS), dice.one_of(OVERLAPS)
    cut = {voice: _Cut(stretches[voice], speeds[voice], dice) for voice in chosen}
    return Conversation(
        name=name,
        length=length,
        pieces=tuple(_pieces(dice, chosen, cut, length, overlap)),
        speeds=speeds,
        gains={voice: _gains(dice, layout) for voice in chosen},
        echoes={voice: _echo(dice, room) for voice in chosen},
        room=room,
        noise=dice.one_of(NOISES),
        dullness=dice.one_of(DULLNESS),
        overlap=overlap,
        rate=dice.one_of(RATES),
        layout=layout,
    )


def _chosen(dice: Dice, count: int, length: int, stretches: Sequence[Sequence[int]]) -> list[int]:
    """Voices with enough to say that half of their share is not said twice, while there are as many of those."""
    wanted = min(ENOUGH, length // (2 * count))
    rich = [voice for voice, own in enumerate(stretches) if sum(own) >= wanted]
    return dice.some_of(rich if len(rich) >= count else range(len(stretches)), count)


class _Cut:
    """Where a voice stopped.

    Parameters
    ----------
    stretches : samples that each has at the voice's own speed
    speed : (p, q): p samples of the voice become q
    dice : says where it begins
    """

    def __init__(self, stretches: Sequence[int], speed: tuple[int, int], dice: Dice) -> None:
        p, q = speed
        self._lengths = [_down(count * q // p) for count in stretches]
        self._stretch, self._offset = dice.below(len(self._lengths)), 0

    def take(self, wanted: int) -> tuple[int, int, int]:
        """Stretch, offset and length of what comes next, at most `wanted`; a rest too short for a turn is skipped."""
        length = min(wanted, self._lengths[self._stretch] - self._offset)
        if length < SHORTEST_TURN // 2:
            self._stretch, self._offset = (self._stretch + 1) % len(self._lengths), 0
            length = min(wanted, self._lengths[self._stretch])
        taken = self._stretch, self._offset, length
        self._offset += length
        return taken


def _pieces(dice: Dice, chosen: Sequence[int], cut: Mapping[int, _Cut], length: int, overlap: int) -> list[Piece]:
    found: list[Piece] = []
    waiting = list(chosen)  # each speaks once before anybody is drawn by chance
    end = dice.between(100, 600) * MILLISECOND
    while True:
        voice = waiting.pop(0) if waiting else dice.one_of(chosen)
        wanted = dice.between(SHORTEST_TURN // GRID, LONGEST_TURN // GRID) * GRID
        if waiting:
            wanted = min(wanted, _down((length - end) * 2 // (3 * (len(waiting) + 1))))
        stretch, offset, taken = cut[voice].take(max(SHORTEST_TURN, wanted))
        start = end + _gap(dice, bool(waiting))
        if found and found[-1].voice != voice and dice.below(100) < overlap:
            # Half of the shorter at most, so that a turn never reaches back to the last but one.
            start = end - _down(min(taken, found[-1].length) * dice.between(10, 50) // 100)
        taken = min(taken, length - start)
        if taken < SHORTEST_TURN // 2 or end == length:
            return found
        found.append(Piece(voice, stretch, offset, start, taken))
        end = start + taken


def _gap(dice: Dice, hurried: bool) -> int:
    if hurried:
        return dice.between(0, 200) * MILLISECOND
    return (dice.between(1_000, 3_000) if dice.below(12) == 0 else dice.between(0, 700)) * MILLISECOND


def _gains(dice: Dice, layout: str) -> tuple[int, ...]:
    gain = gain_of(dice.one_of(LEVELS))
    if layout == "mono":
        return (gain,)
    if layout == "one silent":
        return (gain, 0)
    aside = dice.between(1, 7)  # eighths that go to the left
    return (gain * aside // 8, gain * (8 - aside) // 8)


def _echo(dice: Dice, room: str) -> tuple[tuple[int, int], ...]:
    """The direct sound, some early reflections, and a tail of taps that halve with every step of the room's size."""
    direct = (0, 1 << UNIT)
    if room == "none":
        return (direct,)
    half = (30 if room == "small" else 90) * MILLISECOND
    taps = [direct]
    for _ in range(40):
        delay = dice.between(2 * MILLISECOND, 5 * half)
        loudness = (1 << (UNIT - 2)) >> (delay // half)
        taps.append((delay, loudness if dice.below(2) else -loudness))
    return tuple(sorted(taps))


def _down(samples: int) -> int:
    return samples // GRID * GRID
