"""Mistakes behind what an RNN-T replay found: each stage that drifts on the reference's own inputs is looked up.

A step's rows are independent in an isolated replay, so that a stage of the loop is asked for all of them at once. What
a snapshot keeps in part (decisions only) cannot be asked, and that is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from parity.diagnosis.asking import Asked, safely
from parity.diagnosis.look_up import look_up
from parity.diagnosis.result import Diagnosis
from parity.faults.fault import Fault
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Pipeline
from parity.replay.engine import ISOLATED
from parity.subjects.rnnt.faults import FAULTS, StepWorkshop
from parity.subjects.rnnt.subject import StepReplay


def ask_of_steps(
    outcome: StepReplay,
    candidate: Pipeline,
    native: Pipeline,
    reference: Mapping[str, Any],
    workshop: StepWorkshop,
    faults: Sequence[Fault] | None = None,
) -> Asked:
    """Which known mistake makes what drifts, of each stage that drifts on the reference's own inputs.

    Parameters
    ----------
    outcome : of the candidate's replay
    reference : artefact -> the reference's, the pipeline's inputs included
    workshop : what mistakes are planted with
    faults : that are known; None: all of this backend's
    """
    drifted: dict[str, list[str]] = {}
    for drift in outcome.drifts:
        if drift.mode == ISOLATED and not drift.within:
            drifted.setdefault(drift.stage, []).append(drift.artefact)
    if not drifted:
        kept = "the snapshot does not keep what it read, or only what came of it was compared"
        return Asked(why_not="" if outcome.at_parity else f"no stage drifts on the reference's own inputs: {kept}")

    def look() -> tuple[Diagnosis, ...]:
        known = FAULTS if faults is None else faults
        asked = (
            _of_one(stage, names, candidate, native, reference, workshop, known) for stage, names in drifted.items()
        )
        return tuple(one for one in asked if one is not None)

    return safely(look)


def _of_one(
    stage: str,
    drifted: list[str],
    candidate: Pipeline,
    native: Pipeline,
    reference: Mapping[str, Any],
    workshop: StepWorkshop,
    faults: Sequence[Fault],
) -> Diagnosis | None:
    """What is known of one stage; None where it raised."""
    try:
        made = candidate[stage](reference)
    except StageRaised:
        return None
    names = [name for name in native[stage].writes if name in made and name in reference]
    given = {name: reference[name] for name in native[stage].needs}
    ours, theirs = ({name: side[name] for name in names} for side in (made, reference))
    return look_up(stage, given, ours, theirs, native, workshop, faults, drifted=drifted)
