"""Drift that a port lives with on purpose: how much, why, and until when (`parity.toml` beside the port).

One table per artefact, `[accept.embeddings]`, with what is allowed, a reason and a date:

    [accept.embeddings]
    max_abs = 2e-3
    reason = "trunk in float16"
    until = 2027-03-01
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.documents import parse_toml, read_text
from parity.history.cases import Case, Judged
from parity.pipeline.artefact import LAYOUTS

FILE = "parity.toml"
LIMITS = ("max_abs", "mismatches", "der")
KEYS = (*LIMITS, "reason", "until", "recordings")
RTTMS = ("diarization", "exclusive_diarization")
KNOWN = tuple(dict.fromkeys(name for layout in LAYOUTS.values() for name in layout.artefacts))


@dataclass(frozen=True)
class Accepted:
    """What may be out of tolerance.

    Attributes
    ----------
    max_abs : largest difference, in the artefact's unit; None where only their number counts
    mismatches : elements that may differ, as labels do
    der : of an RTTM, against the reference's
    reason : why the port lives with it
    until : the last day on which it is accepted
    recordings : of these alone; of all where none is named
    """

    artefact: str
    max_abs: float | None
    mismatches: int
    der: float | None
    reason: str
    until: date
    recordings: tuple[str, ...] = ()

    def covers(self, recording: Judged, case: Case) -> bool:
        """Whether a case of a recording is within what is accepted, whatever the day."""
        if case.artefact != self.artefact or (self.recordings and recording.name not in self.recordings):
            return False
        if self.der is not None:
            return recording.ders.get(case.artefact, 1.0) <= self.der
        near = self.max_abs is None or (case.max_abs or 0.0) <= self.max_abs
        return near and case.mismatches <= self.mismatches and case.compared > 0

    @property
    def words(self) -> str:
        """What is accepted, for a line of a report."""
        limits = {"DER": self.der, "max abs": self.max_abs, "elements": self.mismatches or None}
        allowed = ", ".join(f"{name} {value:g}" for name, value in limits.items() if value is not None)
        return f"{self.artefact} up to {allowed} until {self.until}: {self.reason}"


def read_accepted(path: Path | None) -> tuple[Accepted, ...]:
    """What is accepted.

    Parameters
    ----------
    path : of the file; by default `parity.toml` in the folder one is in, where there is one

    Raises
    ------
    InputError : there is no such file, or it is not in form; naming the file, the key, the value, what is expected
    """
    if path is None and not Path(FILE).is_file():
        return ()
    path = Path(FILE) if path is None else path
    try:
        table = parse_toml(read_text(path))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    rows = table.get("accept", {})
    if not isinstance(rows, dict) or not all(isinstance(row, dict) for row in rows.values()):
        raise InputError(f"{path}: accept should hold one table per artefact, such as [accept.embeddings]")
    return tuple(_accepted(f"{path}: [accept.{name}]", name, row) for name, row in rows.items())


def _accepted(where: str, name: str, row: Mapping[str, Any]) -> Accepted:
    if name not in KNOWN:
        raise InputError(f"{where}: {name} is no artefact; `parity stages` lists them")
    if unknown := [key for key in row if key not in KEYS]:
        raise InputError(f"{where}: key {unknown[0]} is not known; known are {', '.join(KEYS)}")
    if not isinstance(reason := row.get("reason"), str) or not reason.strip():
        raise InputError(f"{where}: reason is missing: why does the port live with it?")
    if not isinstance(until := row.get("until"), date) or isinstance(until, datetime):
        raise InputError(f"{where}: until = {until!r} should be a date, as in until = 2027-03-01")
    recordings = row.get("recordings", [])
    if not isinstance(recordings, list) or not all(isinstance(entry, str) for entry in recordings):
        raise InputError(f"{where}: recordings = {recordings!r} should be a list of names")
    limits = {key: _limit(where, key, row[key]) for key in LIMITS if key in row}
    if not limits:
        raise InputError(f"{where}: accepts nothing; give one of {', '.join(LIMITS)}")
    if (is_rttm := name in RTTMS) != ("der" in limits):
        raise InputError(f"{where}: {'needs der, which is' if is_rttm else 'der is'} what an RTTM is judged by")
    return Accepted(
        artefact=name,
        max_abs=limits.get("max_abs"),
        mismatches=int(limits.get("mismatches", 0)),
        der=limits.get("der"),
        reason=reason.strip(),
        until=until,
        recordings=tuple(recordings),
    )


def _limit(where: str, key: str, value: Any) -> float:
    whole = key == "mismatches"
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)) or not 0 < value < 1e9:
        raise InputError(f"{where}: {key} = {value!r} should be a {'whole ' if whole else ''}number above 0, below 1e9")
    return float(value)
