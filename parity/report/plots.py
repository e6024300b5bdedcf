"""Plots of one fixture as SVG text, drawn from the data of `parity.json`.

Each takes a fixture of the document and gives a figure, or None where there is nothing to draw. What belongs to the
reference is grey, ours is blue, isolated is amber, and red is what is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from parity.report.canvas import (
    ALONE,
    BAD,
    INK,
    LINE,
    MUTED,
    NOISE,
    OURS,
    REFERENCE,
    embedded,
    new_axes,
    new_figure,
    page_style,
)

Fixture = dict[str, Any]
Draw = Callable[[Fixture], "Figure | None"]

WIDE, MEDIUM, NARROW = 960, 600, 440
LONGEST_NAME = 13
ROW = 20.0
BELOW, ABOVE = 3, 5
"""Decades of embedding drift around the tolerance that have colours of their own."""

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
RECOVERIES = {"frames": OURS, "responsibilities": ALONE, "speakers": REFERENCE, "der": INK}


def svg(draw: Draw, fixture: Fixture, key: str, label: str) -> str:
    """One plot of one fixture.

    Parameters
    ----------
    draw : one of the functions below
    key : of the plot, unique for each
    label : what a screen reader says instead of it
    """
    name = f"{fixture['name']}-{key}"
    with page_style(name):
        figure = draw(fixture)
        return "" if figure is None else embedded(figure, name, label)


def timeline(fixture: Fixture) -> Figure | None:
    """A lane for each speaker, the reference above ours; where they differ; the waveform's energy below."""
    found, energy = fixture["timeline"], fixture["energy"]
    if found is None or energy is None:
        return None
    speakers = sorted({turn[2] for side in ("reference", "hypothesis") for turn in found[side]})
    lanes = 24.0 * max(len(speakers), 1)
    figure = new_figure(WIDE, 18 + lanes + 16 + 62 + 40)
    area = (96, WIDE - 12)
    top = new_axes(figure, area, (18, 18 + lanes))
    below = new_axes(figure, area, (34 + lanes, 96 + lanes))
    _lanes(top, found, speakers)
    _energy(below, energy)
    last = max((turn[1] for side in ("reference", "hypothesis") for turn in found[side]), default=0.0)
    end = fixture["audio_seconds"] or len(energy["db"]) * energy["step"] or last
    for axes in (top, below):
        axes.set_xlim(0, end)
        for start, stop in found["differences"]:
            axes.axvspan(start, stop, color=BAD, alpha=0.16, linewidth=0)
    strip = new_axes(figure, area, (6, 14))
    _strip(strip, found["differences"], end)
    return figure


def _lanes(axes: Axes, found: dict[str, Any], speakers: list[str]) -> None:
    for side, offset, colour in (("reference", 0.1, REFERENCE), ("hypothesis", 0.52, OURS)):
        for lane, speaker in enumerate(speakers):
            spans = [(start, end - start) for start, end, who in found[side] if who == speaker]
            # A thin outline, so that the shortest turn of a long clip still shows.
            axes.broken_barh(spans, (lane + offset, 0.36), color=colour, linewidth=0.4)
    for lane in range(1, len(speakers)):
        axes.axhline(lane, color=LINE, linewidth=0.7)
    if not speakers:
        axes.text(0.5, 0.5, "nobody speaks, on either side", transform=axes.transAxes, color=MUTED, **_CENTRED)
    axes.set_ylim(max(len(speakers), 1), 0)
    axes.set_yticks([lane + 0.5 for lane in range(len(speakers))], [_short(name) for name in speakers])
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(False)


def _energy(axes: Axes, energy: dict[str, Any]) -> None:
    db, step = energy["db"], energy["step"]
    seconds = [step * index for index in range(len(db) + 1)]
    axes.stairs(db, seconds, baseline=-100, fill=True, color=MUTED, alpha=0.55)
    axes.set_ylim(-100, 0)
    axes.set_yticks([-80, -40, 0])
    axes.set_ylabel("dBFS")
    axes.set_xlabel("seconds")


