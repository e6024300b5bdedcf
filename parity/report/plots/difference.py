"""What the difference of the first stage to blame is like: how often which size, and how near to white noise."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from parity.report.canvas import INK, LINE, MEDIUM, MUTED, OURS, REFERENCE, new_axes, new_figure

HEIGHT = 206.0


def difference(fixture: dict[str, Any]) -> Figure | None:
    """A histogram of candidate minus reference, and a QQ curve, straight where the difference is white noise."""
    spread = described(fixture)
    if spread is None:
        return None
    figure = new_figure(MEDIUM, HEIGHT)
    middle = MEDIUM / 2
    axes = new_axes(figure, (56, middle - 20), (10, HEIGHT - 44))
    edges, counts = spread["histogram"]["edges"], spread["histogram"]["counts"]
    axes.bar(edges[:-1], counts, width=edges[1] - edges[0], align="edge", color=OURS)
    axes.axvline(0, color=INK, linewidth=0.8, dashes=(4, 3))
    axes.set_xlabel("candidate - reference")
    axes.set_ylabel("elements")
    axes.locator_params(axis="x", nbins=4)
    axes.ticklabel_format(axis="x", style="sci", scilimits=(-2, 2))
    curve = new_axes(figure, (middle + 46, MEDIUM - 14), (10, HEIGHT - 44))
    normal, seen = spread["qq"]["normal"], spread["qq"]["seen"]
    curve.plot(normal, normal, color=REFERENCE, linewidth=1)
    curve.plot(normal, seen, color=OURS, marker="o", markersize=2.6, linewidth=0.8)
    curve.set_xlabel("normal quantile")
    curve.set_ylabel("difference / RMS")
    for one in (axes, curve):
        one.grid(color=LINE, linewidth=0.5)
        one.set_axisbelow(True)
        one.tick_params(labelcolor=MUTED)
    return figure


def described(fixture: dict[str, Any]) -> dict[str, Any] | None:
    """The first difference of a fixture that has numbers; None where there is none."""
    found = fixture["explanation"] or {"differences": ()}
    spreads = (one["spread"] for one in found["differences"])
    return next((spread for spread in spreads if spread is not None and None not in spread["qq"]["seen"]), None)
