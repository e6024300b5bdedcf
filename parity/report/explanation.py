"""An explanation in the terminal: a table of the stages, and in words what was born, what decided, what carries it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from parity.explanation import (
    BORN,
    BORN_SMALL,
    INTO_REFERENCE,
    UNCLEAR,
    Element,
    Elements,
    Explanation,
    StageVerdict,
)
from parity.report.document import finite
from parity.report.markdown import number, scientific

STYLES = {BORN: "bold red", BORN_SMALL: "red", "inherited": "yellow", UNCLEAR: "yellow", "within": "green"}
SHORT = {BORN_SMALL: "born, small", UNCLEAR: "unclear"}
MOST_ELEMENTS = 8


def explanation_document(found: Explanation) -> dict[str, Any]:
    """Everything an explanation says, ready for JSON."""
    return _finite(asdict(found))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(inner) for inner in value]
    return finite(value)


def explanation_table(found: Explanation) -> Table:
    """One line a stage; fits eighty columns."""
    title = f"{found.fixture} · {found.implementation}"
    grid = Table(box=SIMPLE_HEAD, title=Text(title), title_justify="left", padding=(0, 1, 0, 0))
    for column in ("stage", "verdict", "isolated", "cascaded", "by limit", "by noise", "gain"):
        grid.add_column(column, justify="left" if column in ("stage", "verdict") else "right", no_wrap=True)
    for stage in found.stages:
        grid.add_row(
            stage.stage,
            Text(SHORT.get(stage.verdict, stage.verdict), style=STYLES.get(stage.verdict, "dim")),
            size(stage.isolated, stage.isolated_ratio),
            size(stage.cascaded, stage.cascaded_ratio),
            times(stage),
            "" if stage.noise_ratio is None else f"{stage.noise_ratio:.2g}",
            gain(stage),
        )
    grid.caption = (
        "isolated: on the reference's inputs, cascaded: on its own; n≠: elements that differ\n"
        "by limit, by noise: in units of the tolerance, of the reference's own noise\n"
        "gain: relative drift a stage makes of the relative drift it reads"
    )
    grid.caption_justify = "left"
    return grid


def in_words(found: Explanation) -> list[str]:
    """What was found, a sentence a line."""
    lines = [_born(found)]
    if not found.answer_changed:
        lines.append("the answer is the reference's: both RTTMs, line for line")
    else:
        lines += _decided(found)
    if found.elements is not None:
        lines += elements_in_words(found.elements)
    if found.layers:
        lines.append(_layers(found))
    lines += [
        f"{stage.stage}: {', '.join(stage.uncompared)} compared in part or not at all"
        for stage in found.stages
        if stage.uncompared and stage.verdict not in ("within", "not compared")
    ]
    runs = ", ".join(f"{name} {count}" for name, count in found.network_runs.items())
    lines.append(f"{found.seconds:.0f} s; chunks that networks worked on: {runs or 'none'}")
    return lines


def elements_in_words(elements: Elements) -> list[str]:
    """The decisive elements, neighbours together."""
    kind = "the fewest found within the budget, not minimal" if not elements.minimal else "none can be left out"
    lines = [
        f"failure: {elements.signature}",
        f"{len(elements.chosen)} of {elements.differing} differing elements of {elements.artefact}, taken from the "
        f"reference, restore the answer ({kind}; {elements.runs} runs, {elements.unresolved} unresolved):",
        *(f"  {line}" for line in _listed(elements.chosen)),
    ]
    if elements.sufficient:
        lines.append(f"{len(elements.sufficient)}, put into the reference, bring the same failure about:")
        lines += [f"  {line}" for line in _listed(elements.sufficient)]
    return lines


def size(value: float | None, ratio: float | None) -> str:
    """A drift; a count where elements differ that must not."""
    if value is None:
        return "—"
    return f"{value:.0f}≠" if ratio == float("inf") and value >= 1 else scientific(value)


def times(stage: StageVerdict) -> str:
    """The worse of the two drifts in units of its tolerance."""
    ratios = [ratio for ratio in (stage.isolated_ratio, stage.cascaded_ratio) if ratio is not None]
    if not ratios:
        return ""
    worst = max(ratios)
    return "∞" if worst == float("inf") else f"{worst:.2g}" if worst < 1000 else f"{worst:.1e}"


def gain(stage: StageVerdict) -> str:
    """How much a stage makes of the relative drift it reads."""
    found = stage.amplification
    return "" if found is None or found.gain is None else f"{found.gain:.2g}"


def _born(found: Explanation) -> str:
    if not found.named:
        bad = [stage.stage for stage in found.stages if stage.verdict not in ("within", "not compared")]
        return "nothing is out of tolerance" if not bad else f"out of tolerance, birthplace unclear: {', '.join(bad)}"
    words = []
    for stage in found.stages:
        if stage.verdict == BORN:
            where = f" at {stage.where}" if stage.where else ""
            alone = stage.isolated if stage.isolated is not None else stage.cascaded
            amount = size(alone, stage.isolated_ratio if stage.isolated is not None else stage.cascaded_ratio)
            words.append(f"{stage.stage} ({stage.artefact} {amount}{where})")
        elif stage.verdict == BORN_SMALL:
            words.append(f"{stage.stage} ({stage.artefact} {scientific(stage.cascaded)}, inside its own tolerance)")
    return f"born in: {'; '.join(words)}"


def _decided(found: Explanation) -> list[str]:
    if found.interaction:
        return [f"no single stage decides: {' and '.join(found.interaction)} together restore the answer"]
    if found.decisive is None:
        return ["the answer differs, and no single stage's patch restores it"]
    other_way = [p for p in found.patches if p.direction == INTO_REFERENCE and p.stages == (found.decisive,)]
    der = max((patch.der for patch in other_way), default=0)
    return [
        f"decided in: {found.decisive}; the reference's {found.decisive}, put into the candidate, restores both RTTMs; "
        f"the candidate's, put into the reference, makes a DER of {number(der)}"
    ]


def _layers(found: Explanation) -> str:
    first = next((layer for layer in found.layers if not layer.within), None)
    if first is None:
        return f"layers: all {len(found.layers)} within tolerance"
    return (
        f"layers: first out of tolerance is {first.network}/{first.layer}: {scientific(first.relative)} of its RMS, "
        f"limit {scientific(first.limit)}"
    )


def _listed(elements: Iterable[Element]) -> list[str]:
    groups: list[list[Element]] = []
    for element in elements:
        if groups and _neighbours(groups[-1][-1], element):
            groups[-1].append(element)
        else:
            groups.append([element])
    lines = [_group(group) for group in groups[:MOST_ELEMENTS]]
    return lines + ([f"and {len(groups) - MOST_ELEMENTS} more"] if len(groups) > MOST_ELEMENTS else [])


def _neighbours(before: Element, after: Element) -> bool:
    if not before.index or before.index[:-1] != after.index[:-1] or before.speakers != after.speakers:
        return False
    return after.index[-1] == before.index[-1] + 1 and before.end is not None and after.start is not None


def _group(group: list[Element]) -> str:
    first, last = group[0], group[-1]
    place = first.where.rpartition(", at ")[0] or first.where
    if len(group) > 1:
        place += f" to {last.index[-1]}"
    seconds = "" if first.start is None else f", {first.start:.2f} to {last.end:.2f} s"
    who = f", {', '.join(first.speakers)}" if first.speakers else ""
    return f"{place or 'all of it'}{seconds}{who} (drift {scientific(max(e.drift for e in group))})"
