"""A calibration of diagnoses as plain data (`reports/diagnosis.json`), and in a few lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from parity.calibration.naming import NamingCalibration, NamingTrial, ValueTrial
from parity.report.reading import form_of, read_calibration, row_as

SCHEMA = 1
FORM = {"trials": [form_of(NamingTrial)], "values": [form_of(ValueTrial)]}
NAMED, WRONG, UNKNOWN, RECOVERED = 0.95, 0.01, 0.95, 0.9
"""Shares that a calibration has to reach: named first, named wrongly at most, held its tongue, recovered."""


def naming_document(found: NamingCalibration, *, weights: str, seconds: float) -> dict[str, Any]:
    """`reports/diagnosis.json`.

    Parameters
    ----------
    weights : name of the weight set
    seconds : wall time
    """
    moving = [trial for trial in found.trials if trial.moves]
    values = [trial for trial in found.values if trial.moves]
    return {
        "schema": SCHEMA,
        "weights": weights,
        "seconds": round(seconds, 1),
        "summary": {
            "faults": len({trial.fault for trial in found.trials}),
            "trials": len(found.trials),
            "moving": len(moving),
            "named": sum(trial.named for trial in moving),
            "named_first": sum(trial.named for trial in moving),
            "itself_first": sum(trial.first for trial in moving),
            "wrong": sum(trial.wrong for trial in moving),
            "unknown_said": sum(trial.unknown_said for trial in moving),
            "parameters": len(values),
            "parameters_within_1_percent": sum(trial.within_1_percent or trial.in_interval for trial in values),
            "parameters_value_within_1_percent": sum(trial.within_1_percent for trial in values),
            "parameters_tried": len(found.values),
            "slowest": _slowest(moving),
        },
        "trials": [_trial(trial) for trial in found.trials],
        "values": [_value(trial) for trial in found.values],
    }


def _slowest(trials: list[NamingTrial]) -> dict[str, float]:
    """Stage -> processor seconds of its slowest look-up."""
    stages = dict.fromkeys(trial.stage for trial in trials)
    return {stage: round(max(t.cpu_seconds for t in trials if t.stage == stage), 2) for stage in stages}


def read_document(path: Path, weights: str) -> NamingCalibration:
    """What an earlier run kept, to go on from.

    Raises
    ------
    InputError : it cannot be read, is no calibration of diagnoses, or was made with other weights
    """
    document = read_calibration(path, weights, SCHEMA, FORM)
    return NamingCalibration(
        [row_as(NamingTrial, row) for row in document["trials"]],
        [row_as(ValueTrial, row) for row in document["values"]],
    )


def passed(document: dict[str, Any]) -> bool:
    """Whether what has to be named is, nothing else is, and values are recovered."""
    s = document["summary"]
    return (
        s["named_first"] >= NAMED * s["moving"]
        and s["wrong"] <= WRONG * s["moving"]
        and s["unknown_said"] >= UNKNOWN * s["moving"]
        and s["parameters_within_1_percent"] >= RECOVERED * s["parameters"]
    )


def headline(document: dict[str, Any]) -> str:
    """The verdict, in one line."""
    s = document["summary"]
    return (
        f"{'PASSED' if passed(document) else 'NOT PASSED'}. {s['named_first']} of {s['moving']} dumps that move have "
        f"their mistake named first, {s['wrong']} another; with it taken out {s['unknown_said']} name nothing, or what "
        f"is the same there; {s['parameters_within_1_percent']} of {s['parameters']} values recovered"
    )


def lines(document: dict[str, Any]) -> list[str]:
    """What follows the headline: numbers, and every trial that went wrong."""
    s = document["summary"]
    found = [
        f"{s['faults']} faults, {s['trials']} dumps; the very fault stands first in {s['itself_first']}, elsewhere one "
        "that is the same there",
        f"values: the one said is within 1 % in {s['parameters_value_within_1_percent']}; in the others the interval "
        "that is said to fit alike holds it",
        "slowest look-up (processor seconds): " + ", ".join(f"{k} {v}" for k, v in s["slowest"].items()),
    ]
    for row in document["trials"]:
        if row["said"]:
            found.append(f"{row['fixture']}, {row['fault']}: {row['said']}")
    for row in document["values"]:
        if row["moves"] and not row["recovered"]:
            named = ", ".join(row["names"]) or "nothing"
            found.append(f"{row['fixture']}, {row['family']} {row['value']:g}: {named} named, found {row['found']}")
    return found


def _trial(trial: NamingTrial) -> dict[str, Any]:
    said = []
    if trial.moves and not trial.named:
        said.append(f"{', '.join(trial.names) or 'nothing'} named")
    if trial.moves and not trial.unknown_said:
        said.append(f"taken out, {', '.join(trial.without)} named")
    return {**_plain(trial), "said": "; ".join(said)}


def _value(trial: ValueTrial) -> dict[str, Any]:
    return {**_plain(trial), "recovered": trial.within_1_percent or trial.in_interval}


def _plain(found: Any) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(found).items()}
