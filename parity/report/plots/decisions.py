"""What the answer hung on: merges against the cut, VBx's bound, and which stage's patch brings the answer back."""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parity.report.canvas import ALONE, BAD, INK, LINE, MEDIUM, MUTED, NARROW, OURS, REFERENCE, new_axes, new_figure
from parity.report.plots.scales import number

RECOVERIES = {"frames": OURS, "responsibilities": ALONE, "speakers": REFERENCE, "der": INK}


def merges(fixture: dict[str, Any]) -> Figure | None:
    """Heights of AHC's merges, both sides, against the cut."""
    found = fixture["merges"]
    if found is None:
        return None
    axes, figure = _plain(NARROW, 206, "merge", "distance")
    _both_sides(axes, found["reference_heights"], found["heights"], start=0)
    if found["cut"] is not None:
        axes.axhline(found["cut"], color=BAD, linewidth=1.3, dashes=(5, 3))
        axes.annotate(
            f"cut {found['cut']:g}", (0, found["cut"]), (3, 4), textcoords="offset points", color=BAD, fontsize=10.5
        )
    heights = [*(found["reference_heights"] or ()), *(found["heights"] or ()), found["cut"] or 0.0]
    axes.set_ylim(0, 1.12 * max((n for n in map(number, heights) if 0 < n < math.inf), default=1.0))
    return figure


def elbo(fixture: dict[str, Any]) -> Figure | None:
    """VBx's evidence lower bound by iteration, both sides."""
    found = fixture["elbo"]
    if found is None:
        return None
    axes, figure = _plain(NARROW, 206, "iteration", "ELBO, nats")
    _both_sides(axes, found["reference"], found["hypothesis"], start=1, line=True)
    low, high = axes.get_ylim()
    # One nat at least: rounding of the last digits is no trajectory.
    spare = max(0.12 * (high - low), (1 - (high - low)) / 2)
    axes.set_ylim(low - spare, high + spare)
    axes.ticklabel_format(axis="y", useOffset=False)
    return figure


def _both_sides(
    axes: Axes, reference: list[Any] | None, ours: list[Any] | None, *, start: int, line: bool = False
) -> None:
    """The reference as rings, ours as dots inside them: where they agree, each ring has its dot."""
    many = max(len(reference or ()), len(ours or ())) > 120
    ring, dot = (5.0, 2.2) if many else (7.5, 3.4)
    for values, colour, size, face in ((reference, REFERENCE, ring, "none"), (ours, OURS, dot, OURS)):
        numbers = [number(value) for value in values or ()]
        places = range(start, start + len(numbers))
        style: dict[str, Any] = {
            "linestyle": "-" if line else "none",
            "linewidth": 1,
            "color": colour,
            "mec": colour,
            "mfc": face,
        }
        axes.plot(places, numbers, marker="o", markersize=size, markeredgewidth=1.2, **style)
    locator: Any = axes.xaxis.get_major_locator()  # a `MaxNLocator`, which it is by default
    locator.set_params(integer=True, min_n_ticks=1)


def recovery(fixture: dict[str, Any]) -> Figure | None:
    """How far each stage's patch alone brings the answer back: 1 is all the way."""
    found = fixture["explanation"]
    rows = single_patches(found) if found else []
    if not rows:
        return None
    figure = new_figure(MEDIUM, 12 + 24 * len(rows) + 40)
    axes = new_axes(figure, (118, MEDIUM - 96), (8, 8 + 24 * len(rows)))
    for place, row in enumerate(rows):
        _bars(axes, place, row["recovery"])
        if row["restored"]:
            decisive = row["stages"][0] == found["decisive"]
            words = "✓ decisive" if decisive else "✓ restores"
            axes.text(1.06, place, words, color=BAD if decisive else MUTED, va="center", fontsize=10.5)
    lowest = min((number(value) for row in rows for value in row["recovery"].values() if value is not None), default=0)
    axes.set_xlim(max(min(lowest, 0.0) - 0.04, -1.04), 1.04)
    axes.axvline(0, color=MUTED, linewidth=1)
    axes.axvline(1, color=INK, linewidth=1, linestyle=(0, (2, 2)))
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [row["stages"][0] for row in rows])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.set_xlabel("recovery by the reference's output of one stage alone")
    return figure


def single_patches(explanation: dict[str, Any]) -> list[dict[str, Any]]:
    """The patches of one stage each with the reference's output, in the pipeline's order."""
    return [
        patch
        for patch in explanation["patches"]
        if patch["direction"] == "reference into candidate" and not patch["prefix"] and len(patch["stages"]) == 1
    ]


def _bars(axes: Axes, place: int, found: dict[str, Any]) -> None:
    for index, (key, colour) in enumerate(RECOVERIES.items()):
        if found[key] is not None:
            axes.barh(place + (index - 1.5) * 0.2, number(found[key]), height=0.17, color=colour)


def _plain(width: float, height: float, across: str, up: str) -> tuple[Axes, Figure]:
    figure = new_figure(width, height)
    axes = new_axes(figure, (66, width - 14), (10, height - 40))
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes, figure
