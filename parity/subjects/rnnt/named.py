"""Is the mistake named that was planted in an RNN-T backend, and nothing where it is not known?

Each fault is planted and replayed on the fixtures that keep every step, and looked up where it was planted, with the
whole dictionary and with the fault taken out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from parity.calibration.naming import NamingCalibration, NamingTrial
from parity.calibration.trials import Bench
from parity.diagnosis.result import Diagnosis
from parity.faults.fault import Fault
from parity.measure.drift import compare
from parity.pipeline.stage import Pipeline
from parity.replay.engine import CASCADED, replay
from parity.subjects.rnnt.faults import FAULTS
from parity.subjects.rnnt.naming import ask_of_steps
from parity.subjects.rnnt.subject import StepReplay


def calibrate_naming(
    benches: Iterable[Bench],
    faults: Sequence[Fault] = FAULTS,
    on_trial: Callable[[str, str], None] = lambda fixture, fault: None,
) -> NamingCalibration:
    """Try every fault on every fixture."""
    found = NamingCalibration()
    for bench in benches:
        for fault in faults:
            on_trial(bench.name, fault.name)
            with bench.memo.scratch():
                found.trials.append(_tried(bench, fault, faults))
    return found


def _tried(bench: Bench, fault: Fault, faults: Sequence[Fault]) -> NamingTrial:
    planted = fault.plant(bench.native, bench.workshop)
    outcome = replay(planted, bench.snapshot, bench.inputs, reference=bench.recorded)
    assert isinstance(outcome, StepReplay)
    started = time.process_time()
    whole = _named(bench, planted, outcome, fault.stage, faults)
    cpu_seconds = time.process_time() - started
    rest = _named(bench, planted, outcome, fault.stage, [other for other in faults if other is not fault])
    names, without = (() if side is None else side.names for side in (whole, rest))
    drifting = [drift.artefact for drift in outcome.drifts if not drift.within]
    return NamingTrial(
        fault=fault.name,
        stage=fault.stage,
        fixture=bench.name,
        moves=not outcome.at_parity,
        first_drift=drifting[0] if drifting else None,
        names=names,
        left=whole.mistake.left.worst if whole is not None and whole.mistake is not None else None,
        without=without,
        same_without=bool(without)
        and (set(without) <= set(names) or _same(bench, planted, without[0], fault.stage, faults)),
        seconds=0.0 if whole is None else whole.seconds,
        cpu_seconds=cpu_seconds,
    )


def _named(
    bench: Bench, planted: Pipeline, outcome: StepReplay, stage: str, faults: Sequence[Fault]
) -> Diagnosis | None:
    """What is said of the stage that the fault is in; None where that does not drift on the reference's own inputs."""
    asked = ask_of_steps(outcome, planted, bench.native, bench.recorded, bench.workshop, faults)
    return next((found for found in asked.diagnoses if found.stage == stage), None)


def _same(bench: Bench, planted: Pipeline, name: str, stage: str, faults: Sequence[Fault]) -> bool:
    """Whether another mistake makes the same of the reference's own inputs, within tolerance."""
    other = next((fault for fault in faults if fault.name == name), None)
    if other is None:  # a pair
        return False
    one, two = (side[stage](bench.recorded) for side in (planted, other.plant(bench.native, bench.workshop)))
    return all(compare(n, np.asarray(two[n]), np.asarray(made), mode=CASCADED).within for n, made in one.items())
