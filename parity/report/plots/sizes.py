"""How large the drift of every artefact is, against tolerances and the reference's own noise."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parity.report.canvas import ALONE, BAD, INK, LINE, MEDIUM, MUTED, NOISE, OURS, new_axes, new_figure
from parity.report.plots.scales import Decades

ROW = 20.0


def drift(fixture: dict[str, Any]) -> Figure | None:
    """Max abs of every artefact on a log scale: isolated, cascaded, their tolerances, the reference's own noise."""
    rows = fixture["artefacts"]
    if not rows:
        return None
    names = list(dict.fromkeys(row["artefact"] for row in rows))
    noise = fixture["noise"] or {}
    scale = Decades([row[key] for row in rows for key in ("max_abs", "tolerance")])
    figure = new_figure(MEDIUM, 12 + ROW * len(names) + 40)
    axes = new_axes(figure, (196, MEDIUM - 104), (8, 8 + ROW * len(names)))
    for row in rows:
        _tolerance(axes, names.index(row["artefact"]), row, scale)
    for row in rows:
        _dot(axes, names.index(row["artefact"]), row, scale)
    for name, envelope in noise.items():
        at = scale.inside(envelope["max_abs"]) if name in names else None
        if at is not None:
            axes.barh(names.index(name), at - scale.start, left=scale.start, height=0.62, color=NOISE, zorder=0)
    _stages(axes, names, {row["artefact"]: row["stage"] for row in rows}, scale)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    scale.ticks(axes)
    axes.set_xlabel("largest absolute difference")
    return figure


def _tolerance(axes: Axes, place: int, row: dict[str, Any], scale: Decades) -> None:
    at = scale.inside(row["tolerance"])
    if at is not None:
        isolated = row["mode"] == "isolated"
        style = {"color": ALONE, "linestyle": (0, (2, 1.5))} if isolated else {"color": OURS, "linestyle": "solid"}
        axes.vlines(at, place - 0.42, place + 0.42, linewidth=1.4, zorder=2, **style)


def _dot(axes: Axes, place: int, row: dict[str, Any], scale: Decades) -> None:
    at = scale.place(row["max_abs"], row["mismatches"])
    isolated = row["mode"] == "isolated"
    if not row["within"]:
        axes.plot([at], [place], "x", color=BAD, markersize=11 if isolated else 8, markeredgewidth=2, zorder=5)
    face, edge = ("none", ALONE) if isolated else (OURS, OURS)
    size = 8 if isolated else 4.2
    axes.plot([at], [place], "o", mfc=face, mec=edge, markersize=size, markeredgewidth=1.4, zorder=4)


def _stages(axes: Axes, names: list[str], stages: dict[str, str], scale: Decades) -> None:
    """Lines between stages, and their names on the right."""
    for place, name in enumerate(names):
        if place == 0 or stages[name] != stages[names[place - 1]]:
            axes.axhline(place - 0.5, color=LINE, linewidth=0.7, zorder=0)
            axes.text(scale.end + 0.2 * scale.lane, place, stages[name], color=MUTED, fontsize=10, va="center")
