"""Chunks worked on side by side: one worker per core, each with networks of one thread.

A network's own threads meet after every operator, and what is too small for two of them (an LSTM's step, a filterbank)
leaves a core idle; whole chunks never wait for each other. Beside other work it is worse: a thread that waits burns
its core until the other one gets a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

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


def rows_side_by_side(network: Callable[..., tuple[np.ndarray, ...]], workers: int) -> Callable[..., tuple[np.ndarray]]:
    """A network of one input and one output that works on parts of a batch at once.

    Parameters
    ----------
    network : of one thread, safe to be called by several; a row of its output depends on no other row
    workers : parts, as even as can be
    """

    def run(**inputs: np.ndarray) -> tuple[np.ndarray]:
        ((argument, rows),) = inputs.items()
        parts = np.array_split(rows, min(workers, max(1, len(rows))))
        return (
            np.concatenate(
                [out for (out,) in side_by_side(lambda part: network(**{argument: part}), parts, len(parts))]
            ),
        )

    return run
