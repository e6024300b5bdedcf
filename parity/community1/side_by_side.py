"""Chunks worked on side by side: one worker a core, each with networks of one thread.

A network's own threads meet after every operator, and what is too small for two of them (an LSTM's step, a filterbank)
leaves a core idle; whole chunks never wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """What `work` makes of each item, in their order.

    Parameters
    ----------
    workers : threads; with one, everything happens in the caller's
    """
    if workers == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(work, items)  # an error, or a caller that stops, cancels what has not begun
