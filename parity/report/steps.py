"""RNN-T replays as plain data (`reports/rnnt.json`, docs/measured/rnnt.md), a table, a line of statistics."""

from __future__ import annotations

from dataclasses import asdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.report.diagnosis import diagnosis_data, diagnosis_lines, not_diagnosed_lines
from parity.report.document import explanation_data
from parity.report.grid import uncut
from parity.report.wording import scientific

if TYPE_CHECKING:
    from parity.rnnt.step import Statistics
    from parity.subjects.rnnt.questions import StepResult

SCHEMA = 1
POINTS = 50  # of a drift by step that are kept, the largest of each stretch


def statistics_line(found: Statistics) -> str:
    """Counters, and microseconds per step spent in the two networks."""

    def spent(name: str) -> str:
        parts = asdict(getattr(found, name))
        return ", ".join(f"{part} {value / 1e3 / max(1, found.steps):.1f}" for part, value in parts.items())

    return (
        f"{found.steps} steps, {found.commits} commits, {found.resets} resets, {found.predictor_runs} predictor runs; "
        f"us per step: predictor {spent('predictor')}; joint {spent('joint')}"
    )


def steps_document(results: list[StepResult], *, implementation: str) -> dict[str, Any]:
    """`reports/rnnt.json`."""
    return {
        "schema": SCHEMA,
        "pipeline": "rnn-t",
        "weights": "seeded heads",
        "implementation": implementation,
        "fixtures": [_row(result) for result in results],
    }


def steps_table(document: dict[str, Any]) -> Table:
    """One line per fixture; fits eighty columns."""
    grid = Table(
        box=SIMPLE_HEAD,
        title=f"rnn-t · {document['implementation']} · {document['weights']}",
        title_justify="left",
        padding=(0, 1, 0, 0),
    )
    for column in ("fixture", "steps", "tokens", "logits", "state", "x", "first difference"):
        grid.add_column(column, justify="left" if column in ("fixture", "first difference") else "right", no_wrap=True)
    for row in document["fixtures"]:
        drifts = [_shown(row["drift"].get(name)) for name in ("log_probabilities", "predictor_state")]
        gain = "" if row["amplification"] is None else f"{row['amplification']:.1f}"
        grid.add_row(row["name"], str(row["steps"]), str(row["tokens"]), *drifts, gain, _difference(row))
    parity = sum(row["at_parity"] for row in document["fixtures"])
    grid.caption = (
        f"{parity} of {len(document['fixtures'])} at parity; logits, state: largest drift, free-running\n"
        "x: that of the state in units of what one step makes from the reference's own"
    )
    grid.caption_justify = "left"
    return uncut(grid)


def _shown(sides: dict[str, Any] | None) -> str:
    found = (sides or {}).get("cascaded")
    return "" if found is None else found if isinstance(found, str) else scientific(found)


def _difference(row: dict[str, Any]) -> str:
    if row["at_parity"]:
        return ""
    found = row["first_difference"]
    if found is None:
        return row["problems"][0] if row["problems"] else "none, but drift"
    margin = "" if found["margin"] is None else f", margin {found['margin']:.2g}"
    return f"step {found['step']}: {found['got']} for {found['want']}{margin}"


def _row(result: StepResult) -> dict[str, Any]:
    replay = result.replay
    drift: dict[str, dict[str, float | str]] = {}
    for found in replay.drifts:
        size = found.max_abs if np.isfinite(found.max_abs) else "shape"
        drift.setdefault(found.artefact, {})[found.mode] = size
    return {
        "name": result.fixture.name,
        "at_parity": result.at_parity,
        "backend_at_parity": all(found.within for found in result.backend),
        "steps": replay.steps,
        "reference_steps": replay.reference_steps,
        "tokens": replay.tokens,
        "reference_tokens": replay.reference_tokens,
        "drift": drift,
        "first_drift": replay.first_drift.artefact if replay.first_drift else None,
        "first_difference": asdict(replay.first_difference) if replay.first_difference else None,
        "closest": list(replay.closest) if replay.closest else None,
        "amplification": replay.amplification,
        "by_step": {name: _thinned(values) for name, values in replay.by_step.items()},
        "problems": list(replay.problems),
        "isolated_without": {stage: list(names) for stage, names in replay.isolated_without.items()},
        "explanation": explanation_data(result.explanation) if result.explanation else None,
        "diagnoses": [diagnosis_data(found) for found in result.asked.diagnoses],
        "not_diagnosed": result.asked.why_not,
    }


def diagnosed_lines(row: dict[str, Any]) -> list[str]:
    """Which mistake makes what drifts in a fixture, under its name; none where nothing drifts."""
    lines = [line for found in row["diagnoses"] for line in diagnosis_lines(found)] + not_diagnosed_lines(row)
    return [f"\n{row['name']}", *lines] if lines else []


def _thinned(values: np.ndarray) -> dict[str, list[float]]:
    """The largest of each of at most fifty stretches, and the step each stretch begins at."""
    bounds = np.unique(np.linspace(0, len(values), min(POINTS, len(values)) + 1).astype(int))
    starts = bounds[:-1]
    return {
        "step": starts.tolist(),
        "max_abs": [float(values[a:b].max()) for a, b in pairwise(bounds)],
    }
