"""Turns as a TextGrid, Praat's file of annotations.

Source: Praat's manual, "TextGrid file formats": text with a line for each value, quotation marks inside a text doubled.
Convention: one tier per speaker, in the order of their names; its intervals follow each other without a gap from 0 to
the end, empty where the speaker is silent. Where nobody speaks there is one empty tier, for Praat opens no TextGrid
without any.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from parity.community1.annotation import Turn

NOBODY = "nobody speaks"

Interval = tuple[float, float, str]
"""Start and end in seconds, text."""


def to_textgrid(turns: Sequence[Turn], end_seconds: float) -> str:
    """The text of a TextGrid.

    Parameters
    ----------
    turns : of one speaker they do not overlap
    end_seconds : where the TextGrid ends; no turn ends later
    """
    end = round(end_seconds, 3)
    speakers = sorted({turn.speaker for turn in turns})
    tiers = [(name, list(_filled(_spans(turns, name), end))) for name in speakers] or [(NOBODY, [(0.0, end, "")])]
    lines = [
        'File type = "ooTextFile"',
        'Object class = "TextGrid"',
        "",
        "xmin = 0",
        f"xmax = {end:.3f}",
        "tiers? <exists>",
        f"size = {len(tiers)}",
        "item []:",
    ]
    for number, (name, intervals) in enumerate(tiers, start=1):
        lines += [f"    item [{number}]:", *(f"        {line}" for line in _tier(name, intervals, end))]
    return "\n".join(lines) + "\n"


def _tier(name: str, intervals: Sequence[Interval], end: float) -> Iterator[str]:
    yield 'class = "IntervalTier"'
    yield f"name = {_quoted(name)}"
    yield "xmin = 0"
    yield f"xmax = {end:.3f}"
    yield f"intervals: size = {len(intervals)}"
    for number, (start, stop, text) in enumerate(intervals, start=1):
        yield f"intervals [{number}]:"
        yield f"    xmin = {start:.3f}"
        yield f"    xmax = {stop:.3f}"
        yield f"    text = {_quoted(text)}"


def _spans(turns: Iterable[Turn], speaker: str) -> list[Interval]:
    return sorted((round(turn.start, 3), round(turn.end, 3), speaker) for turn in turns if turn.speaker == speaker)


def _filled(spans: Iterable[Interval], end: float) -> Iterator[Interval]:
    """The spans, and empty ones between, before and behind them."""
    at = 0.0
    for start, stop, text in spans:
        if start > at:
            yield at, start, ""
        yield start, stop, text
        at = stop
    if end > at:
        yield at, end, ""


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
