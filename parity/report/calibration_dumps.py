"""A calibration on dumps as plain data (`reports/calibration-dumps.json`), and in a few lines."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parity.calibration.dumps import FULL, HALF, INCONCLUSIVE, RIGHT, WRONG, DumpTrial
from parity.calibration.on_dumps import DumpCalibration, PairTrial
from parity.report.reading import form_of, read_calibration, row_as

SCHEMA = 4
FORM = {"trials": [form_of(DumpTrial)], "pairs": [form_of(PairTrial)], "pair_dumps": [form_of(DumpTrial)]}


def dumps_document(found: DumpCalibration, *, weights: str, seconds: float) -> dict[str, Any]:
    """`reports/calibration-dumps.json`.

    Parameters
    ----------
    weights : name of the weight set
    seconds : wall time
    """
    planted = [trial for trial in found.trials if trial.fault is not None]
    clean = [trial for trial in found.trials if trial.fault is None]
    full = [trial for trial in planted if trial.kind == FULL]
    summary = {
        **_counts(full),
        "false_alarms": sum(trial.false_alarm for trial in clean),
        "clean_dumps": len(clean),
        "half": _counts([trial for trial in planted if trial.kind == HALF]),
        "pairs": {
            "pairs": len(found.pairs),
            "earlier_named": sum(pair.earlier_named for pair in found.pairs),
            "both_named": sum(pair.both_named for pair in found.pairs),
            "dumps": _counts(found.pair_dumps),
        },
        "agree": sum(trial.agree for trial in (*found.trials, *found.pair_dumps)),
        "trials": len(found.trials) + len(found.pair_dumps),
    }
    return {
        "schema": SCHEMA,
        "weights": weights,
        "seconds": round(seconds, 1),
        "summary": summary,
        "trials": [_trial(trial) for trial in found.trials],
        "pairs": [_pair(pair) for pair in found.pairs],
        "pair_dumps": [_trial(trial) for trial in found.pair_dumps],
    }


def read_document(path: Path, weights: str) -> DumpCalibration:
    """What an earlier run kept, to go on from.

    Raises
    ------
    InputError : it cannot be read, is no calibration on dumps, or was made with other weights
    """
    document = read_calibration(path, weights, SCHEMA, FORM)
    return DumpCalibration(
        [row_as(DumpTrial, row) for row in document["trials"]],
        [row_as(PairTrial, row) for row in document["pairs"]],
        [row_as(DumpTrial, row) for row in document["pair_dumps"]],
    )


def headline(document: dict[str, Any]) -> str:
    """The verdict, in one line."""
    s, half, pairs = document["summary"], document["summary"]["half"], document["summary"]["pairs"]
    wrong = s["decides_wrong"] + half["decides_wrong"] + pairs["dumps"]["decides_wrong"]
    missed = s["moving"] - s["first_drift_right"] + half["moving"] - half["first_drift_right"]
    good = not (wrong or missed or s["false_alarms"])
    return (
        f"{'PASSED' if good else 'NOT PASSED'}. {s['first_drift_right']} of {s['moving']} whole dumps that move, and "
        f"{half['first_drift_right']} of {half['moving']} halves, name the first artefact rightly; a stage decides "
        f"wrongly in {wrong}; {s['false_alarms']} false alarms in {s['clean_dumps']} clean dumps"
    )


def passed(document: dict[str, Any]) -> bool:
    """Whether nothing is named wrongly, nothing decides wrongly, and there is no false alarm."""
    return headline(document).startswith("PASSED")


def lines(document: dict[str, Any]) -> list[str]:
    """What follows the headline: numbers, and every trial that went wrong."""
    found = []
    kinds = (("whole", document["summary"]), ("half", document["summary"]["half"]))
    for words, counts in (*kinds, ("two faults", document["summary"]["pairs"]["dumps"])):
        found.append(
            f"{words}: {counts['dumps']} dumps, {counts['moving']} move, {counts['first_drift_right']} first drift "
            f"right; decides {counts['decides_right']} right, {counts['decides_inconclusive']} inconclusive, "
            f"{counts['decides_wrong']} wrong"
        )
    pairs = document["summary"]["pairs"]
    found.append(
        f"pairs as code: {pairs['pairs']}; the earlier named in {pairs['earlier_named']}, both in {pairs['both_named']}"
    )
    found.append(f"compare, run and explain agree on {document['summary']['agree']} of {document['summary']['trials']}")
    for row in (*document["trials"], *document["pair_dumps"]):
        if row["wrong"]:
            found.append(f"{row['fixture']}, {row['fault'] or 'clean'} ({row['kind']}): {row['wrong']}")
    return found


def _counts(trials: Iterable[DumpTrial]) -> dict[str, int]:
    trials = list(trials)
    moving = [trial for trial in trials if trial.moving]
    decided = [trial.decides for trial in trials]
    return {
        "dumps": len(trials),
        "moving": len(moving),
        "first_drift_right": sum(trial.first_drift_right for trial in moving),
        "decides_right": decided.count(RIGHT),
        "decides_inconclusive": decided.count(INCONCLUSIVE),
        "decides_wrong": decided.count(WRONG),
        "equivalent": sum(trial.equivalent for trial in trials),
    }


def _trial(trial: DumpTrial) -> dict[str, Any]:
    return {**_plain(trial), "agree": trial.agree, "wrong": _wrong(trial)}


def _wrong(trial: DumpTrial) -> str:
    said = []
    if trial.moving and not trial.first_drift_right:
        said.append(f"first drift {trial.first_drift}, {trial.first_moved} moved first")
    if trial.decides == WRONG:
        said.append(f"{' and '.join(trial.decisive)} decides, {' and '.join(trial.stages)} was broken")
    if trial.false_alarm:
        said.append("a false alarm")
    if not trial.agree:
        said.append(f"compare says {trial.compared}, run --arrays {trial.replayed}, explain {trial.explained}")
    return "; ".join(said)


def _pair(pair: PairTrial) -> dict[str, Any]:
    return {**_plain(pair), "earlier_named": pair.earlier_named, "both_named": pair.both_named}


def _plain(found: Any) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(found).items()}
