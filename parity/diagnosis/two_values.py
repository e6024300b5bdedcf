"""Two values of one stage set otherwise: neither of two families explains what a candidate made, both together do.

Those whose rough search came nearest are tried, two at a time. Least squares begins where the beginning of an
iteration's course crosses the candidate's (cells of a grid in which both of its numbers change sign), or, of other
arrays, at the best values of each alone; each step refines both. Two free values explain more than one, so that what
they have to explain is at least three numbers for each of them.

Two whole numbers that decide together how much there is of an artefact, a hop and a length, are tried where both give
as much as the candidate has: every value of the first, some of the second, and then those around the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from parity.diagnosis.apart import COURSE, FAR, Difference
from parity.diagnosis.fitting import Fit
from parity.diagnosis.result import FITTED_LEAVES_AT_MOST, Left, Parameter
from parity.diagnosis.trying import Bench
from parity.faults.family import INTEGER, LOGARITHMIC, Family
from parity.pipeline.stage import Artefacts

NEAREST = 4
"""Families that are tried two at a time."""

NUMBERS = 6
"""That differ, at least."""

SIDE = 9
"""Values along either side of the grid."""

STEPS = 12
"""Of least squares, from each start."""

FIRST_CALLS = 15
"""Five steps; a start from which they have not come down by half is given up. A course takes longer ways."""

APART = 16
"""Between two whole numbers that are tried before the best is refined."""

DIGITS = 7
"""That a value is said with."""


@dataclass(frozen=True)
class FittedTwo:
    """The best values of two families.

    Attributes
    ----------
    families : in the order in which they are planted
    parameters : the value of each
    left : what both together leave
    made : what the stage writes with them
    """

    families: tuple[Family, Family]
    parameters: tuple[Parameter, Parameter]
    left: Left
    made: Artefacts


def two_values(
    near: Bench, apart: Difference, bench: Bench, difference: Difference, fits: Sequence[Fit]
) -> Iterator[FittedTwo]:
    """Pairs of values that fit, the most likely families first; ends with the first pair that leaves nothing to find.

    Parameters
    ----------
    near, apart : that values are searched on
    bench, difference : that what they leave is said of
    fits : families, roughly searched, in the order in which they may be planted one after the other
    """
    if apart.numbers < NUMBERS:
        return
    able = [fit for fit in fits if fit.family.values is None and fit.family.scale != INTEGER and fit.moves]
    best = sorted(sorted(able, key=lambda fit: fit.distance)[:NEAREST], key=able.index)
    for one, other in sorted(combinations(best, 2), key=lambda pair: pair[0].distance + pair[1].distance):
        if bench.out_of_time:
            bench.not_tried.append("pairs of values: no time was left for all of them")
            return
        found = _Pair(near, apart, one, other).fitted()
        if found is None:
            continue
        families = (one.family, other.family)
        made = bench.made(*(family.at(value) for family, value in zip(families, found, strict=True)))
        if made is None:
            continue
        fitted = FittedTwo(families, _parameters(families, found, bench), difference.left_by(made), made)
        yield fitted
        if fitted.left.worst <= FITTED_LEAVES_AT_MOST:
            return


def two_whole_numbers(
    near: Bench,
    apart: Difference,
    bench: Bench,
    difference: Difference,
    families: Sequence[Family],
) -> Iterator[FittedTwo]:
    """Pairs of whole numbers that fit best.

    Parameters
    ----------
    near, apart : that they are searched on
    bench, difference : that what they leave is said of
    families : in the order in which they may be planted one after the other
    """
    if apart.numbers < NUMBERS:
        return
    by_name = {family.name: family for family in families}
    for one in families:
        for name in one.pairs:
            found = _Whole(near, apart, one, by_name[name]).fitted() if name in by_name else None
            made = None if found is None else bench.made(one.at(found[0]), by_name[name].at(found[1]))
            if found is None or made is None:
                continue
            pair = (one, by_name[name])
            yield FittedTwo(pair, _parameters(pair, found, bench), difference.left_by(made), made)


def _parameters(
    families: tuple[Family, Family], values: tuple[float, float], bench: Bench
) -> tuple[Parameter, Parameter]:
    one, other = (
        Parameter(family.parameter, value, family.reference(bench.workshop), value, value)
        for family, value in zip(families, values, strict=True)
    )
    return one, other


class _Whole:
    """Two families of whole numbers, searched together."""

    def __init__(self, bench: Bench, difference: Difference, one: Family, other: Family) -> None:
        self._bench, self._difference, self._one, self._other = bench, difference, one, other
        values = np.arange(one.low, one.high + 1)
        able = {float(value): one.pairs[other.name](float(value), difference.candidate) for value in values}
        self._able = {value: beside for value, beside in able.items() if beside}
        self._found: dict[tuple[float, float], float] = {}

    def fitted(self) -> tuple[float, float] | None:
        """The values that fit best; None where none can be tried."""
        for value, beside in self._able.items():
            for other in {*beside[::APART], beside[-1]}:
                self._try(value, other)
        step = APART
        while self._found and step > 1:
            step //= 2
            value, other = min(self._found, key=self._found.__getitem__)
            for near in (other - step, other + step):
                if near in self._able[value]:
                    self._try(value, near)
        return min(self._found, key=self._found.__getitem__, default=None)

    def _try(self, one: float, other: float) -> None:
        if (one, other) in self._found or self._bench.out_of_time:
            return
        made = self._bench.made(self._one.at(one), self._other.at(other))
        if made is not None:
            self._found[one, other] = self._difference.distance(made)


class _Pair:
    """Two families, searched together."""

    def __init__(self, bench: Bench, difference: Difference, one: Fit, other: Fit) -> None:
        self._bench, self._difference, self._fits = bench, difference, (one, other)
        self._axes = tuple(_Axis(fit.family) for fit in self._fits)

    def fitted(self) -> tuple[float, float] | None:
        """The values that fit best; None where no start leads to any that fit."""
        best, nearest = None, FAR
        for start in self._starts():
            if self._bench.out_of_time:
                break
            found = self._refined(start)
            if found is None:
                continue
            made = self._made(found)
            distance = FAR if made is None else self._difference.distance(made)
            if distance < nearest:
                best, nearest = found, distance
            if nearest <= FITTED_LEAVES_AT_MOST / 2:
                break
        if best is None:
            return None
        one, other = (float(f"{axis.out(x):.{DIGITS}g}") for axis, x in zip(self._axes, best, strict=True))
        return one, other

    def _made(self, at: Sequence[float]) -> Artefacts | None:
        return self._bench.made(
            *(fit.family.at(axis.out(x)) for fit, axis, x in zip(self._fits, self._axes, at, strict=True))
        )

    def _residuals(self, at: Sequence[float]) -> np.ndarray | None:
        made = None if self._bench.out_of_time else self._made(at)
        return None if made is None else self._difference.residuals(made)

    def _starts(self) -> list[tuple[float, float]]:
        one, other = self._axes
        alone = [axis.into(fit.best) for axis, fit in zip(self._axes, self._fits, strict=True)]
        known = [axis.into(fit.family.reference(self._bench.workshop)) for axis, fit in zip(self._axes, self._fits)]
        residuals = self._residuals((known[0], known[1]))
        if residuals is None or len(residuals) != COURSE:
            return [(alone[0], known[1]), (known[0], alone[1]), (alone[0], alone[1])]
        at = {(i, j): self._residuals((one.side[i], other.side[j])) for i, j in product(range(SIDE), repeat=2)}
        crossed = []
        for i, j in product(range(SIDE - 1), repeat=2):
            corners = [at[i + a, j + b] for a, b in product((0, 1), repeat=2)]
            if any(corner is None or len(corner) != COURSE for corner in corners):
                continue
            square = np.array(corners)
            if np.all((square.min(axis=0) <= 0) & (square.max(axis=0) >= 0)):
                middle = (float(one.side[i : i + 2].mean()), float(other.side[j : j + 2].mean()))
                crossed.append((float(np.linalg.norm(square.mean(axis=0))), middle))
        return [middle for _, middle in sorted(crossed)]

    def _refined(self, start: tuple[float, float]) -> tuple[float, float] | None:
        """Both values, step by step, from a start; None where they lead out of what can be computed."""
        from scipy.optimize import least_squares

        first = self._residuals(start)
        if first is None:
            return None

        begun, norms = float(np.linalg.norm(first)), list[float]()

        def rest(at: np.ndarray) -> np.ndarray:
            if len(norms) >= FIRST_CALLS and min(norms) > begun / 2 and len(first) > COURSE:
                raise _GivenUp
            residuals = self._residuals((float(at[0]), float(at[1])))
            if residuals is None or len(residuals) != len(first):
                residuals = np.full(len(first), FAR)
            norms.append(float(np.linalg.norm(residuals)))
            return residuals

        ends = [[float(axis.side[k]) for axis in self._axes] for k in (0, -1)]
        try:
            found = least_squares(
                rest, start, bounds=ends, x_scale=[axis.width for axis in self._axes], diff_step=1e-6, max_nfev=STEPS,
                xtol=1e-14, ftol=1e-14, gtol=1e-14,
            )  # fmt: skip
        except _GivenUp:
            return None
        return float(found.x[0]), float(found.x[1])


class _GivenUp(Exception):
    """A search leads nowhere."""


class _Axis:
    """A family's values as they are searched: their logarithms, where it is spread by these."""

    def __init__(self, family: Family) -> None:
        self._logarithmic = family.scale == LOGARITHMIC
        self._low, self._high = family.low, family.high
        self.side = np.linspace(self.into(family.low), self.into(family.high), SIDE)
        self.width = float(self.side[-1] - self.side[0]) / (SIDE - 1)

    def into(self, value: float | None) -> float:
        inside = min(max(self._low if value is None else value, self._low), self._high)
        return float(np.log(inside)) if self._logarithmic else float(inside)

    def out(self, x: float) -> float:
        return float(np.exp(x)) if self._logarithmic else float(x)
