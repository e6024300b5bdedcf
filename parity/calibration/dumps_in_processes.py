"""The calibration on dumps in several processes that share one cache: clean dumps, then faults in parts, then pairs.

The same trials as `parity.calibration.on_dumps.calibrate_dumps` finds in one process. Pairs come last, for which
faults may be paired is known only when each was tried by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

from parity.calibration.dumps import BEFORE, FULL, HALF, from_recorded
from parity.calibration.in_processes import Plan, bench_in_process, in_parts
from parity.calibration.on_dumps import PAIRS, DumpCalibration, chosen_pairs, try_dumps, try_pair
from parity.calibration.trials import Bench
from parity.faults.fault import Fault, load_faults
from parity.fixtures.catalogue import Fixture
from parity.networks.runtime import one_blas_thread
from parity.pipeline.artefact import ARTEFACTS
from parity.ports.dump.reading import Dump, read_dump

LIGHT, HEAVY = 12, 2
"""Faults of a part: those behind the embeddings, and those for which networks run."""
Asked = tuple[str | None, tuple[str, ...]]


@dataclass(frozen=True)
class DumpPart:
    """Some dumps of one fixture.

    Attributes
    ----------
    asked : a fault, None for none, and the kinds of its dumps
    pairs : of faults
    """

    fixture: Fixture
    asked: tuple[Asked, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()


def calibrate_dumps_in_processes(
    fixtures: Sequence[Fixture],
    faults: Sequence[Fault],
    plan: Plan,
    processes: int,
    *,
    seconds: Mapping[str, float],
    wanted: Callable[[str], bool],
    known: DumpCalibration | None = None,
    pairs: int = PAIRS,
    on_part: Callable[[DumpCalibration, int], None] = lambda found, left: None,
    start: Callable[[int], Executor] | None = None,
) -> DumpCalibration:
    """Try faults as dumps.

    Parameters
    ----------
    seconds : fixture -> of audio; the longest begin
    wanted : fixture -> whether faults are tried on it; otherwise only clean dumps are
    known : what was found before
    pairs : of faults, at most `on_dumps.PAIRS_A_FIXTURE` on each fixture
    on_part : called with everything so far, and how many dumps are left, after each part
    start : as of `parity.calibration.in_processes.in_parts`

    Raises
    ------
    InputError : a fixture or the weights are wrong, or a process was killed
    """
    names, order = [fixture.name for fixture in fixtures], [fault.name for fault in faults]
    found = known or DumpCalibration()
    longest_first = sorted(fixtures, key=lambda fixture: -seconds[fixture.name])
    heavy = [fault.name for fault in faults if fault.stage in BEFORE]
    light = [name for name in order if name not in set(heavy)]
    left = 0

    def on_done(part: DumpPart, tried: DumpCalibration) -> Iterable[DumpPart]:
        nonlocal left
        found.add(tried)
        left -= sum(len(kinds) for _, kinds in part.asked) + len(part.pairs)
        on_part(found.in_order(names, order), left)
        return ()

    def do(parts: list[DumpPart]) -> None:
        nonlocal left
        left = sum(len(kinds) for part in parts for _, kinds in part.asked) + sum(len(part.pairs) for part in parts)
        in_parts(processes, try_dump_part, plan, parts, on_done, start)

    clean = [part for fixture in longest_first for part in _parts(fixture, [None], found, 1)]
    tried_on = [fixture for fixture in longest_first if wanted(fixture.name)]
    do(
        clean
        + [part for fixture in tried_on for part in _parts(fixture, heavy, found, HEAVY)]
        + [part for fixture in tried_on for part in _parts(fixture, light, found, LIGHT)]
    )
    do(_pair_parts([fixture for fixture in fixtures if wanted(fixture.name)], faults, pairs, found))
    return found.in_order(names, order)


def _parts(fixture: Fixture, faults: Iterable[str | None], found: DumpCalibration, size: int) -> list[DumpPart]:
    asked = [(name, tuple(kind for kind in (FULL, HALF) if not found.has(fixture.name, name, kind))) for name in faults]
    asked = [(name, kinds) for name, kinds in asked if kinds]
    return [DumpPart(fixture, tuple(asked[first : first + size])) for first in range(0, len(asked), size)]


def _pair_parts(
    fixtures: Iterable[Fixture], faults: Sequence[Fault], count: int, found: DumpCalibration
) -> list[DumpPart]:
    stages = list(dict.fromkeys(artefact.stage for artefact in ARTEFACTS.values()))
    parts, known = list[DumpPart](), {(pair.fixture, pair.faults) for pair in found.pairs}
    for fixture in fixtures:
        chosen = [(one.name, two.name) for one, two in chosen_pairs(fixture.name, stages, faults, count, found)]
        count -= len(chosen)
        new = [pair for pair in chosen if (fixture.name, pair) not in known]
        parts += [DumpPart(fixture, (), tuple(new[first : first + 4])) for first in range(0, len(new), 4)]
    return parts


def try_dump_part(plan: Plan, part: DumpPart) -> DumpCalibration:
    """The dumps of one part, in this process."""
    faults: dict[str | None, Fault | None] = {None: None}
    faults |= {fault.name: fault for module in plan.modules for fault in load_faults(module)}
    found = DumpCalibration()
    with one_blas_thread():
        bench, recorded, reference = _sides(plan, part.fixture)
        for name, kinds in part.asked:
            found.trials += try_dumps(bench, recorded, reference, faults[name], kinds)
        for one, two in part.pairs:
            first, second = faults[one], faults[two]
            assert first is not None and second is not None
            found.add(try_pair(bench, recorded, reference, first, second))
    return found


@lru_cache(1)
def _sides(plan: Plan, fixture: Fixture) -> tuple[Bench, Bench, Dump]:
    bench = bench_in_process(plan, fixture)
    return bench, from_recorded(bench), read_dump(bench.snapshot.folder)
