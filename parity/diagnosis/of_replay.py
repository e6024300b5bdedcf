"""Mistakes behind what a replay found: of arrays as `parity compare` looks them up, of code stage by stage.

Task: a fixture that was replayed, or explained -> a diagnosis of each stage where drift is born. Code is asked on the
reference's own inputs, as in an isolated replay; arrays have no code, and are looked up on what the port says they
were made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from parity.diagnosis.asking import NEVER, Asked, Effort, ask_of_dump, of_gaps, safely
from parity.diagnosis.of_stage import Ran, beyond_tolerance, diagnose_stage
from parity.diagnosis.result import Diagnosis
from parity.fixtures.prepare import Prepared
from parity.measure.drift import Drift
from parity.pipeline.raised import StageRaised
from parity.pipeline.stage import Pipeline
from parity.ports.arrays import Supplied
from parity.ports.judging import AtHand
from parity.replay.engine import ISOLATED, lacks, reference_artefacts
from parity.replay.subject import Outcome


@dataclass(frozen=True)
class Replayed:
    """What was replayed.

    Attributes
    ----------
    candidate, native : pipelines of the same stages
    ready : the fixture as it was measured
    outcome : of the candidate's replay
    reference : artefact -> the reference's, gaps filled where somebody did; None: as the snapshot holds them
    """

    candidate: Pipeline
    native: Pipeline
    ready: Prepared
    outcome: Outcome
    reference: Mapping[str, Any] | None = None


def ask_of_replay(supplied: Supplied, code: Replayed, stages: Iterable[str], means: AtHand, effort: Effort) -> Asked:
    """Which known mistake makes what drifts.

    Parameters
    ----------
    stages : where drift is born, where that was explained; else the first one that drifts on the reference's own
        inputs is asked
    """
    of_arrays = Asked()
    if supplied.judged is not None and supplied.dumps is not None:
        of_arrays = ask_of_dump(supplied.judged, *supplied.dumps, means, effort)
    of_code = _of_code(code, tuple(stages) or _first(code), means, effort)
    known = {found.stage for found in of_arrays.diagnoses}
    found = [*of_arrays.diagnoses, *(one for one in of_code.diagnoses if one.stage not in known)]
    order = [stage.name for stage in code.native]
    found.sort(key=lambda one: order.index(one.stage))
    return Asked(tuple(found), of_arrays.why_not or of_code.why_not)


def ask_of_code(code: Replayed, means: AtHand, effort: Effort) -> Asked:
    """Which known mistake makes what code drifts by first on the reference's own inputs, where no arrays were given."""
    return _of_code(code, _first(code), means, effort)


def ask_of_stage(ran: Ran, effort: Effort) -> Asked:
    """Which known mistake makes what one stage made, where nothing else was run."""
    if why := effort.why_not(ran.stage, at_hand=True):
        return Asked(why_not=why)

    def look() -> tuple[Diagnosis, ...]:
        from parity.faults.families import FAMILIES
        from parity.faults.fault import load_faults

        found = diagnose_stage(ran, load_faults(), FAMILIES)
        return () if found is None else (found if effort.drawn else replace(found, evidence=None),)

    return safely(look)


def _first(code: Replayed) -> tuple[str, ...]:
    """The first stage of code that drifts on the reference's own inputs."""
    drifts = (d.stage for d in code.outcome.drifts if d.mode == ISOLATED and not d.within)
    return tuple(name for name in dict.fromkeys(drifts) if _is_code(code, name))[:1]


def _is_code(code: Replayed, name: str) -> bool:
    """Whether a stage is the candidate's own code: neither an array nor native."""
    stage = code.candidate[name]
    return not stage.given and stage.run is not code.native[name].run


def _of_code(code: Replayed, stages: tuple[str, ...], means: AtHand, effort: Effort) -> Asked:
    own = [name for name in stages if _is_code(code, name)]
    whys = {name: effort.why_not(name, means.at_hand) or of_gaps(_own(code, name)) for name in own}
    if not own or effort.much == NEVER or all(whys.values()):
        return Asked(why_not=whys[own[0]] if own else "")

    def look() -> tuple[Diagnosis, ...]:
        found = [_of_one(code, name, means) for name in own if not whys[name]]
        return tuple(one if effort.drawn else replace(one, evidence=None) for one in found if one is not None)

    return safely(look)


def _own(code: Replayed, name: str) -> list[Drift]:
    """What a stage drifts by on the reference's own inputs."""
    return [drift for drift in code.outcome.drifts if drift.stage == name and drift.mode == ISOLATED]


def _of_one(code: Replayed, name: str, means: AtHand) -> Diagnosis | None:
    from parity.faults.families import FAMILIES
    from parity.faults.fault import load_faults

    stage, snapshot = code.candidate[name], code.ready.snapshot
    reference = code.reference or reference_artefacts(snapshot, code.ready.inputs)
    if any(lacks(read, code.native, dict(reference)) for read in stage.needs):
        return None
    try:
        made = stage(reference)
    except StageRaised:
        return None  # it made nothing that could be looked up, and the verdict says what it raised
    alone = tuple(drift.artefact for drift in _own(code, name) if not drift.within and not drift.elsewhere)
    ran = Ran(
        stage=name,
        made=made,
        reference=reference,
        drifted=alone or beyond_tolerance(made, reference),
        parameters=code.ready.parameters,
        means=means(),
        weights=means.weights,
        threads=means.threads,
        chunks=snapshot.chunks,
    )
    return diagnose_stage(ran, load_faults(), FAMILIES)