def _strip(axes: Axes, differences: Sequence[Sequence[float]], end: float) -> None:
    """Differences once more above the lanes, outlined: a short one is found there."""
    axes.broken_barh([(start, stop - start) for start, stop in differences], (0, 1), color=BAD, linewidth=1.5)
    axes.set_xlim(0, end)
    axes.set_ylim(0, 1)
    axes.set_axis_off()


def drift(fixture: Fixture) -> Figure | None:
    """Max abs of every artefact on a log scale: isolated, cascaded, their tolerances, the reference's own noise."""
    rows = fixture["artefacts"]
    if not rows:
        return None
    names = list(dict.fromkeys(row["artefact"] for row in rows))
    noise = fixture["noise"] or {}
    scale = _Decades([row[key] for row in rows for key in ("max_abs", "tolerance")])
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


def _tolerance(axes: Axes, place: int, row: dict[str, Any], scale: _Decades) -> None:
    at = scale.inside(row["tolerance"])
    if at is not None:
        isolated = row["mode"] == "isolated"
        style = {"color": ALONE, "linestyle": (0, (2, 1.5))} if isolated else {"color": OURS, "linestyle": "solid"}
        axes.vlines(at, place - 0.42, place + 0.42, linewidth=1.4, zorder=2, **style)


def _dot(axes: Axes, place: int, row: dict[str, Any], scale: _Decades) -> None:
    at = scale.place(row["max_abs"], row["mismatches"])
    isolated = row["mode"] == "isolated"
    if not row["within"]:
        axes.plot([at], [place], "x", color=BAD, markersize=11 if isolated else 8, markeredgewidth=2, zorder=5)
    face, edge = ("none", ALONE) if isolated else (OURS, OURS)
    size = 8 if isolated else 4.2
    axes.plot([at], [place], "o", mfc=face, mec=edge, markersize=size, markeredgewidth=1.4, zorder=4)


def _stages(axes: Axes, names: list[str], stages: dict[str, str], scale: _Decades) -> None:
    """Lines between stages, and their names on the right."""
    for place, name in enumerate(names):
        if place == 0 or stages[name] != stages[names[place - 1]]:
            axes.axhline(place - 0.5, color=LINE, linewidth=0.7, zorder=0)
            axes.text(scale.end + 0.2 * scale.lane, place, stages[name], color=MUTED, fontsize=10, va="center")


def embedding_map(fixture: Fixture) -> Figure | None:
    """Drift of each chunk's embeddings by local speaker: blue below the tolerance, orange above, blank where silent."""
    if fixture["embedding_map"] is None:
        return None
    rows = [[_number(value) for value in row] for row in fixture["embedding_map"]["drift"]]
    limit = _embedding_tolerance(fixture)
    norm = LogNorm(limit / 10**BELOW, limit * 10**ABOVE, clip=True)
    figure = new_figure(WIDE, 168)
    axes = new_axes(figure, (96, WIDE - 12), (6, 75))
    columns = [[max(value, norm.vmin) for value in column] for column in zip(*rows)]
    extent = (0, len(rows), len(columns) - 0.5, -0.5)
    axes.imshow(columns, norm=norm, cmap=_below_and_above(), aspect="auto", interpolation="none", extent=extent)
    axes.set_yticks(range(len(columns)), [f"speaker {index}" for index in range(len(columns))])
    axes.set_xlabel("chunk; its ten seconds begin at that second")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    _key_of_colours(new_axes(figure, (96, 396), (126, 136)), norm)
    return figure


def _key_of_colours(axes: Axes, norm: LogNorm) -> None:
    low, high = (math.log10(edge) for edge in (norm.vmin, norm.vmax))
    shades = [10 ** (low + (high - low) * (step + 0.5) / 256) for step in range(256)]
    axes.imshow(
        [shades], norm=norm, cmap=_below_and_above(), aspect="auto", interpolation="none", extent=(low, high, 0, 1)
    )
    shown = [round(low), round(low) + BELOW, round(high)]
    axes.set_yticks([])
    axes.set_xticks(shown, [_power(decade) for decade in shown])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.axvline(low + BELOW, color=INK, linewidth=1.4)
    words = "largest absolute difference in a row; the line is the tolerance"
    axes.text(1.04, 0.5, words, transform=axes.transAxes, va="center", color=MUTED, fontsize=10.5)


