"""Two mistakes in one stage: neither explains what a candidate made, one planted after the other does.

Each of the two was tried by itself, and what it made is remembered, so that a pair costs only what the second does. A
pair that can make nothing else than one of the two is not tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations

from parity.diagnosis.apart import Difference
from parity.diagnosis.result import Mistake
from parity.diagnosis.trying import Bench, Tried
from parity.faults.fault import Fault

PAIRED = 8
"""Mistakes that are tried in pairs: those that leave the least, alone."""


def in_pairs(
    near: Bench,
    apart: Difference,
    bench: Bench,
    difference: Difference,
    faults: Sequence[Fault],
    tried: Sequence[Tried],
) -> list[Tried]:
    """Two mistakes, one planted after the other, of those that leave the least alone.

    All are tried on the one chunk that is searched on; those that fit there, and the best one, on all of them.
    """
    by_name = {fault.name: fault for fault in faults}
    best = sorted(tried, key=lambda one: one.mistake.left.choosing)
    chosen = [by_name[one.mistake.name] for one in best if one.mistake.name in by_name][:PAIRED]
    pairs = list(_tried_in_pairs(near, apart, chosen))
    if near is bench:
        return [one for one, _ in pairs]
    pairs.sort(key=lambda pair: pair[0].mistake.left.choosing)
    again = [pair for index, (one, pair) in enumerate(pairs) if index == 0 or one.mistake.fits]
    return [one for pair in again for one in _tried_together(bench, difference, *pair)]


def _tried_in_pairs(
    bench: Bench, difference: Difference, faults: Sequence[Fault]
) -> Iterator[tuple[Tried, tuple[Fault, Fault]]]:
    for pair in _composed(faults, bench.alone):
        if bench.out_of_time:
            bench.not_tried.append("pairs of mistakes: no time was left for all of them")
            return
        for one in _tried_together(bench, difference, *pair):
            yield one, pair


def _tried_together(bench: Bench, difference: Difference, one: Fault, other: Fault) -> list[Tried]:
    """Two mistakes, one planted after the other; none where that raises."""
    made = bench.made(one, other)
    if made is None:
        return []
    about = f"{one.about}; and {other.about}"
    return [Tried(Mistake(f"{one.name} + {other.name}", about, difference.left_by(made)), made)]


def _composed(faults: Sequence[Fault], alone: set[str]) -> Iterator[tuple[Fault, Fault]]:
    """Pairs that make something else than one of the two.

    Behind a mistake that runs nothing of what stood there before the first of a pair is gone; of mistakes in two stages
    the order does not matter.
    """
    for one, other in permutations(faults, 2):
        if one.stage == other.stage and other.name in alone:
            continue
        if one.stage != other.stage and faults.index(one) > faults.index(other):
            continue
        yield one, other
