"""Numbers of the document on logarithmic axes: what a decade is called, and where what has no logarithm stands."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from matplotlib.axes import Axes

from parity.report.canvas import LINE

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: Any) -> float:
    """A number of the document: text stands for what JSON lacks, null for none."""
    return math.nan if value is None else float(value)


def power(decade: int) -> str:
    """A power of ten, with superscripts."""
    return "10" + str(decade).translate(SUPERSCRIPTS)


class Decades:
    """A log axis between two lanes: what is zero on the left, what differs and has no size on the right."""

    def __init__(self, values: Iterable[Any]) -> None:
        logs = [math.log10(v) for v in map(number, values) if math.isfinite(v) and v > 0] or [-6.0, 0.0]
        self.low, self.high = max(math.floor(min(logs)), -20), min(math.ceil(max(logs)), 20)
        self.high = max(self.high, self.low + 1)
        self.lane = max(0.1 * (self.high - self.low), 0.6)
        self.start, self.end = self.low - 0.4 * self.lane, self.high + 1.9 * self.lane

    def inside(self, value: Any) -> float | None:
        """Where a size stands on the axis; None where it has none."""
        size = number(value)
        return min(max(math.log10(size), self.low), self.high) if math.isfinite(size) and size > 0 else None

    def place(self, value: Any, mismatches: int) -> float:
        """Where a comparison stands: decisions that differ are in the right lane, whatever their size."""
        if mismatches or not math.isfinite(number(value)):
            return self.high + 1.2 * self.lane
        at = self.inside(value)
        return self.low - self.lane if at is None else at

    def ticks(self, axes: Axes) -> None:
        """Decades between the lanes."""
        step = max(1, math.ceil((self.high - self.low) / 6))
        decades = [decade for decade in range(self.low, self.high + 1, step) if decade <= self.high - 0.3 * self.lane]
        places = [self.low - self.lane, *decades, self.high + 1.2 * self.lane]
        axes.set_xlim(self.low - 1.6 * self.lane, self.end)
        axes.set_xticks(places, ["0", *map(power, decades), "differs"])
        for edge in (self.start, self.high + 0.4 * self.lane):
            axes.axvline(edge, color=LINE, linewidth=0.7, zorder=0)
