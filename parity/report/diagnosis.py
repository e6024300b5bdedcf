"""What a diagnosis says: as plain data, as lines for a terminal or Markdown, and as the cause in a first line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from parity.report.wording import capital, code_span, inert, listed

if TYPE_CHECKING:
    import numpy as np

    from parity.diagnosis.result import Diagnosis, Evidence, Mistake, Parameter

Found = dict[str, Any]

MOST_ALIKE = 3
"""Mistakes that are the same on a recording and are listed beside the one that is named."""


def diagnosis_data(found: Diagnosis, confirm: str = "") -> Found:
    """A diagnosis as plain data (docs/reference/parity-json.md).

    Parameters
    ----------
    confirm : the command that confirms it, once it is mended; empty where it is the one that was given
    """
    data = {
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
        "evidence": None if found.evidence is None else _drawn(found.evidence),
        "confirm": confirm,
    }
    return {**data, "mend": mend(data)}


def _drawn(shown: Evidence) -> Found:
    return {
        "artefact": shown.artefact,
        "where": shown.where,
        "shape": list(shown.shape),
        "start": shown.start,
        "candidate": _numbers(shown.candidate),
        "reference": _numbers(shown.reference),
        "mistaken": None if shown.mistaken is None else _numbers(shown.mistaken),
    }


def _numbers(values: np.ndarray) -> list[float | None]:
    return [float(value) if abs(value) < float("inf") else None for value in values]


def mend(found: Found) -> str:
    """How to mend it, in a sentence or two."""
    mistake = found["mistake"]
    formula = f" The formula is in {found['kit']} of a kit (parity kit)." if found["kit"] else ""
    if mistake is None:
        return f"{capital(found['check'])}.{formula}"
    known = _parameters(mistake)
    if known and all(parameter["reference"] is not None for parameter in known):
        acts = " and ".join(f"{parameter['name']} {parameter['value']:.6g}" for parameter in known)
        want = " and ".join(f"{parameter['reference']:.6g}" for parameter in known)
        what = f"Yours acts like {acts}; make that {want}."
    else:
        what = f"Your {found['stage']} does this: {mistake['about']}. Do what the reference does."
    return f"{what}{formula}"


def _mistake(found: Mistake | None) -> Found | None:
    if found is None:
        return None
    return {
        "name": found.name,
        "about": found.about,
        "left": {"choosing": _finite(found.left.choosing), "confirming": _finite(found.left.confirming)},
        "parameter": _parameter(found.parameter),
        "second_parameter": _parameter(found.second_parameter),
        "same": [{"name": other.name, "about": other.about} for other in found.same],
    }


def _parameter(found: Parameter | None) -> Found | None:
    return None if found is None else asdict(found)


def _finite(left: float) -> float | None:
    """None where a mistake breaks what the candidate has right."""
    return left if left < float("inf") else None


def diagnosis_lines(found: Found) -> list[str]:
    """A diagnosis in words: what it is, how sure, what comes next, what to check, how to mend it, what confirms it."""
    if found["mistake"] is None:
        lines = [f"{capital(found['stage'])}: nothing known makes this; {found['tried']} mistakes tried. {_why(found)}"]
    else:
        lines = [f"{capital(found['stage'])}: {named_mistake(found)}; {_evidence(found)}."]
        lines += [f"  or, the same on this recording: {alike}" for alike in _alike(found["mistake"])]
    lines.append(f"  Check first: {found['check']}.")
    if found["mistake"] is not None:
        lines.append(f"  Mend: {found['mend']}")
    elif found["kit"]:
        lines.append(f"  Formula: {found['kit']} of a kit (parity kit).")
    lines += [f"  Then: {found['confirm']}"] if found["confirm"] else []
    if found["mistake"] is None:  # else what was left out is no news, and JSON has it
        lines += _not_tried(found["not_tried"])
    return lines


def _not_tried(not_tried: Sequence[str]) -> list[str]:
    """What could not be tried and why, a line each; what there was no time for, in one."""
    late = [line for line in not_tried if ": no time was left" in line]
    others = [line for line in not_tried if line not in late]
    lines = [f"  Not tried: {line}." for line in others]
    if late:
        more = f" and {len(late) - 1} more" if len(late) > 1 else ""
        lines.append(f"  No time was left for: {late[0].partition(':')[0]}{more}.")
    return lines


def not_diagnosed_lines(found: Found) -> list[str]:
    """Why known mistakes were not tried, in a line; none where they were, or nobody had to ask."""
    why = found.get("not_diagnosed", "")
    return [f"Which mistake it is was not asked: {why}."] if why else []


def diagnosis_markdown(diagnoses: Iterable[Found], of: str = "") -> list[str]:
    """The same as lists of Markdown, one per stage; nothing where nothing was looked up.

    Parameters
    ----------
    of : the recording's name, where there are several
    """
    lines: list[str] = []
    for found in diagnoses:
        first, *others = [line.strip() for line in diagnosis_lines(found) if not line.startswith("  Then: ")]
        confirm = [f"  - Then: {code_span(found['confirm'])}"] if found["confirm"] else []
        lines += [f"- {inert(f'{of}: {first}' if of else first)}", *(f"  - {inert(line)}" for line in others), *confirm]
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


def _parameters(mistake: Found) -> list[Found]:
    """The values of a mistake: none, one, or two that explain it together."""
    return [mistake[key] for key in ("parameter", "second_parameter") if mistake.get(key) is not None]


def _value(mistake: Found) -> str:
    said = [_range(parameter) for parameter in _parameters(mistake)]
    return f" [{' and '.join(said)}]" if said else ""


def _range(parameter: Found) -> str:
    low, high, start = parameter["low"], parameter["high"], f"{parameter['name']} {parameter['value']:.4g}"
    if high > low:
        return f"{start}; all from {low:.4g} to {high:.4g} are the same here"
    return start if parameter["reference"] is None else f"{start} for {parameter['reference']:.4g}"


def _evidence(found: Found) -> str:
    runner = found["runner_up"]
    words = f"leaves {_percent(found['mistake'])} of the difference in {listed(found['judged_by'])}"
    if runner is None:
        return words
    return f"{words}, the next one, {runner['name']}, {_percent(runner)}"


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
    if worst >= 99.95:
        return "all" if worst < 100.05 else "more than all"
    return "nothing" if worst < 1e-3 else f"{worst:.2g} %"
