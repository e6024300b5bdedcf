"""An explanation in words and as a table of stages, from the data of `parity.json`: what was born, decided, carried."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from parity.explain.explanation import (
    BORN,
    BORN_SMALL,
    INHERITED,
    INTO_REFERENCE,
    NOT_COMPARED,
    NOT_SUPPLIED,
    RAISED,
    TO_BLAME,
    UNCLEAR,
    WITHIN,
)
from parity.measure.verdicts import DRIFT
from parity.report.declared import declared_in_words
from parity.report.diagnosis import diagnosis_lines, not_diagnosed_lines
from parity.report.differences import difference_in_words
from parity.report.grid import uncut
from parity.report.standing import standing_lines
from parity.report.wording import capital, either, number, scientific

STYLES = {
    BORN: "bold red",
    RAISED: "bold red",
    BORN_SMALL: "red",
    INHERITED: "yellow",
    UNCLEAR: "yellow",
    WITHIN: "green",
}
SHORT = {BORN_SMALL: "born, small", UNCLEAR: "unclear", NOT_SUPPLIED: "not supplied"}
MOST_ELEMENTS = 8

Found = dict[str, Any]
"""An explanation, or a part of one, as `parity.json` has it."""


def explanation_table(found: Found) -> Table:
    """One line per stage; fits eighty columns."""
    title = Text(f"{found['fixture']} · {found['implementation']}")
    grid = Table(box=SIMPLE_HEAD, title=title, title_justify="left", padding=(0, 1, 0, 0))
    for column in ("stage", "verdict", "isolated", "cascaded", "by limit", "by noise", "gain"):
        grid.add_column(column, justify="left" if column in ("stage", "verdict") else "right", no_wrap=True)
    for stage in found["stages"]:
        verdict = stage["verdict"]
        grid.add_row(
            stage["stage"],
            Text(SHORT.get(verdict, verdict), style=STYLES.get(verdict, "dim")),
            size(stage["isolated"], stage["isolated_ratio"]),
            size(stage["cascaded"], stage["cascaded_ratio"]),
            times(stage),
            "" if stage["noise_ratio"] is None else f"{stage['noise_ratio']:.2g}",
            gain(stage),
        )
    grid.caption = (
        "isolated: on the reference's inputs; cascaded: on its own; n≠: elements differ\n"
        "by limit, by noise: in units of the tolerance, of the reference's own noise\n"
        "gain: relative drift a stage makes of the relative drift it reads"
    )
    grid.caption_justify = "left"
    return uncut(grid)


def in_words(found: Found) -> list[str]:
    """Everything that was found, one sentence per line."""
    lines = [*_of_arrays(found), *verdict(found)]
    lines += [line for diagnosis in found.get("diagnoses", ()) for line in diagnosis_lines(diagnosis)]
    lines += not_diagnosed_lines(found)
    diagnoses = found.get("diagnoses", ())
    lines += [line for difference in found["differences"] for line in difference_in_words(difference, diagnoses)]
    lines += standing_lines(found.get("truth"))
    if found["elements"] is not None:
        lines += elements_in_words(found["elements"])
    if found["layers"]:
        lines.append(layers_in_words(found["layers"]))
    lines += [_in_part(stage) for stage in found["stages"] if stage["uncompared"] and not _fine(stage)]
    if not _diarizes(found):
        return lines
    runs = ", ".join(f"{name} {count}" for name, count in found["network_runs"].items())
    kept = f"; from the cache: {', '.join(found['not_run'])}" if found.get("not_run") else ""
    return [*lines, f"{found['seconds']:.0f} s; chunks that networks worked on: {runs or 'none'}{kept}"]


def _of_arrays(found: Found) -> list[str]:
    """What is said of a port's arrays before any blame, and what is declared of them; nothing where it is not known."""
    doubts = [f"{capital(doubt)}." for doubt in found.get("doubts", ())]
    return [*declared_in_words(found.get("declaration")), *doubts, *(f"{note}." for note in found.get("notes", ()))]


def verdict(found: Found) -> list[str]:
    """Where drift was born and what decided the answer, in sentences."""
    return [_born(found), *_decided(found)]


def elements_in_words(elements: Found) -> list[str]:
    """The decisive elements, neighbours together."""
    kind = "none can be left out" if elements["minimal"] else "the fewest found within the budget, not minimal"
    runs = f"{elements['runs']} runs, {elements['unresolved']} unresolved"
    lines = [
        f"The failure: {elements['signature']}.",
        f"{len(elements['chosen'])} of {elements['differing']} differing elements of {elements['artefact']}, taken "
        f"from the reference, restore the answer ({kind}; {runs}):",
        *(f"  {line}" for line in listed(elements["chosen"])),
    ]
    if elements["sufficient"]:
        lines.append(f"{len(elements['sufficient'])}, put into the reference, bring the same failure about:")
        lines += [f"  {line}" for line in listed(elements["sufficient"])]
    return lines


def layers_in_words(layers: list[Found]) -> str:
    """The first layer out of tolerance."""
    first = next((layer for layer in layers if not layer["within"]), None)
    if first is None:
        return f"All {len(layers)} layers of the networks are within tolerance."
    return (
        f"The first layer out of tolerance is {first['network']}/{first['layer']}: off by "
        f"{scientific(first['relative'])} of its RMS, limit {scientific(first['limit'])}."
    )


