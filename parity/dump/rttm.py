"""RTTM text of a dump: what is wrong with it, all of it, and the plain lines the lab scores.

Conventions: one `SPEAKER` line a turn, seconds, one recording a file; blank lines and `;;` comments are passed over.
Two turns of one speaker may touch, and overlap by as much as rounding to three decimals makes of that.
"""

from __future__ import annotations

from math import isfinite
from typing import NamedTuple

ROUNDING = 0.0016
"""Seconds: start and duration rounded to a thousandth each move an end by up to 1 ms, the next start by half of one."""


OVERLAP = "turns of one speaker never overlap"


class Spoken(NamedTuple):
    """One line: its number from 1, seconds, and who."""

    line: int
    start: float
    duration: float
    speaker: str


def check_rttm(place: str, text: str) -> list[str]:
    """All that is wrong with RTTM text, a line each.

    Parameters
    ----------
    place : the file, for messages
    """
    problems, spoken, uris = [], [], {}
    for number, line in _lines(text):
        fields = line.split()
        uris.setdefault(fields[1] if len(fields) > 1 else "", number)
        turn = _turn(number, fields)
        if isinstance(turn, str):
            problems.append(f"{place}: line {number}: {turn}")
        else:
            spoken.append(turn)
    if len(uris) > 1:
        problems.append(
            f"{place}: holds {len(uris)} recordings ({', '.join(sorted(uris)[:3])}); one folder a recording"
        )
    return problems + _overlaps(place, spoken)


def may_be_scored(problem: str) -> bool:
    """Whether a line of `check_rttm` is about turns that overlap: these can be scored, bad lines cannot."""
    return problem.endswith(OVERLAP)


def plain(text: str) -> str:
    """The text without comments and blank lines, fields separated by one space."""
    return "".join(" ".join(line.split()) + "\n" for _, line in _lines(text))


def spoken(text: str) -> list[Spoken]:
    """The turns of text in which `check_rttm` found nothing wrong but overlaps."""
    turns = (_turn(number, line.split()) for number, line in _lines(text))
    return [turn for turn in turns if isinstance(turn, Spoken)]


def _lines(text: str) -> list[tuple[int, str]]:
    numbered = enumerate(text.splitlines(), start=1)
    return [(number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith(";;")]


def _turn(number: int, fields: list[str]) -> Spoken | str:
    if fields[0] != "SPEAKER":
        return f"{fields[0][:40]!r} where SPEAKER is expected"
    if len(fields) < 8:
        return f"{len(fields)} fields; expected SPEAKER uri 1 start duration <NA> <NA> speaker <NA> <NA>"
    try:
        start, duration = float(fields[3]), float(fields[4])
    except ValueError:
        return f"start {fields[3][:20]!r} and duration {fields[4][:20]!r} are not both numbers of seconds"
    if not (isfinite(start) and isfinite(duration) and start >= 0 and duration >= 0):
        return f"starts at {fields[3]} and lasts {fields[4]} s; both are finite and at least 0"
    return Spoken(number, start, duration, fields[7])


def _overlaps(place: str, turns: list[Spoken]) -> list[str]:
    problems, last = [], {}
    for turn in sorted(turns, key=lambda turn: (turn.start, turn.duration)):
        before = last.get(turn.speaker)
        if before is not None and turn.start < before.start + before.duration - ROUNDING:
            problems.append(
                f"{place}: line {turn.line}: {turn.speaker} speaks from {turn.start:.3f} s, and until "
                f"{before.start + before.duration:.3f} s in line {before.line}: {OVERLAP}"
            )
        if before is None or turn.start + turn.duration > before.start + before.duration:
            last[turn.speaker] = turn
    return problems
