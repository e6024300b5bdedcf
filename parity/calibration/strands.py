"""Parts of a calibration that share what they compute, in several processes.

A strand is parts that build on the same results, such as all dumps of one stage of one fixture. A process that has
begun a strand goes on with it, so that it computes what is shared once; one that has nothing to do begins the next
strand, and where none is left it joins the one that has most to do, at the price of computing what is shared again.
"""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from parity.calibration.in_processes import KILLED, Plan
from parity.errors import InputError
from parity.files.processes import spawned

JOINED = 4
"""Parts that a strand has left, at least, for each process at it, where another one joins."""

P = TypeVar("P", bound=Hashable)
R = TypeVar("R")


@dataclass
class _Strand(Generic[P]):
    left: deque[P]
    at_it: int = 0


@dataclass
class _Strands(Generic[P]):
    """Who does what next."""

    waiting: deque[_Strand[P]]
    begun: list[_Strand[P]] = field(default_factory=list)

    def after(self, strand: _Strand[P] | None) -> _Strand[P] | None:
        """The strand of which a process does the next part; None where it has nothing more to do."""
        if strand is not None:
            if strand.left:
                return strand
            strand.at_it -= 1
        found = self._next()
        if found is not None:
            found.at_it += 1
        return found

    def _next(self) -> _Strand[P] | None:
        if self.waiting:
            self.begun.append(self.waiting.popleft())
            return self.begun[-1]
        able = [strand for strand in self.begun if len(strand.left) >= JOINED * strand.at_it > 0]
        return max(able, key=lambda strand: len(strand.left) / strand.at_it, default=None)


def in_strands(
    processes: int,
    work: Callable[[Plan, P], R],
    plan: Plan,
    strands: Sequence[Sequence[P]],
    on_done: Callable[[P, R], None],
    start: Callable[[int], Executor] | None = None,
) -> None:
    """Do strands of parts in processes, those of a strand in order.

    Parameters
    ----------
    strands : the longest first, so that the end is short
    work : (plan, part) -> what was found; a function of a module
    on_done : called in this process with each part and what was found
    start : how many -> what runs parts; processes by default. It is asked for one at a time

    Raises
    ------
    InputError : what `work` raises, or a process was killed
    """
    before = multiprocessing.active_children()
    todo = _Strands(deque(_Strand(deque(parts)) for parts in strands if parts))
    pools: list[Executor] = []
    running: dict[Future[R], tuple[Executor, _Strand[P], P]] = {}

    def go_on(pool: Executor, strand: _Strand[P] | None) -> bool:
        """Give a process its next part; False where there is none for it."""
        following = todo.after(strand)
        if following is None:
            return False
        part = following.left.popleft()
        running[pool.submit(work, plan, part)] = (pool, following, part)
        return True

    try:
        for _ in range(processes):
            pools.append((start or spawned)(1))
            if not go_on(pools[-1], None):
                break
        while running:
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                pool, strand, part = running.pop(future)
                on_done(part, future.result())
                go_on(pool, strand)
    except BrokenProcessPool:
        raise InputError(KILLED) from None
    finally:
        _end(pools, before)


def _end(pools: Sequence[Executor], before: Sequence[Any]) -> None:
    for pool in pools:
        pool.shutdown(wait=False, cancel_futures=True)
    for process in set(multiprocessing.active_children()) - set(before):
        process.terminate()
