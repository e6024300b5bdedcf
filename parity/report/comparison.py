"""What `parity validate` and `parity compare` print: dumps checked, and compared artefact by artefact."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from parity import __version__
from parity.errors import first_of, one_line
from parity.explain.explanation import Explanation
from parity.measure.verdicts import DRIFT, ERROR, INCONCLUSIVE, LIMITED, worst
from parity.ports.dump.comparison import (
    DIFFERENT,
    EQUIVALENT,
    EXACT,
    PARTLY_SEEN,
    UNTOLD,
    Compared,
    DumpComparison,
)
from parity.ports.dump.turns import TurnDifference
from parity.report.declared import declaration_data, declared_in_words
from parity.report.diagnosis import diagnosis_data, diagnosis_lines, not_diagnosed_lines
from parity.report.differences import difference_data, difference_in_words
from parity.report.document import explanation_data, finite
from parity.report.grid import uncut
from parity.report.standing import standing_data, standing_lines
from parity.report.wording import capital, number, scientific

if TYPE_CHECKING:
    from parity.diagnosis.result import Diagnosis

STYLES = {EXACT: "green", EQUIVALENT: "green", DIFFERENT: "bold red", PARTLY_SEEN: "yellow", UNTOLD: "yellow"}
MOST_TURNS = 8
SCHEMA = 2

Found = dict[str, Any]
"""A comparison as its JSON has it."""


def validation_lines(path: Path, artefacts: tuple[str, ...], problems: list[str], notes: list[str]) -> list[str]:
    """One line a problem, one a note, and a summary."""
    lines = [f"wrong: {one_line(problem)}" for problem in problems]
    lines += [f"note: {one_line(note)}" for note in notes]
    held = f"{len(artefacts)} artefact{'' if len(artefacts) == 1 else 's'}"
    wrong = f"{len(problems)} thing{'' if len(problems) == 1 else 's'} wrong" if problems else "nothing wrong"
    return [*lines, f"{path}: {held}, {wrong}"]


def ill_formed(problems: list[str]) -> list[str]:
    """A line where a dump that could be compared is not in form all the same: what it says may not be what it holds."""
    return [f"Not in form: {one_line(first_of(problems))}"] if problems else []


def comparison_document(
    recordings: list[Found],
    not_compared: list[str],
    errors: dict[str, str],
    *,
    missing: int = 0,
    required: tuple[str, ...] = (),
) -> Found:
    """All of a `parity compare`, as its JSON has it (docs/reference/comparison-json.md, `comparison_schema.json`).

    Parameters
    ----------
    not_compared : sentences about recordings that only one side has
    errors : recording -> why it could not be read, in one line
    missing : how many recordings of the reference the candidate has not
    required : artefacts that had to be compared, as they were asked for
    """
    words = [recording["verdict"] for recording in recordings]
    return {
        "schema": SCHEMA,
        "version": __version__,
        "verdict": worst([*words, *[ERROR] * len(errors), *[LIMITED] * missing]),
        "required": list(required),
        "recordings": recordings,
        "not_compared": not_compared,
        "errors": errors,
    }


def comparison_data(
    found: DumpComparison,
    explanation: Explanation | None = None,
    diagnoses: Iterable[Diagnosis] = (),
    not_diagnosed: str = "",
) -> Found:
    """A comparison as plain data.

    Parameters
    ----------
    diagnoses : of stages where drift is born
    not_diagnosed : why the first of them was not looked up; empty where it was, or where nothing drifts
    """
    first = found.first_drift
    return {
        "name": found.name,
        "origin": list(found.origin),
        "verdict": found.verdict,
        "conventions": list(found.conventions),
        "doubts": list(found.doubts),
        "seen": found.seen,
        "form": list(found.form),
        "lacking": list(found.lacking),
        "first_drift": first.name if first else None,
        "artefacts": [_artefact(artefact) for artefact in found.artefacts],
        "turns": {name: _turns(turns) for name, turns in found.turns.items()},
        "left_out": list(found.left_out),
        "extra": list(found.extra),
        "margins": [finite(asdict(margin)) for margin in found.headroom.margins],
        "margins_unknown": [asdict(unknown) for unknown in found.headroom.unknown],
        "class_chunks": list(found.headroom.class_chunks) if found.headroom.class_chunks else None,
        "difference": difference_data(found.difference),
        "truth": standing_data(found.truth),
        "declaration": declaration_data(found.declaration),
        "explanation": None if explanation is None else explanation_data(explanation),
        "diagnoses": [diagnosis_data(diagnosis) for diagnosis in diagnoses],
        "not_diagnosed": not_diagnosed,
    }


def _artefact(found: Compared) -> Found:
    drift = found.drift
    return {
        "name": found.name,
        "stage": found.stage,
        "verdict": found.verdict,
        "by": list(found.by),
        "max_abs": None if drift is None or (not drift.compared and drift.note) else _finite(drift.max_abs),
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
    """One line per artefact."""
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
    return uncut(grid)


def headroom_table(found: Found) -> Table:
    """The closest call of each kind of decision, and how many times the candidate's drift that is."""
    grid = Table(box=SIMPLE_HEAD, title="closest decisions", title_justify="left", padding=(0, 1, 0, 0))
    for column in ("decision", "margin", "drift there", "headroom", "where"):
        right = column in ("margin", "drift there", "headroom")
        grid.add_column(column, justify="right" if right else "left", no_wrap=right)
    for margin in found["margins"]:
        grid.add_row(*(Text(cell) for cell in _call(margin)))
    grid.caption = "headroom: margin / drift seen there, ∞ where nothing moved; below 1 the decision may have flipped"
    grid.caption_justify = "left"
    return uncut(grid)