def _below_and_above() -> Colormap:
    edge = BELOW / (BELOW + ABOVE)
    stops = [(0, "#dbe8f4"), (edge, "#174f86"), (edge, "#f2a65a"), (1, "#7a1f06")]
    return LinearSegmentedColormap.from_list("tolerance", stops).with_extremes(bad=(0, 0, 0, 0))


def _embedding_tolerance(fixture: Fixture) -> float:
    limits = [row["tolerance"] for row in fixture["artefacts"] if row["artefact"] == "embeddings"]
    return limits[-1] if limits else 1e-5


def merges(fixture: Fixture) -> Figure | None:
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
    axes.set_ylim(0, 1.12 * max((n for n in map(_number, heights) if 0 < n < math.inf), default=1.0))
    return figure


def elbo(fixture: Fixture) -> Figure | None:
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
        numbers = [_number(value) for value in values or ()]
        places = range(start, start + len(numbers))
        style = {"linestyle": "-" if line else "none", "linewidth": 1, "color": colour, "mec": colour, "mfc": face}
        axes.plot(places, numbers, marker="o", markersize=size, markeredgewidth=1.2, **style)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)


def recovery(fixture: Fixture) -> Figure | None:
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
    lowest = min((_number(value) for row in rows for value in row["recovery"].values() if value is not None), default=0)
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
            axes.barh(place + (index - 1.5) * 0.2, _number(found[key]), height=0.17, color=colour)


class _Decades:
    """A log axis between two lanes: what is zero on the left, what differs and has no size on the right."""

    def __init__(self, values: Iterable[Any]) -> None:
        logs = [math.log10(v) for v in map(_number, values) if math.isfinite(v) and v > 0] or [-6.0, 0.0]
        self.low, self.high = max(math.floor(min(logs)), -20), min(math.ceil(max(logs)), 20)
        self.high = max(self.high, self.low + 1)
        self.lane = max(0.1 * (self.high - self.low), 0.6)
        self.start, self.end = self.low - 0.4 * self.lane, self.high + 1.9 * self.lane

    def inside(self, value: Any) -> float | None:
        """Where a size stands on the axis; None where it has none."""
        number = _number(value)
        return min(max(math.log10(number), self.low), self.high) if math.isfinite(number) and number > 0 else None

    def place(self, value: Any, mismatches: int) -> float:
        """Where a comparison stands: decisions that differ are in the right lane, whatever their size."""
        if mismatches or not math.isfinite(_number(value)):
            return self.high + 1.2 * self.lane
        at = self.inside(value)
        return self.low - self.lane if at is None else at

    def ticks(self, axes: Axes) -> None:
        """Decades between the lanes."""
        step = max(1, math.ceil((self.high - self.low) / 6))
        decades = [decade for decade in range(self.low, self.high + 1, step) if decade <= self.high - 0.3 * self.lane]
        places = [self.low - self.lane, *decades, self.high + 1.2 * self.lane]
        axes.set_xlim(self.low - 1.6 * self.lane, self.end)
        axes.set_xticks(places, ["0", *map(_power, decades), "differs"])
        for edge in (self.start, self.high + 0.4 * self.lane):
            axes.axvline(edge, color=LINE, linewidth=0.7, zorder=0)


_CENTRED = {"ha": "center", "va": "center"}


def _number(value: Any) -> float:
    """A number of the document: text stands for what JSON lacks, null for none."""
    return math.nan if value is None else float(value)


def _power(decade: int) -> str:
    return "10" + str(decade).translate(SUPERSCRIPTS)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def _plain(width: float, height: float, across: str, up: str) -> tuple[Axes, Figure]:
    figure = new_figure(width, height)
    axes = new_axes(figure, (66, width - 14), (10, height - 40))
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.grid(axis="y", color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    return axes, figure
