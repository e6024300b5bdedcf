"""Turns as JSON, CSV or RTTM -> RTTM text as pyannote writes it: three decimals.

Conventions: a turn has `start`, `end` or `duration` in seconds, and `speaker`; other columns are passed over. Times
with more than three decimals are rounded, start and duration each, as the reference's own writer rounds them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parity.community1.annotation import Turn, to_rttm
from parity.community1.rttm import parse_rttm
from parity.errors import InputError, one_line
from parity.maps.lists import down, read_json, read_rows, read_text
from parity.maps.table import TURN_FIELDS, Entry

DECIMALS = 3


def read_turns(path: Path, entry: Entry, name: str) -> tuple[str, list[str]]:
    """The turns of a file as RTTM text, and what was rounded, in words.

    Parameters
    ----------
    name : of the recording, for the RTTM's lines

    Raises
    ------
    InputError : a turn lacks something, or its times are none
    """
    if entry.form == "rttm":
        return _rounded(read_text(path))
    if entry.form == "csv":
        rows: Any = read_rows(path)
    else:
        rows, _ = down(read_json(path), entry.key)
        if not isinstance(rows, list):
            raise InputError("holds no list of turns; expected [{start, end, speaker}, …]")
    turns = [_turn(number, row, entry) for number, row in enumerate(rows, start=1)]
    return to_rttm(turns, "_".join(name.split()) or "clip"), []


def _turn(number: int, row: Any, entry: Entry) -> Turn:
    if not isinstance(row, Mapping):
        raise InputError(f"turn {number}: is {one_line(row, 40)!r}, expected an object with start, end and speaker")
    named = {name: entry.fields.get(name, name) for name in TURN_FIELDS}
    start = _seconds(number, row, named["start"])
    lasts = named["end"] not in row and named["duration"] in row
    end = start + _seconds(number, row, named["duration"]) if lasts else _seconds(number, row, named["end"])
    if end < start:
        raise InputError(f"turn {number}: {named['end']} = {end:g} is before {named['start']} = {start:g}")
    speaker = row.get(named["speaker"])
    if isinstance(speaker, bool) or not isinstance(speaker, (str, int)) or len(str(speaker).split()) != 1:
        raise InputError(f"turn {number}: {named['speaker']} = {one_line(speaker, 40)!r}; a name without spaces")
    return Turn(start, end, "", str(speaker))


def _seconds(number: int, row: Mapping[str, Any], name: str) -> float:
    if name not in row:
        raise InputError(f"turn {number}: has no {name!r}; there are {', '.join(map(str, list(row)[:8])) or 'none'}")
    value = row[name]
    try:
        seconds = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        seconds = math.nan
    if not (math.isfinite(seconds) and seconds >= 0):
        raise InputError(f"turn {number}: {name} = {one_line(value, 40)!r}; seconds are finite and at least 0")
    return seconds


def _rounded(text: str) -> tuple[str, list[str]]:
    """RTTM as it stands, times with more than three decimals rounded."""
    lines, rounded = [], 0
    for line in parse_rttm(text):
        fields = list(line.fields)
        if line.fault is None and any(_decimals(field) > DECIMALS for field in fields[3:5]):
            fields[3:5], rounded = [f"{line.start:.{DECIMALS}f}", f"{line.duration:.{DECIMALS}f}"], rounded + 1
            lines.append(" ".join(fields))
        else:
            lines.append(line.text)
    if not rounded:
        return text, []
    return "".join(f"{line}\n" for line in lines), [f"times of {rounded} turns rounded to {DECIMALS} decimals"]


def _decimals(number: str) -> int:
    return len(number.partition(".")[2])
