"""Candidate, reference, and the reference with the mistake, around the worst element."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from parity.report.canvas import (
    BAD,
    LINE,
    MUTED,
    OURS,
    REFERENCE,
    WIDE,
    Classes,
    embedded,
    new_axes,
    new_figure,
    page_style,
)

HEIGHT = 240.0


def evidence(found: dict[str, Any]) -> Figure:
    """Three lines over the same elements: where the mistake's lies on the candidate's, it explains it."""
    figure = new_figure(WIDE, HEIGHT)
    axes = new_axes(figure, (64, WIDE - 16), (12, HEIGHT - 46))
    places = range(found["start"], found["start"] + len(found["reference"]))
    axes.plot(places, _numbers(found["reference"]), color=REFERENCE, linewidth=3.2, label="reference")
    dots: dict[str, Any] = {"color": OURS, "marker": "o", "markersize": 3.4, "zorder": 3}
    # A line of its own would hide the mistake's where the two are the same, which is what is to be seen.
    axes.plot(places, _numbers(found["candidate"]), **dots, linewidth=0.0 if found["mistaken"] else 1.2)
    if found["mistaken"] is not None:
        axes.plot(places, _numbers(found["mistaken"]), color=BAD, linewidth=1.3)
    axes.grid(color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)
    axes.set_xlabel(f"element of {found['artefact']}")
    axes.tick_params(labelcolor=MUTED)
    return figure


def evidence_svg(diagnosis: dict[str, Any], key: str, classes: Classes) -> str:
    """The picture of one diagnosis for a page, empty where it has no evidence.

    Parameters
    ----------
    diagnosis : as JSON has it
    key : begins the identifiers in the picture
    classes : of the page, which get the picture's styles
    """
    if diagnosis["evidence"] is None:
        return ""
    with page_style(key):
        picture = embedded(evidence(diagnosis["evidence"]), key, f"Evidence: {diagnosis['mend']}")
    return classes.instead_of_styles(picture)


def _numbers(values: list[Any]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
