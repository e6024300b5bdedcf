"""A calibration as plain data (`reports/calibration.json`, docs/reference/calibration-json.md) and as tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from parity.calibration.trials import Calibration, Finding, Trial
from parity.console import stdout
from parity.errors import InputError, one_line
from parity.pipeline.artefact import LAYOUTS
from parity.report.grid import natural, uncut
from parity.report.reading import form_of, read_calibration

SCHEMA = 1
_TRIAL = form_of(Trial, "fault", "raised")
STAGES = tuple(dict.fromkeys(a.stage for layout in LAYOUTS.values() for a in layout.artefacts.values()))


def calibration_document(
    calibration: Calibration, *, weights: str, skipped: dict[str, list[str]], seconds: float, runtime: str | None = None
) -> dict[str, Any]:
    """`reports/calibration.json`.

    Parameters
    ----------
    weights : name of the weight set
    skipped : fixture -> faults that were not tried on it
    seconds : wall time
    runtime : of the embedding network; None where there is none
    """
    findings = calibration.findings
    moving = [finding for finding in findings if finding.moving]
    changing = [finding for finding in findings if finding.answer_changed]
    return {
        "schema": SCHEMA,
        "faults": [_row(finding) for finding in findings],
        "weights": weights,
        **({} if runtime is None else {"runtime": runtime}),
        "seconds": round(seconds, 1),
        "skipped": skipped,
        "clean": [_trial(trial) for trial in calibration.clean],
        "confusion": [
            {"stage": stage, "named": named, "trials": count}
            for (stage, named), count in sorted(calibration.confusion.items(), key=lambda item: _order(item[0]))
        ],
        "summary": {
            "faults": len(findings),
            "moving": len(moving),
            "detected": sum(finding.detected for finding in moving),
            "named": sum(finding.named_rightly for finding in moving),
            "answer_changed": len(changing),
            "restored": sum(bool(finding.restored) for finding in changing),
            "decisive_consistent": sum(bool(finding.decisive_consistent) for finding in changing),
            "false_alarms": len(calibration.false_alarms),
            "clean_runs": len(calibration.clean),
            "trials": sum(len(finding.trials) for finding in findings),
        },
    }


def read_trials(path: Path, weights: str) -> list[Trial]:
    """The trials that an earlier run kept, to go on from.

    Raises
    ------
    InputError : it cannot be read, is no calibration, or was made with other weights
    """
    form = {"clean": [_TRIAL], "faults": [{"name": str, "fixtures": [_TRIAL]}]}
    document = read_calibration(path, weights, SCHEMA, form)
    rows = [{"fault": None, **trial} for trial in document["clean"]]
    rows += [{"fault": row["name"], **trial} for row in document["faults"] for trial in row["fixtures"]]
    lists = {"moved", "named"}
    found: list[dict[str, Any]] = [{k: tuple(v) if k in lists else v for k, v in row.items()} for row in rows]
    try:
        return [Trial(**row) for row in found]
    except TypeError as error:  # a key that no trial has
        raise InputError(f"--resume {path}: cannot be gone on from ({one_line(error)})") from error


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "name": finding.fault.name,
        "stage": finding.fault.stage,
        "about": finding.fault.about,
        "moving": finding.moving,
        "detected": finding.detected,
        "named": finding.named,
        "named_rightly": finding.named_rightly,
        "answer_changed": finding.answer_changed,
        "restored": finding.restored,
        "decisive_consistent": finding.decisive_consistent,
        "fixtures": [_trial(trial) for trial in finding.trials],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "fixture": trial.fixture,
        "moved": list(trial.moved),
        "detected": trial.detected,
        "named": list(trial.named),
        "answer_changed": trial.answer_changed,
        "restored": trial.restored,
        "decisive": trial.decisive,
    }


def _order(pair: tuple[str, str]) -> tuple[int, int]:
    place = {stage: index for index, stage in enumerate(STAGES)}
    return place.get(pair[0], len(STAGES)), place.get(pair[1], len(STAGES))


def _share(flags: Iterable[Any]) -> str:
    flags = [bool(flag) for flag in flags]
    return f"{sum(flags)}/{len(flags)}"


def faults_table(document: dict[str, Any]) -> Table:
    """One line per fault; fits eighty columns."""
    grid = Table(box=SIMPLE_HEAD, padding=0, show_edge=False)
    for column in ("fault, by the stage it breaks", "moves", "seen", "named", "answers", "restored"):
        grid.add_column(column, no_wrap=True, justify="right" if column in ("moves", "answers") else "left")
    for stage in STAGES:
        rows = [row for row in document["faults"] if row["stage"] == stage]
        if rows:
            grid.add_row(Text(stage, style="bold"))
        for row in rows:
            trials = row["fixtures"]
            grid.add_row(
                f" {row['name']}",
                _share(trial["moved"] for trial in trials),
                said(row["detected"] if row["moving"] else None),
                named(row),
                _share(trial["answer_changed"] for trial in trials),
                said(row["restored"]),
            )
    grid.caption = (
        "moves: fixtures of which it moves an artefact beyond tolerance; answers: fixtures whose answer it changes\n"
        f"{sum(not row['answer_changed'] for row in document['faults'])} of {len(document['faults'])} faults change no "
        f"fixture's answer"
    )
    grid.caption_justify = "left"
    return uncut(grid)


def named(row: dict[str, Any]) -> str | Text:
    """Whether the right stage was named; the wrong one otherwise."""
    return (
        "—" if row["named"] is None else ("rightly" if row["named_rightly"] else Text(row["named"], style="bold red"))
    )


def confusion_table(document: dict[str, Any]) -> Table:
    """True stage against named stage, in trials; columns are the rows' numbers. A list where they are too many."""
    cells = {(row["stage"], row["named"]): row["trials"] for row in document["confusion"]}
    stages = [stage for stage in STAGES if any(stage in pair for pair in cells)]
    columns = [*stages, *sorted({name for _, name in cells} - set(stages))]
    grid = _confusion("true stage", *(str(n) if name in stages else name for n, name in enumerate(columns, start=1)))
    for number, stage in enumerate(stages, start=1):
        grid.add_row(f"{number:2} {stage}", *(str(cells.get((stage, name), "·")) for name in columns))
    return grid if natural(grid) <= stdout.width else _confusion_list(cells)


def _confusion_list(cells: dict[tuple[str, str], int]) -> Table:
    grid = _confusion("true stage", "named stage", "trials")
    for (stage, name), trials in sorted(cells.items(), key=lambda cell: _order(cell[0])):
        grid.add_row(stage, name, str(trials))
    return uncut(grid)


def _confusion(*columns: str) -> Table:
    grid = Table(box=SIMPLE_HEAD, title="true stage against named stage, in trials", padding=0, show_edge=False)
    grid.title_justify = "left"
    for column in columns:
        grid.add_column(column, justify="left" if column.endswith("stage") else "right", no_wrap=True)
    return grid


def headline(document: dict[str, Any]) -> str:
    """The summary in one line."""
    s = document["summary"]
    return (
        f"{s['faults']} faults: {s['moving']} move something, {s['detected']} of them detected, {s['named']} named "
        f"rightly; {s['answer_changed']} change an answer, {s['restored']} restored; {s['false_alarms']} false alarms "
        f"in {s['clean_runs']} clean runs"
    )


def said(value: bool | None) -> str | Text:
    """Yes, no, or that the question does not arise."""
    return "—" if value is None else ("yes" if value else Text("no", style="bold red"))
