"""Plots of one fixture as SVG text, drawn from the data of `parity.json`.

Each takes a fixture of the document and gives a figure, or None where there is nothing to draw. What belongs to the
reference is grey, ours is blue, isolated is amber, and red is what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from parity.report.canvas import embedded, page_style
from parity.report.plots.decisions import elbo, merges, recovery, single_patches
from parity.report.plots.difference import difference
from parity.report.plots.recording import embedding_map, timeline
from parity.report.plots.sizes import drift

__all__ = [
    "Draw",
    "difference",
    "drift",
    "elbo",
    "embedding_map",
    "merges",
    "recovery",
    "single_patches",
    "svg",
    "timeline",
]

Draw = Callable[[dict[str, Any]], Figure | None]


def svg(draw: Draw, fixture: dict[str, Any], name: str, label: str) -> str:
    """One plot of one fixture.

    Parameters
    ----------
    draw : one of the functions below
    name : of the drawing, no other of the page has it; letters, digits and hyphens
    label : what a screen reader says instead of it
    """
    with page_style(name):
        figure = draw(fixture)
        return "" if figure is None else embedded(figure, name, label)
