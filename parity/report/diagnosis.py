"""What a diagnosis says: as plain data, as lines for a terminal or Markdown, and as the cause in a first line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parity.report.wording import capital

if TYPE_CHECKING:
    from parity.diagnosis.result import Diagnosis, Mistake, Parameter

Found = dict[str, Any]

MOST_ALIKE = 3
"""Mistakes that are the same on a recording and are listed beside the one that is named."""


def diagnosis_data(found: Diagnosis) -> Found:
    """A diagnosis as plain data (docs/reference/json.md)."""
    return {
        "stage": found.stage,
        "verdict": found.verdict,
        "judged_by": list(found.judged_by),
        "mistake": _mistake(found.mistake),
        "runner_up": _mistake(found.runner_up),
        "tried": found.tried,
        "not_tried": list(found.not_tried),
        "given": found.given,
        "note": found.note,
        "check": found.check,
        "kit": found.kit,
        "seconds": round(found.seconds, 3),
    }


def _mistake(found: Mistake | None) -> Found | None:
    if found is None:
        return None
    return {
        "name": found.name,
        "about": found.about,
        "left": {"choosing": _finite(found.left.choosing), "confirming": _finite(found.left.confirming)},
        "parameter": _parameter(found.parameter),
        "same": [{"name": other.name, "about": other.about} for other in found.same],
    }


def _parameter(found: Parameter | None) -> Found | None:
    return None if found is None else asdict(found)


def _finite(left: float) -> float | None:
    """None where a mistake breaks what the candidate has right."""
    return left if left < float("inf") else None


def diagnosis_lines(found: Found) -> list[str]:
    """A diagnosis in words: what it is, how sure, what comes next, what to check, where the formula stands."""
    if found["mistake"] is None:
        lines = [f"{capital(found['stage'])}: nothing known makes this; {found['tried']} mistakes tried. {_why(found)}"]
    else:
        lines = [f"{capital(found['stage'])}: {named_mistake(found)}; {_evidence(found)}."]
        lines += [f"  or, the same on this recording: {alike}" for alike in _alike(found["mistake"])]
    lines.append(f"  Check first: {found['check']}.")
    lines.append(f"  Formula: {found['kit']} of a kit (parity kit).")
    lines += [f"  Not tried: {line}." for line in found["not_tried"]]
    return lines


def named_mistake(found: Found) -> str:
    """The mistake in a few words, with its name; of one with a parameter the value."""
    mistake = found["mistake"]
    return f"{mistake['about']}{_value(mistake)} ({mistake['name']})"


def of_first_line(diagnoses: Iterable[Found], stage: str) -> str:
    """A sentence for a first line; empty where no mistake of that stage is named."""
    found = next((entry for entry in diagnoses if entry["stage"] == stage and entry["mistake"] is not None), None)
    if found is None:
        return ""
    others = len(found["mistake"]["same"])
    alike = f" {others} other{' makes' if others == 1 else 's make'} the same here." if others else ""
    return f"Mistake: {named_mistake(found)}, which leaves {_percent(found['mistake'])} of the difference.{alike}"


def _value(mistake: Found) -> str:
    parameter = mistake["parameter"]
    if parameter is None:
        return ""
    low, high = parameter["low"], parameter["high"]
    if high > low:
        return f" [{parameter['name']} {parameter['value']:.4g}; all from {low:.4g} to {high:.4g} are the same here]"
    if parameter["reference"] is None:
        return f" [{parameter['name']} {parameter['value']:.4g}]"
    return f" [{parameter['name']} {parameter['value']:.4g} for {parameter['reference']:.4g}]"


def _evidence(found: Found) -> str:
    runner = found["runner_up"]
    words = f"leaves {_percent(found['mistake'])} of the difference in {' and '.join(found['judged_by'])}"
    if runner is None:
        return words
    return f"{words}, the next one ({runner['name']}) {_percent(runner)}"


def _why(found: Found) -> str:
    runner = found["runner_up"]
    if runner is None or "fit alike" in found["note"]:
        return f"{capital(found['note'])}."
    return f"The nearest, {runner['name']}, leaves {_percent(runner)} of the difference."


def _alike(mistake: Found) -> list[str]:
    listed = [f"{other['about']} ({other['name']})" for other in mistake["same"][:MOST_ALIKE]]
    more = len(mistake["same"]) - len(listed)
    return [*listed, *([f"{more} more (--json has all)"] if more > 0 else [])]


def _percent(mistake: Found) -> str:
    """What is left, in words; the worse of the two halves."""
    halves = mistake["left"].values()
    if any(half is None for half in halves):
        return "nothing right"
    worst = 100 * max(halves)
    return "nothing" if worst < 1e-3 else "all" if 99.95 <= worst < 100.05 else f"{worst:.2g} %"
