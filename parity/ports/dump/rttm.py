"""RTTM text of a dump: what is wrong with it, all of it, and the plain lines the lab scores.

Conventions: one `SPEAKER` line a turn, seconds, one recording a file; blank lines and `;;` comments are passed over.
Two turns of one speaker may touch, and overlap by as much as rounding to three decimals makes of that.
"""

from __future__ import annotations

from math import isfinite

from parity.community1.rttm import Fault, Line, parse_rttm

ROUNDING = 0.0016
"""Seconds: start and duration rounded to a thousandth each move an end by up to 1 ms, the next start by half of one."""

LONGEST = 1e6
"""Seconds: eleven days."""
CHANNEL = "1"
OVERLAP = "turns of one speaker never overlap"


def check_rttm(place: str, text: str) -> list[str]:
    """All that is wrong with RTTM text, one line each.

    Parameters
    ----------
    place : the file, for messages
    """
    problems: list[str] = []
    spoken: list[Line] = []
    uris: dict[str, int] = {}
    for line in _lines(text):
        uris.setdefault(line.fields[1] if len(line.fields) > 1 else "", line.number)
        if (wrong := _wrong(line)) is None:
            spoken.append(line)
        else:
            problems.append(f"{place}: line {line.number}: {wrong}")
    if len(uris) > 1:
        problems.append(
            f"{place}: holds {len(uris)} recordings ({', '.join(sorted(uris)[:3])}); one folder per recording"
        )
    channels = sorted({line.fields[2] for line in spoken} - {CHANNEL})
    if channels:
        problems.append(
            f"{place}: holds channel {', '.join(channels[:3])}; channels are mixed down, and the reference writes "
            f"{CHANNEL} in every line"
        )
    return problems + _overlaps(place, spoken)


def may_be_scored(problem: str) -> bool:
    """Whether a line of `check_rttm` is about turns that overlap: these can be scored, bad lines cannot."""
    return problem.endswith(OVERLAP)


def plain(text: str) -> str:
    """The text without comments and blank lines, fields separated by one space."""
    return "".join(" ".join(line.fields) + "\n" for line in _lines(text))


def spoken(text: str) -> list[Line]:
    """The turns of text in which `check_rttm` found nothing wrong but overlaps."""
    return [line for line in _lines(text) if _wrong(line) is None]


def _lines(text: str) -> list[Line]:
    return [line for line in parse_rttm(text) if line.fault not in (Fault.BLANK, Fault.COMMENT)]


def _wrong(line: Line) -> str | None:
    fields = line.fields
    if line.fault is Fault.TYPE:
        return f"{fields[0][:40]!r} where SPEAKER is expected"
    if line.fault is Fault.FIELDS:
        return f"{len(fields)} fields; expected SPEAKER uri 1 start duration <NA> <NA> speaker <NA> <NA>"
    if line.fault is Fault.NUMBERS:
        return f"start {fields[3][:20]!r} and duration {fields[4][:20]!r} are not both numbers of seconds"
    if not (isfinite(line.start) and isfinite(line.duration) and line.start >= 0 and line.duration >= 0):
        return f"starts at {fields[3]} and lasts {fields[4]} s; both are finite and at least 0"
    if line.start + line.duration > LONGEST:
        return f"ends at {line.start + line.duration:g} s; the limit is {LONGEST:g}: milliseconds, or samples?"
    if not line.speaker.isprintable():
        return f"the speaker's name {line.speaker[:40]!r} has characters that no terminal shows"
    return None


def _overlaps(place: str, turns: list[Line]) -> list[str]:
    problems: list[str] = []
    last: dict[str, Line] = {}
    for turn in sorted(turns, key=lambda turn: (turn.start, turn.duration)):
        before = last.get(turn.speaker)
        if before is not None and turn.start < before.start + before.duration - ROUNDING:
            problems.append(
                f"{place}: line {turn.number}: {turn.speaker} speaks from {turn.start:.3f} s, and until "
                f"{before.start + before.duration:.3f} s in line {before.number}: {OVERLAP}"
            )
        if before is None or turn.start + turn.duration > before.start + before.duration:
            last[turn.speaker] = turn
    return problems