def listed(elements: Iterable[Found]) -> list[str]:
    """Elements in words, neighbours together, the first few."""
    groups: list[list[Found]] = []
    for element in elements:
        if groups and _neighbours(groups[-1][-1], element):
            groups[-1].append(element)
        else:
            groups.append([element])
    lines = [_group(group) for group in groups[:MOST_ELEMENTS]]
    return lines + ([f"and {len(groups) - MOST_ELEMENTS} more"] if len(groups) > MOST_ELEMENTS else [])


def size(value: float | str | None, ratio: float | str | None) -> str:
    """A drift; a count where elements differ that must not."""
    if value is None or isinstance(value, str):
        return "—" if value is None else value
    return f"{value:.0f}≠" if ratio == "inf" and value >= 1 else scientific(value)


def times(stage: Found) -> str:
    """The worse of the two drifts in units of its tolerance."""
    ratios = [float(ratio) for ratio in (stage["isolated_ratio"], stage["cascaded_ratio"]) if ratio is not None]
    if not ratios:
        return ""
    worst = max(ratios)
    return "∞" if worst == float("inf") else f"{worst:.2g}" if worst < 1000 else f"{worst:.1e}"


def gain(stage: Found) -> str:
    """How much a stage makes of the relative drift it reads."""
    found = stage["amplification"]
    if found is None or found["gain"] is None:
        return ""
    return f"{found['gain']:.2g}" if found["gain"] >= 0.01 or not found["gain"] else f"{found['gain']:.0e}"


def _diarizes(found: Found) -> bool:
    return found["stages"][-1]["stage"] != "transcript"


def _fine(stage: Found) -> bool:
    return stage["verdict"] in (WITHIN, NOT_COMPARED, NOT_SUPPLIED)


def _in_part(stage: Found) -> str:
    return f"What {stage['stage']} reads was compared in part or not at all: {', '.join(stage['uncompared'])}."


def _born(found: Found) -> str:
    born = [_birthplace(stage) for stage in found["stages"] if stage["verdict"] in TO_BLAME]
    if born:
        return f"Drift is born in {'; and in '.join(born)}."
    beyond = [stage["stage"] for stage in found["stages"] if not _fine(stage)]
    return f"Out of tolerance, birthplace unclear: {', '.join(beyond)}." if beyond else _within(found)


def _within(found: Found) -> str:
    if found.get("verdict") == DRIFT and found.get("notes"):
        return "All is within tolerance where both sides have it."
    return "All is within tolerance."


def _birthplace(stage: Found) -> str:
    if stage["verdict"] == RAISED:
        return stage["where"].partition("stage ")[2]
    if stage["verdict"] == BORN_SMALL:
        return (
            f"{stage['stage']}: {stage['artefact']} is {scientific(stage['cascaded'])} off, inside its own tolerance, "
            f"and puts what comes after it outside"
        )
    mode = "isolated" if stage["isolated"] is not None else "cascaded"
    where = f", worst at {stage['where']}" if stage["where"] else ""
    said = f"{stage['stage']} ({stage['artefact']}: {size(stage[mode], stage[f'{mode}_ratio'])}{where})"
    if stage["unsupplied"]:
        said += f", or before it in {either(stage['unsupplied'])}, of which the port supplied nothing"
    return said


def _decided(found: Found) -> list[str]:
    decisive = found["decisive"]
    if not found["answer_changed"]:
        same = "both RTTMs line for line" if _diarizes(found) else "token for token"
        return [f"The answer is the reference's, {same}, so no stage decides anything."]
    if found["interaction"]:
        together = f"No stage alone restores the answer; together {' and '.join(found['interaction'])} do."
        if not found["suspects"]:
            return [together]
        return [together, f"Inconclusive whether it is one mistake before them, in {either(found['suspects'])}."]
    if decisive is None:
        return _undecided(found)
    back = [p for p in found["patches"] if p["direction"] == INTO_REFERENCE and p["stages"] == [decisive]]
    ders = [patch["der"] for patch in back if patch["der"] is not None]
    made = f"makes a DER of {number(max(ders, default=0))}" if ders or not back else "breaks it"
    return [
        f"{decisive} decides: it is the earliest stage whose patch alone restores the reference's answer; put into the "
        f"reference, the candidate's {decisive} {made}.",
        *_doubt(found),
    ]


def _undecided(found: Found) -> list[str]:
    if not found["suspects"]:
        return ["The answer changed, and no patch that was tried restores it."]
    return [f"Inconclusive which stage decides: {either(found['suspects'])}{_settled(found)}."]


def _doubt(found: Found) -> list[str]:
    if not found["suspects"]:
        return []
    which = f"{either(found['suspects'])}, of which the port supplied nothing"
    return [f"Inconclusive whether {found['decisive']} went wrong or {which}{_settled(found)}."]


def _settled(found: Found) -> str:
    return f"; to settle it: {', or '.join(found['settle'])}" if found["settle"] else ""


def _neighbours(before: Found, after: Found) -> bool:
    if not before["index"] or before["index"][:-1] != after["index"][:-1] or before["speakers"] != after["speakers"]:
        return False
    return after["index"][-1] == before["index"][-1] + 1 and before["end"] is not None and after["start"] is not None


def _group(group: list[Found]) -> str:
    first, last = group[0], group[-1]
    place = first["where"].rpartition(", at ")[0] or first["where"]
    if len(group) > 1:
        place += f" to {last['index'][-1]}"
    seconds = "" if first["start"] is None else f", {first['start']:.2f} to {last['end']:.2f} s"
    who = f", {', '.join(first['speakers'])}" if first["speakers"] else ""
    worst = scientific(max(element["drift"] for element in group))
    return f"{place or 'all of it'}{seconds}{who} (drift {worst})"
