"""Which value of a family fits best: a grid, then golden section and parabolas; whole numbers one by one.

What is searched is the distance on the half that chooses. Where the stage decides (a threshold, a count) many values
make the same, and the best one is an interval: its ends are bisected, and the value said is the roundest inside. Of
several that are as good the roundest is gone on from, too, for people write round numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from parity.diagnosis.apart import FAR, Difference
from parity.diagnosis.outcomes import digest_of
from parity.diagnosis.result import FITTED_LEAVES_AT_MOST, Left, Parameter
from parity.diagnosis.trying import Bench
from parity.errors import one_line
from parity.faults.family import INTEGER, LOGARITHMIC, Family
from parity.pipeline.stage import Artefacts

STEPS = 40
"""Of the refinement, at most."""

FIRST_STEPS = 12
"""After which a search that has not come down by half is given up."""

BISECTIONS = 24
CLOSE = 1e-9
"""Difference of two distances that are one."""

NEAR = 2.0
"""Grid points that are so many times the best one's distance are refined too, for there may be several valleys."""

NEARER = 0.25
"""Of the grid's steps, to either side of the reference's value."""

VALLEYS = 3

MOST_DECIMALS = 9
"""Of a value that is said."""

MOST_CELLS = 40
"""Values of an interval that are looked at on both halves."""

FAR_OFF = 0.1
"""Distance of what leaves ten times what a mistake may leave."""


@dataclass
class Fitted:
    """The best value of a family.

    Attributes
    ----------
    parameter : the value, with the interval that fits alike
    left : what it leaves
    made : what the stage writes with it
    """

    parameter: Parameter
    left: Left
    made: Artefacts


