"""What `parity validate` and `parity compare` print: dumps checked, and compared artefact by artefact."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from parity.dump.comparison import DIFFERENT, EQUIVALENT, EXACT, Compared, DumpComparison
from parity.dump.turns import TurnDifference
from parity.explanation import Explanation
from parity.report.document import explanation_data
from parity.report.wording import number, scientific

STYLES = {EXACT: "green", EQUIVALENT: "green", DIFFERENT: "bold red"}
MOST_TURNS = 8

Found = dict[str, Any]
"""A comparison as its JSON has it."""


def validation_lines(path: Path, artefacts: tuple[str, ...], problems: list[str], notes: list[str]) -> list[str]:
    """One line a problem, one a note, and a summary."""
    lines = [f"wrong: {' '.join(problem.split())}" for problem in problems]
    lines += [f"note: {' '.join(note.split())}" for note in notes]
    held = f"{len(artefacts)} artefact{'' if len(artefacts) == 1 else 's'}"
    wrong = f"{len(problems)} thing{'' if len(problems) == 1 else 's'} wrong" if problems else "nothing wrong"
    return [*lines, f"{path}: {held}, {wrong}"]


def comparison_data(found: DumpComparison, explanation: Explanation | None = None) -> Found:
    """A comparison as plain data."""
    first = found.first_drift
    return {
        "name": found.name,
        "origin": list(found.origin),
        "verdict": found.verdict,
        "first_drift": first.name if first else None,
        "artefacts": [_artefact(artefact) for artefact in found.artefacts],
        "turns": {name: _turns(turns) for name, turns in found.turns.items()},
        "left_out": list(found.left_out),
        "extra": list(found.extra),
        "explanation": None if explanation is None else explanation_data(explanation),
    }


def _artefact(found: Compared) -> Found:
    drift = found.drift
    return {
        "name": found.name,
        "stage": found.stage,
        "verdict": found.verdict,
        "by": list(found.by),
        "max_abs": None if drift is None or drift.note else _finite(drift.max_abs),
        "tolerance": None if drift is None else drift.tolerance,
        "mismatches": None if drift is None else drift.mismatches,
        "compared": None if drift is None else drift.compared,
        "where": "" if drift is None else drift.where,
        "note": "; ".join(note for note in (found.note, "" if drift is None else drift.note) if note),
        "looks_like": found.looks_like,
    }


def _finite(value: float) -> float | str:
    return value if isfinite(value) else str(value)


def _turns(found: TurnDifference) -> Found:
    score = found.score
    return {
        "der": score.der,
        "miss": score.miss,
        "false_alarm": score.false_alarm,
        "confusion": score.confusion,
        "total": score.total,
        "speakers": list(found.speakers),
        "segments": list(found.segments),
        "only_reference": [list(line) for line in found.only_reference],
        "only_candidate": [list(line) for line in found.only_candidate],
    }


def comparison_table(found: Found) -> Table:
    """One line an artefact."""
    grid = Table(box=SIMPLE_HEAD, title=Text(found["name"]), title_justify="left", padding=(0, 1, 0, 0))
    grid.add_column("artefact", no_wrap=True)
    grid.add_column("verdict", no_wrap=True)
    grid.add_column("drift", justify="right", no_wrap=True)
    grid.add_column("by, where")
    for artefact in found["artefacts"]:
        verdict = artefact["verdict"]
        grid.add_row(artefact["name"], Text(verdict, style=STYLES[verdict]), size(artefact), Text(_remark(artefact)))
    grid.caption = "drift: largest difference, or how many elements (≠) differ, conventions undone"
    grid.caption_justify = "left"
    return grid


def in_words(found: Found) -> list[str]:
    """What made both sides, first to drift, what gross mismatches look like, DER, turns, what was not compared."""
    lines = [*found["origin"], _first(found)]
    lines += [f"{a['name']}: {a['looks_like']}." for a in found["artefacts"] if a["looks_like"]]
    for name, turns in found["turns"].items():
        lines += _turns_in_words(name, turns)
    for key, words in (("left_out", "Not in the candidate"), ("extra", "Only in the candidate")):
        if found[key]:
            lines.append(f"{words}, not compared: {', '.join(found[key])}.")
    if found["explanation"] is None and found["verdict"] == DIFFERENT:
        lines.append("Which stage decides was not asked: --explain, for a fixture of the catalogue.")
    return lines


def _first(found: Found) -> str:
    if found["first_drift"] is None:
        return f"All {len(found['artefacts'])} artefacts are exact or equivalent."
    first = next(a for a in found["artefacts"] if a["name"] == found["first_drift"])
    return f"First to drift: {first['name']} ({first['stage']})."


def size(artefact: Found) -> str:
    """The largest difference, or how many elements differ (≠)."""
    if artefact["mismatches"]:
        return f"{artefact['mismatches']}≠" if artefact["max_abs"] is not None else "shape"
    return scientific(artefact["max_abs"])


def _remark(artefact: Found) -> str:
    where = artefact["where"] if artefact["verdict"] == DIFFERENT else ""
    return "; ".join(part for part in (*artefact["by"], artefact["note"], where) if part)


def _turns_in_words(name: str, turns: Found) -> list[str]:
    (speakers, ours), (segments, our_segments) = turns["speakers"], turns["segments"]
    lines = [
        f"{name}: DER {number(turns['der'])} (miss {turns['miss']:.3f} s, false alarm {turns['false_alarm']:.3f} s, "
        f"confusion {turns['confusion']:.3f} s of {turns['total']:.3f} s); speakers {ours} for {speakers}, "
        f"turns {our_segments} for {segments}."
    ]
    listed = sorted(
        [(start, duration, who, "-") for start, duration, who in turns["only_reference"]]
        + [(start, duration, who, "+") for start, duration, who in turns["only_candidate"]]
    )
    lines += [
        f"  {sign} {start:.3f} to {start + duration:.3f} s {who}" for start, duration, who, sign in listed[:MOST_TURNS]
    ]
    if len(listed) > MOST_TURNS:
        lines.append(f"  and {len(listed) - MOST_TURNS} more (--json has all)")
    return lines
