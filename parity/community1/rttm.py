"""RTTM text -> its lines, each a turn or what is wrong with it; who reads them says what is to be done about that.

Source: NIST, "The 2009 (RT-09) Rich Transcription Meeting Recognition Evaluation Plan", appendix A: ten fields, of
which speaker turns use the type, the recording, the start and duration in seconds, and the name.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?|[+-]?(?:nan|inf)")


class Fault(Enum):
    """What keeps a line from being a turn."""

    BLANK = "blank"
    COMMENT = "comment"
    TYPE = "type"
    FIELDS = "fields"
    NUMBERS = "numbers"


class Line(NamedTuple):
    """One line.

    Attributes
    ----------
    number : from 1
    text, fields : the line, and what stands between its spaces
    start, duration : seconds, as written: not checked to be finite, nor to be positive
    speaker : its name
    fault : None of a turn; then the three above mean something
    """

    number: int
    text: str
    fields: list[str]
    start: float = 0.0
    duration: float = 0.0
    speaker: str = ""
    fault: Fault | None = None


def parse_rttm(rttm: str) -> list[Line]:
    """Every line of RTTM text, in its order."""
    return [_line(number, text) for number, text in enumerate(rttm.splitlines(), start=1)]


def _line(number: int, text: str) -> Line:
    fields = text.split()
    fault = _fault(fields)
    if fault is not None:
        return Line(number, text, fields, fault=fault)
    if not (NUMBER.fullmatch(fields[3]) and NUMBER.fullmatch(fields[4])):  # Python's float reads more: 1_000, ١, inf
        return Line(number, text, fields, fault=Fault.NUMBERS)
    return Line(number, text, fields, float(fields[3]), float(fields[4]), fields[7])


def _fault(fields: list[str]) -> Fault | None:
    if not fields:
        return Fault.BLANK
    if fields[0].startswith(";;"):
        return Fault.COMMENT
    if fields[0] != "SPEAKER":
        return Fault.TYPE
    return Fault.FIELDS if len(fields) < 8 else None
