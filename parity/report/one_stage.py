"""One stage alone on several fixtures (`parity run --stage`): plain data, a table, the first line."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.measure.verdicts import DRIFT, ERROR, INCONCLUSIVE, PARITY, RAISES, worst
from parity.report.diagnosis import diagnosis_data, diagnosis_lines, not_diagnosed_lines, of_first_line
from parity.report.grid import uncut
from parity.report.wording import said, scientific

if TYPE_CHECKING:
    from collections.abc import Sequence

    from parity.gate.one_stage import Alone
    from parity.measure.drift import Drift

SCHEMA = 1


def stage_document(stage: str, implementation: str, found: Sequence[Alone]) -> dict[str, Any]:
    """Everything that was found, ready for JSON; the keys of an artefact are those of `parity.json`."""
    return {
        "schema": SCHEMA,
        "stage": stage,
        "implementation": implementation,
        "verdict": verdict(found),
        "fixtures": [
            {
                "name": alone.name,
                "status": alone.status,
                "note": alone.note,
                "seconds": round(alone.seconds, 4),
                "artefacts": [_plain(drift) for drift in alone.drifts],
                "diagnoses": [] if alone.diagnosis is None else [diagnosis_data(alone.diagnosis)],
                "not_diagnosed": alone.not_diagnosed,
            }
            for alone in found
        ],
    }


def verdict(found: Sequence[Alone]) -> str:
    """The worst of what was said of any fixture; inconclusive where nothing was compared on any."""
    words = [alone.status for alone in found]
    return worst(words) if {PARITY, DRIFT, RAISES, ERROR, INCONCLUSIVE} & set(words) else INCONCLUSIVE


def headline(document: dict[str, Any]) -> str:
    """The verdict, its cause, the next step."""
    word, fixtures, stage = document["verdict"], document["fixtures"], document["stage"]
    compared = [row for row in fixtures if row["artefacts"]]
    first = next((row for row in fixtures if row["status"] == word), None)
    counted = f"{stage} alone, on the reference's own inputs: {len(compared)} of {len(fixtures)} fixtures compared"
    if word == PARITY:
        return said(word, f"{counted}, all within tolerance")
    if first is None:
        return said(word, counted, f"On none of them did the reference run {stage}")
    if word != DRIFT:
        return said(word, f"{first['name']}: {first['note']}")
    drift = next(artefact for artefact in first["artefacts"] if not artefact["within"])
    example = f"Smallest example: {drift['where']}" if drift["where"] else drift["note"]
    mistake = of_first_line(first["diagnoses"], stage)
    cause, step = f"{first['name']}: {drift['artefact']}, isolated", f"Next: parity explain {first['name']}"
    return said(word, cause, mistake, example, step)


def stage_table(document: dict[str, Any]) -> Table:
    """One line per fixture and artefact."""
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), title=_title(document), title_justify="left")
    for column in ("fixture", "", "artefact", "compared", "max abs", "limit", "n≠"):
        right = column in ("compared", "max abs", "limit", "n≠")
        grid.add_column(column, justify="right" if right else "left", no_wrap=True)
    for row in document["fixtures"]:
        for number, drift in enumerate(row["artefacts"]):
            named = (row["name"], "" if drift["within"] else "drift") if not number or not drift["within"] else ("", "")
            numbers = (scientific(drift["max_abs"]), scientific(drift["tolerance"]), str(drift["mismatches"] or ""))
            grid.add_row(*named, drift["artefact"], str(drift["compared"]), *numbers)
        if not row["artefacts"]:
            grid.add_row(row["name"], row["status"])
    return uncut(grid)


def notes(document: dict[str, Any]) -> list[str]:
    """Which known mistake it is, and why there is nothing of a fixture in the table."""
    lines = []
    for row in document["fixtures"]:
        lines += [line for one in row["diagnoses"] for line in diagnosis_lines(one)]
        lines += not_diagnosed_lines(row)
        lines += [f"{row['name']}: {row['note']}"] if row["note"] else []
    return lines


def _title(document: dict[str, Any]) -> str:
    seconds = sum(row["seconds"] for row in document["fixtures"])
    return f"{document['stage']} alone · {document['implementation']} · {seconds:.2f} s in it"


def _plain(drift: Drift) -> dict[str, Any]:
    row = {key: _finite(value) for key, value in asdict(drift).items()}
    return row | {"worst_index": None if drift.worst_index is None else list(drift.worst_index)}


def _finite(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value
