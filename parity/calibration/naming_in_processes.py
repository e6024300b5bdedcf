"""The calibration of diagnoses in several processes that share one cache: what takes networks first, a stage at a time.

The same trials as `parity.calibration.naming.calibrate_naming` finds in one process. What known mistakes make of a
stage's inputs is computed once for all dumps of a part; where that takes networks, a part is all of a fixture's stage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

from parity.calibration.in_processes import Plan, bench_in_process, in_parts
from parity.calibration.naming import NamingCalibration, try_fault, try_value
from parity.calibration.trials import Bench
from parity.diagnosis.few_chunks import HEAVY
from parity.diagnosis.outcomes import Outcomes
from parity.faults.families import FAMILIES
from parity.faults.family import Family
from parity.faults.fault import Fault, load_faults
from parity.fixtures.catalogue import Fixture
from parity.networks.runtime import one_blas_thread
from parity.ports.dump.reading import Dump, read_dump

WHOLE = ("embeddings", "segmentation", "audio")
"""Stages of which all dumps of a fixture are one part, the longest first."""

LIGHT = 12
"""Faults and values of a part of any other stage."""

Value = tuple[str, float]
"""Family and value."""


@dataclass(frozen=True)
class NamingPart:
    """Some dumps of one fixture."""

    fixture: Fixture
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
    start : as of `parity.calibration.in_processes.in_parts`

    Raises
    ------
    InputError : a fixture or the weights are wrong, or a process was killed
    """
    found = known or NamingCalibration()
    names, order = [fixture.name for fixture in fixtures], [fault.name for fault in faults]
    valued = [(family.name, value) for family, value in values]
    stages = {fault.name: fault.stage for fault in faults} | {family.name: family.stage for family, _ in values}
    parts = [part for fixture in fixtures for part in _parts(fixture, order, valued, stages, found)]
    parts.sort(key=lambda part: _rank(part, stages))  # the longest begin, so that the end is short
    left = sum(len(part.faults) + len(part.values) for part in parts)

    def on_done(part: NamingPart, tried: NamingCalibration) -> Iterable[NamingPart]:
        nonlocal left
        found.trials += tried.trials
        found.values += tried.values
        left -= len(part.faults) + len(part.values)
        on_part(found.in_order(names, order, valued), left)
        return ()

    in_parts(processes, try_naming_part, plan, parts, on_done, start)
    return found.in_order(names, order, valued)


def _parts(
    fixture: Fixture, faults: Sequence[str], values: Sequence[Value], stages: dict[str, str], found: NamingCalibration
) -> list[NamingPart]:
    tried = {trial.fault for trial in found.trials if trial.fixture == fixture.name}
    valued = {(trial.family, trial.value) for trial in found.values if trial.fixture == fixture.name}
    parts = []
    for stage in dict.fromkeys(stages.values()):
        left = [name for name in faults if stages[name] == stage and name not in tried]
        wanted = [value for value in values if stages[value[0]] == stage and value not in valued]
        if stage in WHOLE:
            parts += [NamingPart(fixture, tuple(left), tuple(wanted))] if left or wanted else []
            continue
        parts += [NamingPart(fixture, tuple(left[at : at + LIGHT])) for at in range(0, len(left), LIGHT)]
        parts += [NamingPart(fixture, (), tuple(wanted[at : at + LIGHT])) for at in range(0, len(wanted), LIGHT)]
    return parts


def _rank(part: NamingPart, stages: dict[str, str]) -> int:
    stage = stages[[*part.faults, *(name for name, _ in part.values)][0]]
    order = (*WHOLE[:2], *(other for other in HEAVY if other not in WHOLE))
    return order.index(stage) if stage in order else len(order)


def try_naming_part(plan: Plan, part: NamingPart) -> NamingCalibration:
    """The dumps of one part, in this process."""
    dictionary = [fault for module in plan.modules for fault in load_faults(module)]
    by_name = {fault.name: fault for fault in dictionary}
    kin = {family.name: family for family in FAMILIES}
    with one_blas_thread():
        bench, reference = _sides(plan, part.fixture)
        known = Outcomes()
        return NamingCalibration(
            [try_fault(bench, reference, by_name[name], dictionary, FAMILIES, known) for name in part.faults],
            [try_value(bench, reference, kin[name], value, dictionary, FAMILIES, known) for name, value in part.values],
        )


@lru_cache(1)
def _sides(plan: Plan, fixture: Fixture) -> tuple[Bench, Dump]:
    bench = bench_in_process(plan, fixture)
    return bench, read_dump(bench.snapshot.folder)
