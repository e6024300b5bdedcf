"""The calibration of diagnoses in several processes that share one cache: what takes networks first, a stage at a time.

The same trials as `parity.calibration.naming.calibrate_naming` finds in one process. All dumps of one stage of one
fixture are a strand: what known mistakes make of the stage's inputs is computed once by each process that is at it.
What was found is said after each part, of a heavy stage after each dump.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

from parity.calibration.in_processes import Plan, bench_in_process
from parity.calibration.naming import NamingCalibration, try_fault, try_value
from parity.calibration.strands import in_strands
from parity.calibration.trials import Bench
from parity.diagnosis.outcomes import Outcomes
from parity.faults.families import FAMILIES
from parity.faults.family import Family
from parity.faults.fault import Fault, load_faults
from parity.fixtures.catalogue import Fixture
from parity.networks.runtime import one_blas_thread
from parity.ports.dump.reading import Dump, read_dump

LONGEST = ("embeddings", "segmentation", "fbank", "audio")
"""Heavy stages, in the order in which they begin. A part of one is a single dump."""

LIGHT = 12
"""Faults or values of a part of any other stage."""

Value = tuple[str, float]
"""Family and value."""


@dataclass(frozen=True)
class NamingPart:
    """Some dumps of one stage of one fixture."""

    fixture: Fixture
    stage: str
    faults: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()


def calibrate_naming_in_processes(
    fixtures: Sequence[Fixture],
    faults: Sequence[Fault],
    plan: Plan,
    processes: int,
    *,
    values: Sequence[tuple[Family, float]] = (),
    known: NamingCalibration | None = None,
    on_part: Callable[[NamingCalibration, int], None] = lambda found, left: None,
    start: Callable[[int], Executor] | None = None,
) -> NamingCalibration:
    """Try every fault and every value on every fixture.

    Parameters
    ----------
    faults : that are planted; those of the plan's modules are looked up
    values : of families, that are planted
    known : what was found before
    on_part : called with everything so far, and how many dumps are left, after each part
    start : as of `parity.calibration.strands.in_strands`

    Raises
    ------
    InputError : a fixture or the weights are wrong, or a process was killed
    """
    found = known or NamingCalibration()
    names, order = [fixture.name for fixture in fixtures], [fault.name for fault in faults]
    valued = [(family.name, value) for family, value in values]
    stages = {fault.name: fault.stage for fault in faults} | {family.name: family.stage for family, _ in values}
    strands = [strand for fixture in fixtures for strand in _strands(fixture, order, valued, stages, found)]
    strands.sort(key=lambda strand: _rank(strand[0].stage))  # the longest begin, so that the end is short
    left = sum(len(part.faults) + len(part.values) for strand in strands for part in strand)

    def on_done(part: NamingPart, tried: NamingCalibration) -> None:
        nonlocal left
        found.trials += tried.trials
        found.values += tried.values
        left -= len(part.faults) + len(part.values)
        on_part(found.in_order(names, order, valued), left)

    in_strands(processes, try_naming_part, plan, strands, on_done, start)
    return found.in_order(names, order, valued)


def _strands(
    fixture: Fixture, faults: Sequence[str], values: Sequence[Value], stages: dict[str, str], found: NamingCalibration
) -> list[list[NamingPart]]:
    """What is left of each stage of a fixture, part by part."""
    tried = {trial.fault for trial in found.trials if trial.fixture == fixture.name}
    valued = {(trial.family, trial.value) for trial in found.values if trial.fixture == fixture.name}
    strands = []
    for stage in dict.fromkeys(stages.values()):
        left = [name for name in faults if stages[name] == stage and name not in tried]
        wanted = [value for value in values if stages[value[0]] == stage and value not in valued]
        size = 1 if stage in LONGEST else LIGHT
        parts = [NamingPart(fixture, stage, tuple(left[at : at + size])) for at in range(0, len(left), size)]
        parts += [NamingPart(fixture, stage, (), tuple(wanted[at : at + size])) for at in range(0, len(wanted), size)]
        strands += [parts] if parts else []
    return strands


def _rank(stage: str) -> int:
    return LONGEST.index(stage) if stage in LONGEST else len(LONGEST)


def try_naming_part(plan: Plan, part: NamingPart) -> NamingCalibration:
    """The dumps of one part, in this process."""
    dictionary = [fault for module in plan.modules for fault in load_faults(module)]
    by_name = {fault.name: fault for fault in dictionary}
    kin = {family.name: family for family in FAMILIES}
    with one_blas_thread():
        bench, reference = _sides(plan, part.fixture)
        known = _outcomes(plan, part.fixture, part.stage)
        return NamingCalibration(
            [try_fault(bench, reference, by_name[name], dictionary, FAMILIES, known) for name in part.faults],
            [try_value(bench, reference, kin[name], value, dictionary, FAMILIES, known) for name, value in part.values],
        )


@lru_cache(1)
def _outcomes(plan: Plan, fixture: Fixture, stage: str) -> Outcomes:
    """What mistakes made of one stage's inputs; this process keeps those of the strand that it is at."""
    return Outcomes()


@lru_cache(1)
def _sides(plan: Plan, fixture: Fixture) -> tuple[Bench, Dump]:
    bench = bench_in_process(plan, fixture)
    return bench, read_dump(bench.snapshot.folder)
