"""Two trees of captures side by side: one row per recording, one row per artefact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.comparison import DIFFERENT, EQUIVALENT, EXACT
from parity.report.ci.wording import held_markdown
from parity.report.comparison import Found, size
from parity.report.diagnosis import diagnosis_markdown, not_diagnosed_lines
from parity.report.differences import difference_in_words
from parity.report.grid import fits, uncut
from parity.report.wording import inert, inert_table, number

RECORDINGS = (
    "recording",
    "exact / equivalent / different",
    "first not exact",
    "first to drift",
    "embeddings",
    "labels",
    "RTTM",
    "DER, exclusive",
)
ARTEFACT_COLUMNS = ("artefact", "exact", "equivalent", "different", "largest difference", "in")
IN_NO_TERMINAL = ("first not exact", "labels", "embeddings")
"""What a terminal of eighty columns has no room for, the first of them never."""
LABELS = "hard_clusters"
NONE = "—"
KEY = (
    "*exact*: bit for bit; *equivalent*: within tolerance, conventions undone; *different*: beyond it. *embeddings*: "
    "largest difference. *labels*: the cluster of every speaker of every chunk. *RTTM*: turns lost and new, both kinds."
)


def recording_rows(found: Sequence[Found]) -> list[tuple[str, ...]]:
    """One row per recording, under `RECORDINGS`."""
    return [_recording(entry) for entry in found]


def _recording(found: Found) -> tuple[str, ...]:
    artefacts = {artefact["name"]: artefact for artefact in found["artefacts"]}
    verdicts = Counter(artefact["verdict"] for artefact in artefacts.values())
    moved = next((name for name, artefact in artefacts.items() if artefact["verdict"] != EXACT), NONE)
    turns = found["turns"]
    return (
        found["name"],
        " / ".join(str(verdicts[verdict]) for verdict in (EXACT, EQUIVALENT, DIFFERENT)),
        moved,
        found["first_drift"] or NONE,
        size(artefacts["embeddings"]) if "embeddings" in artefacts else NONE,
        _labels(artefacts.get(LABELS)),
        _rttm([turns[name] for name in turns]),
        ", ".join(number(turns[name]["der"]) for name in turns) or NONE,
    )


def _labels(artefact: Found | None) -> str:
    if artefact is None:
        return NONE
    return "same" if artefact["verdict"] != DIFFERENT else size(artefact)


def _rttm(turns: Sequence[Found]) -> str:
    if not turns:
        return NONE
    lost = sum(len(found["only_reference"]) for found in turns)
    new = sum(len(found["only_candidate"]) for found in turns)
    return f"-{lost} +{new} turns" if lost or new else "same"


def artefact_rows(found: Sequence[Found]) -> list[tuple[str, ...]]:
    """One row per artefact over all recordings, under `ARTEFACT_COLUMNS`, in the pipeline's order."""
    seen = {name: [(e["name"], a) for e in found for a in e["artefacts"] if a["name"] == name] for name in ARTEFACTS}
    return [_artefact(name, entries) for name, entries in seen.items() if entries]


def _artefact(name: str, entries: Sequence[tuple[str, Found]]) -> tuple[str, ...]:
    verdicts = Counter(artefact["verdict"] for _, artefact in entries)
    worst, (recording, artefact) = max(((_badness(a), (where, a)) for where, a in entries), key=lambda item: item[0])
    nothing = worst == (False, 0.0, 0)
    counts = (str(verdicts[verdict]) for verdict in (EXACT, EQUIVALENT, DIFFERENT))
    how_far = "other turns" if artefact["compared"] is None else size(artefact)
    return (name, *counts, "0" if nothing else how_far, NONE if nothing else recording)


def _badness(artefact: Found) -> tuple[bool, float, int]:
    # What has no distance, other shapes and other turns, is worse than any that has one.
    distance = artefact["max_abs"]
    if distance is None:
        return (artefact["verdict"] == DIFFERENT, 0.0, artefact["mismatches"] or 0)
    return (isinstance(distance, str), 0.0 if isinstance(distance, str) else distance, artefact["mismatches"])


def tree_table(found: Sequence[Found]) -> Table:
    """The recordings, for a terminal: without some columns, which Markdown and JSON have, where they do not fit."""
    for left_out in (1, 2, 3):
        grid = _tree(found, IN_NO_TERMINAL[:left_out])
        if fits(grid):
            break
    return uncut(grid)


def _tree(found: Sequence[Found], left_out: Sequence[str]) -> Table:
    grid = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    shorter = {RECORDINGS[1]: "e/q/d", "DER, exclusive": "DER"}
    shown = [i for i, column in enumerate(RECORDINGS) if column not in left_out]
    for i in shown:
        grid.add_column(shorter.get(RECORDINGS[i], RECORDINGS[i]), no_wrap=True)
    for name, verdicts, *others in recording_rows(found):
        row = (name, verdicts.replace(" ", ""), *others)
        grid.add_row(*(Text(row[i]) for i in shown))
    grid.caption = "e/q/d: artefacts exact, equivalent, different"
    grid.caption_justify = "left"
    return grid


def origins(found: Sequence[Found]) -> list[str]:
    """What was compared with what: the lines once where all recordings have the same, by recording otherwise."""
    said = {entry["name"]: " ".join(entry["origin"]) for entry in found if entry["origin"]}
    if len(set(said.values())) == 1 and len(said) == len(found):
        return [next(iter(said.values()))]
    return [f"{name}: {line}" for name, line in said.items()]


def tree_markdown(
    title: str, found: Sequence[Found], remarks: Sequence[str], verdict: str = "", held: Sequence[str] = ()
) -> str:
    """The mistakes behind what drifts, and both tables, as Markdown.

    Parameters
    ----------
    title : the heading
    found : comparisons as `parity.report.comparison.comparison_data` gives them
    remarks : what was not compared, or could not be, one line each
    verdict : the first line, `parity.report.headline.of_comparison`
    held : what was held against the port (`parity.report.ci.gate_lines`); it comes before that
    """
    lines = [f"# {inert(title)}", "", *held_markdown(held), *([inert(verdict), ""] if verdict else [])]
    lines += [f"{inert(line)}\n" for line in origins(found)]
    if said := [line for entry in found for line in _diagnosed(entry, len(found) > 1)]:
        lines += [*said, ""]
    lines += [
        *inert_table(RECORDINGS, recording_rows(found)),
        "",
        KEY,
        "",
        *inert_table(ARTEFACT_COLUMNS, artefact_rows(found)),
    ]
    if remarks:
        lines += ["", *(f"- {inert(remark)}" for remark in remarks)]
    return "\n".join(lines) + "\n"


def _diagnosed(found: Found, several: bool) -> list[str]:
    """Which mistake makes what drifts in a recording, or why none is named, and what the difference looks like."""
    of = found["name"] if several else ""
    lines = diagnosis_markdown(found["diagnoses"], of)
    others = [*not_diagnosed_lines(found), *difference_in_words(found["difference"], found["diagnoses"])]
    return [*lines, *(f"- {inert(f'{of}: {line}' if of else line)}" for line in others)]
