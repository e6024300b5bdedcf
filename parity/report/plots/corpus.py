"""What is drawn of a corpus: how far each answer moved, what decided flips, and whether headroom foretold them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator

from parity.report.canvas import ALONE, BAD, INK, LINE, MEDIUM, MUTED, OURS, REFERENCE, WIDE, new_axes, new_figure

Row = Mapping[str, Any]
BINS = 41
HEIGHT = 90
BESIDE: Any = {"textcoords": "offset points", "color": INK, "annotation_clip": False}
SHADES = (OURS, ALONE, BAD, REFERENCE)
FARTHEST = 1e5
"""Headroom that is drawn; what has more, or no drift at all, is drawn there."""


def differences(rows: Sequence[Row]) -> Figure | None:
    """Of each candidate, DER against humans less the reference's, in points; recordings that did not move are counted.

    None where nothing moved, or nothing is known.
    """
    moved = {
        side: [100 * row["difference"] for row in rows if row["side"] == side and row["difference"] is not None]
        for side in dict.fromkeys(row["side"] for row in rows)
    }
    widest = max((abs(value) for values in moved.values() for value in values), default=0.0)
    if not widest:
        return None
    edges = np.linspace(-widest, widest, BINS + 1)
    figure = new_figure(MEDIUM, HEIGHT * len(moved) + 40)
    for number, (side, values) in enumerate(moved.items()):
        axes = new_axes(figure, (60, MEDIUM - 20), (HEIGHT * number + 24, HEIGHT * (number + 1)))
        changed = [value for value in values if value]
        axes.hist(changed, bins=list(edges), color=OURS)
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.set_xlim(-widest, widest)
        axes.set_title(f"{side}: {len(values) - len(changed)} of {len(values)} at 0", loc="left", fontsize=11)
        axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
        axes.tick_params(labelbottom=number == len(moved) - 1)
    axes.set_xlabel("points of DER; right of 0 the candidate is worse")
    return figure


def decides(rows: Sequence[Row]) -> Figure | None:
    """How many flips each stage decides, and is the first to decide otherwise; a bar for each side and role."""
    bars: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        bars.setdefault((row["side"], row["role"]), []).append(row)
    if not bars:
        return None
    figure = new_figure(WIDE, 34 * len(bars) + 84)
    axes = new_axes(figure, (260, WIDE - 20), (44, 34 * len(bars) + 44))
    stages = list(dict.fromkeys(row["stage"] for row in rows))
    for number, those in enumerate(bars.values()):
        left = 0
        for row in those:
            shade = SHADES[stages.index(row["stage"]) % len(SHADES)]
            axes.barh(number, row["flips"], left=left, color=shade, edgecolor=LINE, linewidth=1)
            place = (left + row["flips"] / 2, number)
            axes.annotate(str(row["flips"]), place, (0, 0), va="center", ha="center", **{**BESIDE, "color": "white"})
            left += row["flips"]
    axes.set_yticks(range(len(bars)), [f"{side}: {role}" for side, role in bars])
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set_xlabel("flips")
    shades = [Patch(color=SHADES[number % len(SHADES)], label=stage) for number, stage in enumerate(stages)]
    axes.legend(handles=shades, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(shades), frameon=False)
    return figure


def foretold(bins: Sequence[Row]) -> Figure | None:
    """Share that flipped, by headroom and by chance, with 95 % intervals; None where nothing was explained."""
    if not bins:
        return None
    figure = new_figure(WIDE, 300)
    by = {name: [row for row in bins if row["by"] == name] for name in ("headroom", "chance")}
    left = new_axes(figure, (60, WIDE / 2 - 30), (20, 240))
    left.set_xscale("log")
    left.xaxis.set_major_formatter(FuncFormatter(lambda value, place: f"{value:g}"))
    left.axvline(1, color=BAD, linewidth=1)
    _shares(left, [_middle(row) for row in by["headroom"]], by["headroom"])
    left.set_xlabel("least headroom of the recording")
    left.set_ylabel("share that flipped")
    right = new_axes(figure, (WIDE / 2 + 30, WIDE - 20), (20, 240))
    right.set_xscale("function", functions=(np.sqrt, np.square))  # most chances are small
    even = np.linspace(0, 1, 101)
    right.plot(even, even, color=REFERENCE, linewidth=1)
    _shares(right, [row["expected"] / row["recordings"] for row in by["chance"]], by["chance"])
    right.set_xlim(0, 1.03)
    right.set_xticks([0, 0.01, 0.1, 0.3, 0.6, 1])
    right.set_xlabel("chance that was foretold")
    return figure


def _middle(row: Row) -> float:
    low, high = max(row["from"], 0.1), row["to"] if row["to"] is not None else FARTHEST
    return float(np.sqrt(low * high))


def _shares(axes: Axes, places: Sequence[float], rows: Sequence[Row]) -> None:
    shares = np.array([row["share"] for row in rows])
    below = np.maximum(0, shares - [row["low"] for row in rows])
    above = np.maximum(0, np.array([row["high"] for row in rows]) - shares)
    axes.errorbar(places, shares, yerr=(below, above), fmt="o", color=OURS, ecolor=MUTED, elinewidth=1)
    for place, value, row in zip(places, shares, rows, strict=True):
        axes.annotate(str(row["recordings"]), (place, value), xytext=(6, 4), textcoords="offset points", color=MUTED)
    axes.set_ylim(-0.03, 1.06)