class Fit:
    """A family whose value is searched: first roughly, by a grid, then finely.

    Parameters
    ----------
    family : what is searched
    bench, difference : the stage, and what has to be explained
    """

    def __init__(self, family: Family, bench: Bench, difference: Difference) -> None:
        self.family, self._bench, self._difference = family, bench, difference
        self._search = _Search(family, bench, difference)
        self._values = _grid(family, bench, difference.candidate)
        for value in self._values:
            if bench.out_of_time:
                bench.not_tried.append(f"{family.name}: no time was left for all of its values")
                break
            self._search(value)

    @property
    def distance(self) -> float:
        """Of the best value so far; infinite where none could be tried."""
        return min(self._search.found.values(), default=float("inf"))

    @property
    def moves(self) -> bool:
        """Whether any two of its values, of those that were tried, make different things here."""
        return self._search.moves

    @property
    def best(self) -> float:
        """The best value so far; the smallest where none could be tried."""
        return self._search.best if self._search.found else self.family.low

    def refined(self) -> Fitted | None:
        """The value that fits best; None where none can be tried."""
        if not self._search.found:
            return None
        if self.distance > CLOSE:
            (_refine_whole if self.family.scale == INTEGER else _refine)(self.family, self._search, self._values)
        best = self._search.best
        # Whoever fits nothing is never named, and its interval takes as long as the search.
        low, high = (best, best) if self.distance > FAR_OFF else _interval(self.family, self._search, best)
        value = roundest(low, high, best) if high > low else best
        made = self._bench.made(self.family.at(value))
        if made is not None and high > low and self._left(value) > FITTED_LEAVES_AT_MOST:
            low, high, value = self._by_both_halves(low, high)
            made = self._bench.made(self.family.at(value))
        if made is None:
            return None
        parameter = Parameter(self.family.parameter, value, self.family.reference(self._bench.workshop), low, high)
        return Fitted(parameter, self._difference.left_by(made), made)

    def _left(self, value: float) -> float:
        """What a value leaves on the worse half; all where it cannot be tried."""
        made = self._bench.made(self.family.at(value))
        return FAR if made is None else self._difference.left_by(made).worst

    def _by_both_halves(self, low: float, high: float) -> tuple[float, float, float]:
        """Of an interval that one half leaves open the part that fits the other half too, and its roundest value."""
        tried = sorted({low, high, *(value for value in self._search.found if low <= value <= high)})
        left = {value: self._left(value) for value in tried[:: max(1, len(tried) // MOST_CELLS)]}
        best = min(left, key=lambda value: (left[value], _decimals(value), value))

        def alike(value: float) -> bool:
            return self._left(value) <= left[best] + CLOSE

        ends = []
        for side in (-1, 1):
            end, beyond = best, best
            for value in sorted((v for v in left if (v - best) * side > 0), key=lambda v: abs(v - best)):
                if not alike(value):
                    beyond = value
                    break
                end = value
            whole = beyond == best or self.family.scale == INTEGER
            ends.append(end if whole else _bisected(alike, end, beyond))
        return ends[0], ends[1], roundest(ends[0], ends[1], best) if ends[1] > ends[0] else best


class _Search:
    """Distances by value; each is computed once."""

    def __init__(self, family: Family, bench: Bench, difference: Difference) -> None:
        self._family, self._bench, self._difference = family, bench, difference
        self.found: dict[float, float] = {}
        self.moves = False
        self._first_made: Hashable = None

    def __call__(self, value: float) -> float:
        value = float(value)
        if value not in self.found:
            made = None if self._bench.out_of_time else self._bench.made(self._family.at(value))
            if made is None:
                return FAR
            self.found[value] = self._difference.distance(made)
            if not self.moves:  # told by one that differs from the first
                digest = digest_of(made)
                self._first_made = self._first_made or digest
                self.moves = digest != self._first_made
        return self.found[value]

    @property
    def best(self) -> float:
        return min(self.found, key=lambda value: (self.found[value], _decimals(value), value))


def _decimals(value: float) -> int:
    """That a value is written with, negative of whole tens and hundreds."""
    return next((decimals for decimals in range(-3, MOST_DECIMALS) if round(value, decimals) == value), MOST_DECIMALS)


def _grid(family: Family, bench: Bench, candidate: Mapping[str, Any]) -> list[float]:
    if family.values is not None:
        known = bench.natively()
        try:
            values = [float(value) for value in family.values(known, known, candidate)]
        except Exception as error:  # a family is anybody's code
            bench.not_tried.append(f"{family.name}: {type(error).__name__}: {one_line(error)}")
            return []
        return sorted({value for value in values if family.low <= value <= family.high})
    if family.scale == INTEGER:
        return [float(value) for value in range(int(family.low), int(family.high) + 1)]
    spread = np.geomspace if family.scale == LOGARITHMIC else np.linspace
    evenly = spread(family.low, family.high, family.grid)
    reference = family.reference(bench.workshop)
    return sorted({*map(float, evenly), *family.points.values(), *_beside(reference, family, evenly)})


def _beside(known: float | None, family: Family, evenly: np.ndarray) -> list[float]:
    """The reference's value and one to either side, nearer than the grid's: the valley of a value that is nearly the
    reference's is narrow."""
    if known is None or not family.low < known < family.high:
        return []
    if family.scale == LOGARITHMIC:
        apart = float(evenly[1] / evenly[0]) ** NEARER
        beside = [known / apart, known, known * apart]
    else:
        apart = float(evenly[1] - evenly[0]) * NEARER
        beside = [known - apart, known, known + apart]
    return [value for value in beside if family.low <= value <= family.high]


def _refine(family: Family, search: _Search, values: list[float]) -> None:
    """Go down the best valleys of the grid."""
    from scipy.optimize import minimize_scalar

    values = [value for value in values if value in search.found]
    distances = np.array([search.found[value] for value in values])
    order = np.argsort(distances, kind="stable")[:VALLEYS]
    into, out = (np.log, np.exp) if family.scale == LOGARITHMIC else (_same, _same)
    for index in order:
        if distances[index] > NEAR * distances[order[0]] + CLOSE:
            break
        low, high = values[max(0, index - 1)], values[min(len(values) - 1, index + 1)]
        if low == high:
            continue
        for steps in (FIRST_STEPS, STEPS):  # the second search begins with what the first has computed
            minimize_scalar(
                lambda x: search(float(out(x))) ** 2,
                bounds=(float(into(low)), float(into(high))),
                method="bounded",
                options={"xatol": 1e-7 * abs(float(into(high)) - float(into(low))), "maxiter": steps},
            )
            if search.found[search.best] > max(FAR_OFF, distances[order[0]] / 2):
                break


def _refine_whole(family: Family, search: _Search, values: list[float]) -> None:
    """Whole numbers between those of the grid: the best one's neighbours at half the distance, a quarter, and so on."""
    step = int(max(np.diff(sorted(values)), default=1.0))
    if family.values is None or step <= 1:
        return
    while step > 1:
        step = (step + 1) // 2
        best = search.best
        for value in (best - step, best + step):
            if family.low <= value <= family.high:
                search(value)


def _same(value: float) -> float:
    return value


def _interval(family: Family, search: _Search, best: float) -> tuple[float, float]:
    """Values around the best one that make the same, as far as they are searched."""
    level, known = search.found[best], sorted(search.found)

    def alike(value: float) -> bool:
        return search(value) <= level + CLOSE

    ends = []
    for side in (-1, 1):
        inside = [value for value in known if (value - best) * side >= 0]
        if level <= CLOSE:  # a decision: nothing tells how far it goes
            inside.append(family.low if side < 0 else family.high)
        inside.sort(key=lambda value: abs(value - best))
        end, beyond = best, best
        for value in inside:
            if not alike(value):
                beyond = value
                break
            end = value
        if beyond != best and family.scale != INTEGER:
            end = _bisected(alike, end, beyond)
        ends.append(end)
    return ends[0], ends[1]


def _bisected(alike: Callable[[float], bool], inside: float, outside: float) -> float:
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        if abs(outside - inside) <= 1e-6 * max(abs(inside), abs(outside)):
            break
        inside, outside = (middle, outside) if alike(middle) else (inside, middle)
    return inside


def roundest(low: float, high: float, otherwise: float) -> float:
    """The number with the fewest decimals between two, the one nearest their middle of several."""
    for decimals in range(-3, MOST_DECIMALS):
        step = 10.0**-decimals
        inside = [k for k in (np.ceil(low / step), np.floor(high / step)) if low <= round(k * step, 12) <= high]
        if inside:
            middle = round((low + high) / 2 / step) * step
            chosen = middle if low <= middle <= high else inside[0] * step
            return float(round(chosen, max(0, decimals) + 2))
    return otherwise
