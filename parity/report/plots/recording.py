"""What is drawn along the recording: who speaks when, and each chunk's drift of embeddings."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure

from parity.report.canvas import BAD, INK, LINE, MUTED, OURS, REFERENCE, WIDE, new_axes, new_figure
from parity.report.plots.scales import number, power

LONGEST_NAME = 13
BELOW, ABOVE = 3, 5
"""Decades of embedding drift around the tolerance that have colours of their own."""


def timeline(fixture: dict[str, Any]) -> Figure | None:
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
    draw_energy(below, energy["db"], energy["step"])
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
    name_lanes(axes, speakers, "nobody speaks, on either side")


def name_lanes(axes: Axes, speakers: Sequence[str], nobody: str) -> None:
    """Lines between the lanes of speakers, from top to bottom, and their names; what stands there where is none."""
    for lane in range(1, len(speakers)):
        axes.axhline(lane, color=LINE, linewidth=0.7)
    if not speakers:
        axes.text(0.5, 0.5, nobody, transform=axes.transAxes, color=MUTED, ha="center", va="center")
    axes.set_ylim(max(len(speakers), 1), 0)
    axes.set_yticks([lane + 0.5 for lane in range(len(speakers))], [_short(name) for name in speakers])
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    axes.spines["bottom"].set_visible(False)
    axes.spines["left"].set_visible(False)


def draw_energy(axes: Axes, db: Sequence[float], step: float, start: float = 0.0) -> None:
    """How loud it is along the way: dB of full scale, each value for so many seconds, from a start on."""
    seconds = [start + step * index for index in range(len(db) + 1)]
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


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"


def embedding_map(fixture: dict[str, Any]) -> Figure | None:
    """Drift of each chunk's embeddings by local speaker: blue below the tolerance, orange above, blank where silent."""
    if fixture["embedding_map"] is None:
        return None
    rows = [[number(value) for value in row] for row in fixture["embedding_map"]["drift"]]
    limit = _embedding_tolerance(fixture)
    norm = LogNorm(limit / 10**BELOW, limit * 10**ABOVE, clip=True)
    figure = new_figure(WIDE, 168)
    axes = new_axes(figure, (96, WIDE - 12), (6, 75))
    columns = [[max(value, norm.vmin) for value in column] for column in zip(*rows)]
    extent = (0, len(rows), len(columns) - 0.5, -0.5)
    axes.imshow(columns, norm=norm, cmap=_below_and_above(), aspect="auto", interpolation="none", extent=extent)
    axes.set_yticks(range(len(columns)), [f"speaker {index}" for index in range(len(columns))])
    axes.set_xlabel("chunk; its ten seconds begin at that second")
    locator: Any = axes.xaxis.get_major_locator()  # a `MaxNLocator`, which it is by default
    locator.set_params(integer=True)
    axes.tick_params(axis="y", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    _key_of_colours(new_axes(figure, (96, 396), (126, 136)), norm)
    return figure


def _key_of_colours(axes: Axes, norm: LogNorm) -> None:
    assert norm.vmin is not None and norm.vmax is not None  # both were given
    low, high = math.log10(norm.vmin), math.log10(norm.vmax)
    shades = [10 ** (low + (high - low) * (step + 0.5) / 256) for step in range(256)]
    axes.imshow(
        [shades], norm=norm, cmap=_below_and_above(), aspect="auto", interpolation="none", extent=(low, high, 0, 1)
    )
    shown = [round(low), round(low) + BELOW, round(high)]
    axes.set_yticks([])
    axes.set_xticks(shown, [power(decade) for decade in shown])
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.axvline(low + BELOW, color=INK, linewidth=1.4)
    words = "largest absolute difference in a row; the line is the tolerance"
    axes.text(1.04, 0.5, words, transform=axes.transAxes, va="center", color=MUTED, fontsize=10.5)


def _below_and_above() -> Colormap:
    edge = BELOW / (BELOW + ABOVE)
    stops = [(0, "#dbe8f4"), (edge, "#174f86"), (edge, "#f2a65a"), (1, "#7a1f06")]
    return LinearSegmentedColormap.from_list("tolerance", stops).with_extremes(bad=(0, 0, 0, 0))


def _embedding_tolerance(fixture: dict[str, Any]) -> float:
    limits = [row["tolerance"] for row in fixture["artefacts"] if row["artefact"] == "embeddings"]
    return limits[-1] if limits else 1e-5
