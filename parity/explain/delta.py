"""Delta debugging: the smallest part of a set that still has a property.

Source: Zeller & Hildebrandt, "Simplifying and isolating failure-inducing input", IEEE TSE 28(2), 2002, algorithm ddmin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

T = TypeVar("T")

YES, NO, UNRESOLVED = "yes", "no", "unresolved"


@dataclass(frozen=True)
class Reduced:
    """What ddmin found.

    Attributes
    ----------
    chosen : indices into the set, ascending
    minimal : whether leaving out any single one loses the property; False where the budget ended first
    runs : tests that were run
    unresolved : how many of them showed neither the property nor its plain absence
    """

    chosen: tuple[int, ...]
    minimal: bool
    runs: int
    unresolved: int


class _Spent(Exception):
    pass


def ddmin(elements: Sequence[T], test: Callable[[list[T]], str], budget: int) -> Reduced:
    """The smallest subset, to one element, that passes the test.

    Parameters
    ----------
    elements : the whole set, which passes; neighbours should belong together
    test : subset -> `yes`, `no`, or `unresolved`; the same subset is never tested twice
    budget : tests at most
    """
    oracle = _Oracle(elements, test, budget)
    chosen = list(range(len(elements)))
    parts = 2
    try:
        while len(chosen) >= 2:
            pieces = _split(chosen, min(parts, len(chosen)))
            smaller = next((piece for piece in pieces if oracle(piece)), None)
            if smaller is not None:
                chosen, parts = smaller, 2
                continue
            # With two pieces the complement of the one is the other, which was just tested.
            rests = [_without(chosen, piece) for piece in pieces] if len(pieces) > 2 else []
            smaller = next((rest for rest in rests if oracle(rest)), None)
            if smaller is not None:
                chosen, parts = smaller, max(parts - 1, 2)
            elif parts >= len(chosen):
                break
            else:
                parts = min(2 * parts, len(chosen))
        minimal = True
    except _Spent:
        minimal = False
    return Reduced(tuple(chosen), minimal, oracle.runs, oracle.unresolved)


class _Oracle:
    """The test, each subset once, within a budget."""

    def __init__(self, elements: Sequence[T], test: Callable[[list[T]], str], budget: int) -> None:
        self._elements, self._test, self._budget = elements, test, budget
        self._known: dict[tuple[int, ...], str] = {}
        self.runs = 0
        self.unresolved = 0

    def __call__(self, indices: list[int]) -> bool:
        key = tuple(indices)
        if key not in self._known:
            if self.runs >= self._budget:
                raise _Spent
            self.runs += 1
            self._known[key] = self._test([self._elements[index] for index in indices])
            self.unresolved += self._known[key] == UNRESOLVED
        return self._known[key] == YES


def _split(indices: list[int], parts: int) -> list[list[int]]:
    edges = [len(indices) * part // parts for part in range(parts + 1)]
    return [indices[start:end] for start, end in pairwise(edges)]


def _without(indices: list[int], left_out: list[int]) -> list[int]:
    gone = set(left_out)
    return [index for index in indices if index not in gone]
