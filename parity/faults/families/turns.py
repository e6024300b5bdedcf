"""What is done to turns' times: late, stretched, padded, rounded, dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from parity.community1 import geometry
from parity.community1.annotation import Turn
from parity.faults.families.building import changing
from parity.faults.families.settings import between
from parity.faults.family import INTEGER

HALF_FRAME = 0.5 * geometry.FRAME_SECONDS
DECIMALS = 3
"""Of RTTM here."""

NEAR = 30
"""Values tried on either side of the estimate: times are rounded, and only few values give every line."""

DECIMALS_TRIED = range(1, 6)
"""Of the estimate, rounded: a duration of 67.5 ms is rounded up or down by the last bit of the very value."""

Known = Mapping[str, Any]
Turns = list[Turn]


def _retimed(turns: Turns, time: Callable[[float], float]) -> Turns:
    return sorted(replace(turn, start=time(turn.start), end=time(turn.end)) for turn in turns)


def late(turns: Turns, seconds: float) -> Turns:
    """Every time later by some seconds."""
    return _retimed(turns, lambda time: time + seconds)


def stretched(turns: Turns, step: float) -> Turns:
    """Frames `step` seconds apart."""
    factor = step / geometry.FRAME_STEP_SECONDS
    return _retimed(turns, lambda time: (time - HALF_FRAME) * factor + HALF_FRAME)


def of_longer_frames(turns: Turns, duration: float) -> Turns:
    """Frames that last `duration` seconds, so that their middles lie elsewhere."""
    return _retimed(turns, lambda time: time - HALF_FRAME + 0.5 * duration)


def rounded(turns: Turns, decimals: float) -> Turns:
    """Times with fewer decimals."""
    return _retimed(turns, lambda time: round(time, int(decimals)))


def padded(turns: Turns, seconds: float) -> Turns:
    """Some seconds added before and after every turn, from the recording's start on."""
    return sorted(replace(turn, start=max(0.0, turn.start - seconds), end=turn.end + seconds) for turn in turns)


def long_enough(turns: Turns, seconds: float) -> Turns:
    """Turns that last so long."""
    return sorted(turn for turn in turns if turn.end - turn.start >= seconds)


def _times(known: Known) -> tuple[np.ndarray, np.ndarray] | None:
    turns = known.get("diarization")
    if not turns:
        return None
    ordered = sorted(turns)
    return np.array([turn.start for turn in ordered]), np.array([turn.end for turn in ordered])


def _estimates(line: Callable[[np.ndarray, np.ndarray], float], snap: float) -> Callable[..., list[float]]:
    """Values near the one that the times of both sides give, where they have as many turns, and near it."""

    def values(given: Known, native: Known, candidate: Known) -> list[float]:
        ours, theirs = _times(native), _times(candidate)
        if ours is None or theirs is None or len(ours[0]) != len(theirs[0]):
            return []
        found = float(line(np.concatenate(ours), np.concatenate(theirs)))
        round_ones = {round(found, decimals) for decimals in DECIMALS_TRIED}
        near = {value for value in round_ones if abs(value - found) <= NEAR * snap}
        return sorted({found + k * snap for k in range(-NEAR, NEAR + 1)} | near)

    return values


def _shift(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.mean(theirs - ours))


def _slope(ours: np.ndarray, theirs: np.ndarray) -> float:
    x, y = ours - HALF_FRAME, theirs - HALF_FRAME
    return float(x @ y / (x @ x)) * geometry.FRAME_STEP_SECONDS


def _duration(ours: np.ndarray, theirs: np.ndarray) -> float:
    return 2 * float(np.mean(theirs - ours)) + geometry.FRAME_SECONDS


def _padding(ours: np.ndarray, theirs: np.ndarray) -> float:
    half = len(ours) // 2
    return float(np.median(np.concatenate([ours[:half] - theirs[:half], theirs[half:] - ours[half:]])))


def _lengths(given: Known, native: Known, candidate: Known) -> list[float]:
    return between([turn.end - turn.start for turn in native.get("diarization") or []])


_of_turns = partial(changing, stage="annotation", artefacts=("diarization", "exclusive_diarization"))

FAMILIES = [
    _of_turns("turns_late", "turns late by (s)", 0.0, late, -60.0, 60.0, {"turns_from_frame_starts": -HALF_FRAME},
            _estimates(_shift, 1e-5)),
    _of_turns("turns_frame_step", "frames apart by (s)", geometry.FRAME_STEP_SECONDS, stretched, 1e-3, 0.1,
            {"annotation_frame_step": 271 / 16000, "annotation_589ths": 10 / 589}, _estimates(_slope, 2e-8)),
    _of_turns("turns_frame_duration", "frames that last (s)", geometry.FRAME_SECONDS, of_longer_frames, 0.0, 0.5,
            {"turns_from_frame_starts": 0.0}, _estimates(_duration, 2e-5)),
    _of_turns("turns_decimals", "times with decimals, as many as", DECIMALS, rounded, 0, 2,
            {"rttm_two_decimals": 2.0}, scale=INTEGER),
    _of_turns("turns_padding", "every turn longer at either end by (s)", 0.0, padded, -5.0, 5.0, {"turns_padded": 0.1},
            _estimates(_padding, 1e-5)),
    _of_turns("turns_shortest", "turns dropped that are shorter than (s)", 0.0, long_enough, 0.0, 60.0,
            {"short_turns_dropped": 0.25}, _lengths),
]  # fmt: skip
