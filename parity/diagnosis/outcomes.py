"""What mistakes made, kept from one look-up to the next of the same inputs.

A calibration looks up hundreds of dumps whose stage was given the same: what each mistake makes of that is computed
once. Who was looked up last is dropped last, for values of a search are seldom asked for twice.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np

from parity.pipeline.stage import Artefacts, ChunkSeries

LIMIT = 512 << 20
"""Bytes of arrays that are kept."""


class Outcome(NamedTuple):
    """What came of a mistake.

    Attributes
    ----------
    made : what the stage wrote; None where it could not be tried
    why : it could not be tried
    alone : whether it ran nothing of the function that stood there before: whatever was planted in it earlier is gone
    """

    made: Artefacts | None
    why: str = ""
    alone: bool = False


class Outcomes:
    """Outcomes by inputs and mistakes.

    Parameters
    ----------
    limit : bytes of arrays that are kept
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._bytes = limit, 0
        self._known: OrderedDict[Hashable, Outcome] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def of(self, key: Hashable, compute: Callable[[], Outcome]) -> Outcome:
        """What is known, or is computed now."""
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        found = self._known[key] = compute()
        self._bytes += _bytes(found)
        while self._bytes > self._limit and len(self._known) > 1:
            self._bytes -= _bytes(self._known.popitem(last=False)[1])
        return found


def digest_of(values: Mapping[str, Any]) -> Hashable:
    """What tells inputs apart: arrays and series of chunks by their contents, anything else by its text."""
    return tuple((name, _digest(values[name])) for name in sorted(values))


def _digest(value: Any) -> Hashable:
    if isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value)
        return (value.dtype.str, value.shape, blake2b(data.tobytes(), digest_size=16).digest())
    if isinstance(value, ChunkSeries):
        taken = value.take(value.chunks) if len(value.chunks) else np.empty(0)
        return (_digest(np.asarray(value.chunks)), _digest(taken))
    return repr(value)


def _bytes(outcome: Outcome) -> int:
    return sum(value.nbytes for value in (outcome.made or {}).values() if isinstance(value, np.ndarray))
