"""Mistakes behind what a port answered when it was asked stage by stage: `parity check`, `parity run --stage`.

Task: an answer on a recording's own inputs that is not the reference's -> which known mistake makes it. Decision cases
are not looked up: they are a few elements each, made so that many a mistake answers alike, and say in a sentence
of their own what is decided there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from parity.community1 import Networks
from parity.community1.plda import Plda, solve_plda
from parity.diagnosis.asking import Asked, Effort, safely
from parity.diagnosis.of_stage import Ran, diagnose_stage
from parity.diagnosis.result import Diagnosis
from parity.errors import InputError
from parity.ports.check.answers import Answer, Checked
from parity.ports.judging import Loading
from parity.ports.yardstick import Means

MOST = 3
"""Stages that are looked up: whoever has more of them wrong mends the first ones first."""


def ask_of_answers(checked: Checked, weights: Loading, effort: Effort) -> Asked:
    """Which known mistake makes what a port answered, of the first stages that are wrong on a recording.

    Parameters
    ----------
    weights : loaded where a stage's mistakes need them
    """
    first: dict[str, Answer] = {}
    for answer in checked.wrong:
        question = answer.question
        if question.case is None and answer.got and not question.declared:
            first.setdefault(question.stage.name, answer)
    whys = {stage: effort.why_not(stage, weights.at_hand) for stage in list(first)[:MOST]}
    able = [stage for stage, why in whys.items() if not why]
    if not able:
        return Asked(why_not=next(iter(whys.values()), ""))

    def look() -> tuple[Diagnosis, ...]:
        found = [_of_answer(first[stage], weights) for stage in able]
        return tuple(replace(one, evidence=None) for one in found if one is not None)

    return safely(look)


def _of_answer(answer: Answer, weights: Loading) -> Diagnosis | None:
    from parity.faults.families import FAMILIES
    from parity.faults.fault import load_faults

    question = answer.question
    ran = Ran(
        stage=question.stage.name,
        made=answer.got,
        reference={**question.values, **question.expected},
        drifted=tuple(drift.artefact for drift in answer.drifts if not drift.within),
        parameters=question.settings,
        means=Means(_no_networks, lambda: _plda(weights), _no_clip),
        weights=weights.weights,
        threads=weights.threads,
    )
    return diagnose_stage(ran, load_faults(), FAMILIES)


def _plda(weights: Loading) -> Plda:
    return solve_plda(weights.weights().plda)


def _no_networks() -> Networks:
    raise InputError("networks are not loaded to ask small questions")


def _no_clip() -> Mapping[str, Any]:
    raise InputError("no clip is read to ask small questions")
