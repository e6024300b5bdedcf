"""One list of what a report judged, whichever command wrote it: `parity run`'s or `parity compare`'s JSON."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parity.errors import InputError
from parity.files.documents import read_json
from parity.measure.verdicts import BEST_FIRST, ERROR, LIMITED, PASSING, worst

SCHEMA = 2
"""Of both reports, which this version reads."""

DIFFERENT = "different"
COMPARED = "compared"


@dataclass(frozen=True)
class Case:
    """One artefact of one recording.

    Attributes
    ----------
    mode : `isolated` or `cascaded` in a replay; `compared` in a comparison of dumps
    within : whether it is within tolerance, or equivalent
    max_abs : the largest difference, in the artefact's unit; None where no distance is defined
    tolerance : what is allowed; None where it is equality
    mismatches, compared : elements that differ where they must not, and elements that were compared
    where : the worst element, or what else is wrong, in words
    """

    stage: str
    artefact: str
    mode: str
    within: bool
    max_abs: float | None
    tolerance: float | None
    mismatches: int
    compared: int
    where: str

    @property
    def key(self) -> tuple[str, str]:
        """What it is told by from one report to the next."""
        return self.artefact, self.mode

    @property
    def named(self) -> str:
        """The artefact, and how it was replayed where it was."""
        return self.artefact if self.mode == COMPARED else f"{self.artefact} ({self.mode})"

    @property
    def size(self) -> str:
        """How much it differs, in words."""
        if self.max_abs is not None and not self.mismatches:
            allowed = "" if self.tolerance is None else f", {self.tolerance:.1e} allowed"
            return f"{self.max_abs:.1e}{allowed}"
        return f"{self.mismatches} of {self.compared} differ" if self.compared else "not the same shape"


@dataclass(frozen=True)
class Judged:
    """One recording of a report.

    Attributes
    ----------
    verdict : of `parity.measure.verdicts`
    why : what is wrong beside its cases (an error, what was not compared, a doubt), one line each
    cases : what was compared, in the pipeline's order
    supplied : of a port's arrays, the artefacts that it left; None where everything is the candidate's own
    ders : `diarization`, `exclusive_diarization` -> DER against the reference's, whichever were compared
    stage_seconds : stage -> seconds of the cascade; empty where they are not known
    """

    name: str
    verdict: str
    why: tuple[str, ...]
    cases: tuple[Case, ...]
    supplied: frozenset[str] | None
    ders: Mapping[str, float]
    stage_seconds: Mapping[str, float]

    @property
    def failed(self) -> bool:
        """Whether its verdict is none that passes; a recording that nothing was replayed of has none."""
        return self.verdict in BEST_FIRST and self.verdict not in PASSING

    @property
    def own(self) -> tuple[Case, ...]:
        """The cases that say something of the candidate: not those of what native code made in its place."""
        return tuple(c for c in self.cases if self.supplied is None or c.artefact in self.supplied)

    @property
    def drifting(self) -> tuple[Case, ...]:
        """The candidate's own cases that are out of tolerance."""
        return tuple(case for case in self.own if not case.within)


def read_report(path: Path, option: str) -> dict[str, Any]:
    """The report of an earlier run.

    Parameters
    ----------
    option : that named it, for the message

    Raises
    ------
    InputError : it cannot be read, or is no report of `parity run` or `parity compare` of this schema
    """
    try:
        found = read_json(path)
        if not isinstance(found, dict) or not ({"fixtures", "recordings"} & set(found)):
            raise ValueError("it is no report of `parity run --json` or `parity compare --json`")
        if found.get("schema") != SCHEMA:
            raise ValueError(f"schema is {found.get('schema')!r}, this version reads {SCHEMA}")
        judged_in(found)
    except FileNotFoundError:
        raise InputError(f"{option} {path}: no such file; --update-baseline writes one") from None
    except (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        said = f"key {error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{option} {path}: cannot be read: {said}") from error
    return found


def judged_in(document: Mapping[str, Any]) -> tuple[Judged, ...]:
    """Every recording of a report, in its order."""
    if "fixtures" in document:
        return tuple(_of_run(fixture) for fixture in document["fixtures"])
    errors = [Judged(n, ERROR, (why,), (), None, {}, {}) for n, why in document["errors"].items()]
    found = (*(_of_comparison(recording) for recording in document["recordings"]), *errors)
    if worst(judged.verdict for judged in found) == document["verdict"]:
        return found
    # A recording that the candidate lacks has no object of its own.
    return (*found, Judged("recordings", LIMITED, tuple(document["not_compared"]), (), None, {}, {}))


def _of_run(found: Mapping[str, Any]) -> Judged:
    why = [found["error"]] if found["error"] else []
    why += [*found["problems"], *found["doubts"], *found["notes"], *_lacking(found["lacking"])]
    cases = tuple(
        Case(
            stage=a["stage"],
            artefact=a["artefact"],
            mode=a["mode"],
            within=a["within"],
            max_abs=_number(a["max_abs"]),
            tolerance=a["tolerance"],
            mismatches=a["mismatches"],
            compared=a["compared"],
            where=a["note"] or a["where"],
        )
        for a in found["artefacts"]
    )
    supplied = frozenset(found["supplied"]) or None
    ders = {"diarization": found["der"], "exclusive_diarization": found["der_exclusive"]}
    known = {name: der for name, der in ders.items() if der is not None}
    return Judged(found["name"], found["status"], tuple(why), cases, supplied, known, found["stage_seconds"] or {})


def _of_comparison(found: Mapping[str, Any]) -> Judged:
    why = [*found["doubts"], *found["form"], *_lacking(found["lacking"])]
    ders = {name: turns["der"] for name, turns in found["turns"].items()}
    return Judged(found["name"], found["verdict"], tuple(why), tuple(_compared(found)), None, ders, {})


def _compared(found: Mapping[str, Any]) -> Iterator[Case]:
    for a in found["artefacts"]:
        yield Case(
            stage=a["stage"],
            artefact=a["name"],
            mode=COMPARED,
            within=a["verdict"] != DIFFERENT,
            max_abs=_number(a["max_abs"]),
            tolerance=a["tolerance"],
            mismatches=a["mismatches"] or 0,
            compared=a["compared"] or 0,
            where=a["note"] or a["where"],
        )


def _lacking(names: list[str]) -> list[str]:
    return [f"not compared: {', '.join(names)}"] if names else []


def _number(value: float | str | None) -> float | None:
    """A number as a report has it: what is not finite is text there."""
    found = None if value is None else float(value)
    return None if found is None or math.isnan(found) else found
