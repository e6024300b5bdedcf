"""annotation: discrete diarization -> speaker turns, and turns -> RTTM.

Source: `Binarize` in pyannote/audio/utils/signal.py, the end of `SpeakerDiarization.apply`
(pipelines/speaker_diarization.py) at tag 4.0.4, and `Annotation` of pyannote.core, which orders and prints turns.
Conventions: a turn starts at the middle of its first frame and ends at the middle of the first frame after it; turns of
a microsecond or less vanish; speakers are named in the order of their numbers *as text* (0, 1, 10, 11, 2, …); turns are
ordered by start, then end, then the track's letters.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf
from string import ascii_uppercase

import numpy as np

from parity.community1.geometry import frame_middles
from parity.community1.rttm import Fault, parse_rttm

SHORTEST = 1e-6  # seconds; `SEGMENT_PRECISION` of pyannote.core

Region = tuple[float, float, str, int]
"""Start, end, track, speaker's number."""


@dataclass(frozen=True, order=True)
class Turn:
    """One speaker speaking, in seconds."""

    start: float
    end: float
    track: str
    speaker: str


def annotate(
    discrete_diarization: np.ndarray | None,
    exclusive_discrete_diarization: np.ndarray | None,
    *,
    min_duration_off: float,
) -> tuple[list[Turn], list[Turn]]:
    """Turns of the plain and of the exclusive diarization, under the same speaker names.

    Parameters
    ----------
    discrete_diarization, exclusive_discrete_diarization : (num_frames, num_speakers) float32, 0 or 1; None: no turns
    min_duration_off : seconds; shorter gaps of one speaker are filled

    Returns
    -------
    diarization, exclusive_diarization : in RTTM order
    """
    if discrete_diarization is None or exclusive_discrete_diarization is None:
        return [], []
    plain = _active_regions(discrete_diarization, min_duration_off)
    exclusive = _active_regions(exclusive_discrete_diarization, min_duration_off)
    names = speaker_names({speaker for _, _, _, speaker in plain})
    return _named(plain, names), _named(exclusive, names)


def silences(discrete_diarization: np.ndarray) -> list[tuple[float, float, int]]:
    """Gaps between neighbouring regions of one speaker: start and end in seconds, and the speaker's number.

    Parameters
    ----------
    discrete_diarization : (num_frames, num_speakers) float32, 0 or 1
    """
    middles = frame_middles(len(discrete_diarization))
    runs = [_runs(activity > 0.5, middles) for activity in discrete_diarization.T]
    return [(before[1], after[0], speaker) for speaker, spans in enumerate(runs) for before, after in pairwise(spans)]


def speaker_names(speakers: set[int]) -> dict[int, str]:
    """`SPEAKER_00`, `SPEAKER_01`, … for the speakers that occur, in the order of their numbers as text."""
    return {speaker: f"SPEAKER_{index:02d}" for index, speaker in enumerate(sorted(speakers, key=str))}


def to_rttm(turns: list[Turn], uri: str) -> str:
    """The turns as RTTM text, times with three decimals."""
    return "".join(
        f"SPEAKER {uri} 1 {turn.start:.3f} {turn.end - turn.start:.3f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
        for turn in turns
    )


def from_rttm(rttm: str) -> list[Turn]:
    """The turns of RTTM text, in its order; times as written.

    Raises
    ------
    ValueError : a line is not a SPEAKER line with numbers where they belong
    """
    turns = []
    for line in parse_rttm(rttm):
        if line.fault is Fault.NUMBERS:
            raise ValueError(f"line {line.number}: {line.text!r}: start and duration are not both numbers")
        if line.fault is not None:
            raise ValueError(f"line {line.number}: {line.text!r} is not `SPEAKER uri 1 start duration …`")
        if not (0 <= line.start < inf and 0 <= line.duration < inf):
            raise ValueError(f"line {line.number}: {line.text!r}: times are finite and at least 0")
        turns.append(Turn(line.start, line.start + line.duration, _letters(line.number - 1), line.speaker))
    return turns


def _named(regions: list[Region], names: dict[int, str]) -> list[Turn]:
    return sorted(Turn(start, end, track, names.get(speaker, str(speaker))) for start, end, track, speaker in regions)


def _active_regions(discrete: np.ndarray, min_duration_off: float) -> list[Region]:
    middles = frame_middles(len(discrete))
    regions = [
        (start, end, _letters(speaker), speaker)
        for speaker, activity in enumerate(discrete.T)
        for start, end in _runs(activity > 0.5, middles)
        if end - start > SHORTEST
    ]
    # The reference fills gaps only where the collar is above zero, and loses the tracks' names when it does.
    return _fill_gaps(regions, min_duration_off) if min_duration_off > 0.0 else regions


def _runs(active: np.ndarray, middles: np.ndarray) -> list[tuple[float, float]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], active, [False]])))
    last = len(middles) - 1
    return [(float(middles[start]), float(middles[min(end, last)])) for start, end in edges.reshape(-1, 2)]


def _fill_gaps(regions: list[Region], collar: float) -> list[Region]:
    """Join regions of one speaker less than `collar` seconds apart (`Annotation.support`)."""
    filled: list[Region] = []
    for speaker in sorted({region[3] for region in regions}, key=str):
        spans: list[tuple[float, float]] = []
        for start, end, _, _ in sorted(region for region in regions if region[3] == speaker):
            if spans and start - spans[-1][1] < collar:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((start, end))
        filled += [(start, end, _letters(len(filled) + index), speaker) for index, (start, end) in enumerate(spans)]
    return filled


def _letters(index: int) -> str:
    """Track names as pyannote.core generates them: A, B, …, Z, AA, AB, …"""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = ascii_uppercase[rest] + letters
    return letters
