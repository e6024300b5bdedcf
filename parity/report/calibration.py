"""A calibration as plain data (`reports/calibration.json`, docs/calibration-json.md) and as tables in the terminal."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.artefact import ARTEFACTS
from parity.calibrate import Calibration, Finding, Trial

SCHEMA = 1


def calibration_document(
    calibration: Calibration, *, weights: str, skipped: dict[str, list[str]], seconds: float
) -> dict[str, Any]:
    """`reports/calibration.json`.

    Parameters
    ----------
    weights : name of the weight set
    skipped : fixture -> faults that were not tried on it
    seconds : wall time
    """
    findings = calibration.findings
    moving = [finding for finding in findings if finding.moving]
    changing = [finding for finding in findings if finding.answer_changed]
    return {
        "schema": SCHEMA,
        "faults": [_row(finding) for finding in findings],
        "weights": weights,
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
    stages = list(dict.fromkeys(artefact.stage for artefact in ARTEFACTS.values()))
    place = {stage: index for index, stage in enumerate(stages)}
    return place.get(pair[0], 99), place.get(pair[1], 99)


def faults_table(document: dict[str, Any]) -> Table:
    """One line a fault."""
    grid = Table(box=SIMPLE_HEAD, title=headline(document), title_justify="left")
    for column in ("fault", "stage", "moves", "seen", "named", "answer", "restored"):
        grid.add_column(column, no_wrap=column != "named", justify="right" if column in ("moves", "answer") else "left")
    for row in document["faults"]:
        trials = row["fixtures"]
        grid.add_row(
            row["name"],
            row["stage"],
            f"{sum(bool(t['moved']) for t in trials)}/{len(trials)}",
            said(row["detected"] if row["moving"] else None),
            "—" if row["named"] is None else ("rightly" if row["named_rightly"] else f"[bold red]{row['named']}[/]"),
            f"{sum(t['answer_changed'] for t in trials)}/{len(trials)}",
            said(row["restored"]),
        )
    silent = [row["name"] for row in document["faults"] if not row["answer_changed"]]
    grid.caption = f"no fixture's answer changes with: {', '.join(silent) or 'none of them'}"
    grid.caption_justify = "left"
    return grid


def confusion_table(document: dict[str, Any]) -> Table:
    """True stage against named stage, in trials."""
    cells = {(row["stage"], row["named"]): row["trials"] for row in document["confusion"]}
    stages = list(dict.fromkeys(stage for stage, _ in cells))
    named = list(dict.fromkeys([*stages, *(name for _, name in cells)]))
    grid = Table(box=SIMPLE_HEAD, title="true stage (rows) against named stage, trials", title_justify="left")
    grid.add_column("")
    for name in named:
        grid.add_column(name[:6], justify="right")
    for stage in stages:
        grid.add_row(stage, *(str(cells.get((stage, name), "·")) for name in named))
    return grid


def headline(document: dict[str, Any]) -> str:
    """The summary in one line."""
    s = document["summary"]
    return (
        f"{s['faults']} faults: {s['moving']} move something, {s['detected']} of them detected, {s['named']} named "
        f"rightly; {s['answer_changed']} change an answer, {s['restored']} restored; {s['false_alarms']} false alarms "
        f"in {s['clean_runs']} clean runs"
    )


def said(value: bool | None) -> str:
    """Yes, no, or that the question does not arise."""
    return "—" if value is None else ("yes" if value else "[bold red]no[/]")