def _call(margin: Found) -> tuple[str, ...]:
    """A row: of all decisions of a kind the closest one, or the one with the least headroom where that is another."""
    size, drift, where = scientific(margin["smallest"]), scientific(margin["drift"]), margin["where"]
    if margin["least_headroom"] is not None and margin["least_where"] != where:
        more = f"{where}\nleast headroom: {margin['least_where']}"
        return (
            margin["decision"],
            size,
            drift,
            f"{_times(margin['headroom'])}\n{_times(margin['least_headroom'])}",
            more,
        )
    if margin["drift"] is None:
        return margin["decision"], size, "—", "—", where
    return margin["decision"], size, drift, _times(margin["headroom"]), where


def _times(headroom: float | None) -> str:
    return "∞" if headroom is None else f"{headroom:.2g}" if headroom < 1000 else f"{headroom:.1e}"


def _of_margins(found: Found) -> list[str]:
    """In how many chunks classes were judged, and of what nothing can be said, and why."""
    lines = []
    if found["class_chunks"] and found["class_chunks"][0] < found["class_chunks"][1]:
        judged, total = found["class_chunks"]
        lines.append(f"Best powerset class: judged in {judged} of {total} chunks; the others' logits are not in both.")
    if found["margins_unknown"]:
        listed = "; ".join(f"{entry['decision']} ({_lacking(entry)})" for entry in found["margins_unknown"])
        lines.append(f"How close these decisions are cannot be said: {listed}.")
    return lines


def _lacking(entry: Found) -> str:
    sides = [(side, entry[side]) for side in ("reference", "candidate") if entry[side]]
    return ", ".join(f"the {side} has no usable {' or '.join(names)}" for side, names in sides)


def in_words(found: Found) -> list[str]:
    """What made both sides, first to drift, what gross mismatches look like, DER, turns, what was not compared."""
    doubts = [f"{capital(doubt)}." for doubt in found["doubts"]]
    lines = [*found["origin"], *declared_in_words(found["declaration"]), *doubts, _first(found)]
    for diagnosis in found["diagnoses"]:
        lines += diagnosis_lines(diagnosis)
    lines += not_diagnosed_lines(found)
    lines += [f"{a['name']}: {a['looks_like']}." for a in found["artefacts"] if a["looks_like"]]
    if found["explanation"] is None:
        lines += difference_in_words(found["difference"], found["diagnoses"])
    lines += standing_lines(found["truth"])
    for name, turns in found["turns"].items():
        lines += _turns_in_words(name, turns)
    for key, words in (("left_out", "Not in the candidate"), ("extra", "Only in the candidate")):
        if found[key]:
            lines.append(f"{words}, not compared: {', '.join(found[key])}.")
    lines += _of_margins(found)
    lines += ill_formed(found["form"])
    if found["seen"]:
        lines.append(f"Compared with {found['seen']}; a fingerprint is taken at its word.")
    elif found["explanation"] is None and found["verdict"] in (DRIFT, INCONCLUSIVE):
        lines.append("Which stage decides was not asked: --explain, for a fixture of the catalogue.")
    return lines


def _first(found: Found) -> str:
    in_part = [f"{a['name']} ({a['verdict']})" for a in found["artefacts"] if a["verdict"] in (PARTLY_SEEN, UNTOLD)]
    if found["first_drift"] is None and in_part:
        return f"Not compared whole: {', '.join(in_part)}."
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
