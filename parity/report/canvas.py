"""What the plots are drawn on: figures measured in pixels, and their SVG made part of a page.

Conventions: one unit of a drawing is one CSS pixel; text stays text; colours are custom properties of the page, so that
one drawing serves light, dark and paper; no id occurs twice on a page, for each has the drawing's name before it; what
a tag's `style` would say is said by a class of the page, so that the page can forbid every style that is not its own.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from html import escape
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK, MUTED, LINE = "#1d2329", "#5c6670", "#d5dade"
REFERENCE, OURS, ALONE, BAD, NOISE = "#7d868f", "#0b6fb8", "#b07800", "#c8401c", "#dfe3e7"
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    LINE: "--line",
    REFERENCE: "--reference",
    OURS: "--ours",
    ALONE: "--alone",
    BAD: "--bad",
    NOISE: "--noise",
}
"""Colours of the light theme, told apart by blue against orange and by lightness; the page has the other themes."""

STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],
    "font.size": 11,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 11,
    "axes.linewidth": 1,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": 10.5,
    "ytick.labelsize": 10.5,
    "patch.linewidth": 0,
}
WIDE, MEDIUM, NARROW = 960, 600, 440
"""Widths of drawings, in pixels."""

POINTS = 72  # an inch; a figure of 72 dots an inch has a unit a pixel
_COLOUR = re.compile("|".join(VARIABLES))
_NAME = re.compile(r"[A-Za-z0-9-]+")


@contextlib.contextmanager
def page_style(name: str) -> Iterator[None]:
    """Draw in the page's style inside; ids that the drawing makes up depend on its name only."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # only measured here; the browser has more fonts
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many pixels, without a background."""
    figure = Figure(figsize=(width / POINTS, height / POINTS), dpi=POINTS)
    figure.patch.set_visible(False)
    FigureCanvasSVG(figure)
    return figure


def new_axes(figure: Figure, across: tuple[float, float], down: tuple[float, float]) -> Axes:
    """Axes at a place in pixels: from left to right, and from top to bottom."""
    width, height = figure.get_size_inches() * POINTS
    (left, right), (top, bottom) = across, down
    axes = figure.add_axes((left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height))
    axes.patch.set_visible(False)
    return axes


def embedded(figure: Figure, name: str, label: str) -> str:
    """A figure as an `<svg>` to put into a page.

    Parameters
    ----------
    name : no other drawing of the page has it; letters, digits and hyphens, for it begins every id
    label : what a screen reader says instead of it
    """
    assert _NAME.fullmatch(name), name  # a recording's name is not one: it may hold quotes and tags
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    whole = text.getvalue()
    box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', whole)
    assert box is not None  # matplotlib writes one into every drawing
    width, height = box.groups()
    body = whole[whole.index(">", whole.index("<svg")) + 1 :]
    # Matplotlib's own style speaks of every element of the page.
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    used = set(re.findall(r"(?:href=\"|url\()#([^\")]+)", body))
    body = re.sub(r"<[^<>]+>", lambda tag: _of_the_page(tag[0], name, used), body)
    head = f'<svg viewBox="0 0 {width} {height}" style="--width: {width}" role="img" aria-label="{escape(label)}">'
    return head + re.sub(r"\n\s*", "\n", body).strip()


def _of_the_page(tag: str, name: str, used: set[str]) -> str:
    """One tag with ids of its own, those that are used, and the page's colours and font."""
    tag = re.sub(r'\s*\bid="([^"]+)"', lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "", tag)
    tag = re.sub(r"(href=\"|url\()#", lambda found: f"{found[1]}#{name}-", tag)
    tag = _COLOUR.sub(lambda found: f"var({VARIABLES[found[0]]})", tag)
    return re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", tag)


class Classes:
    """Styles of tags as classes of the page, each style once.

    A page whose policy allows only what it names by hash can hold no `style` attributes.
    """

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def instead_of_styles(self, drawing: str) -> str:
        """A drawing of `embedded` with a class in place of every `style`."""
        return re.sub(r"<[^<>]+>", lambda tag: re.sub(r' style="([^"]*)"', self._class, tag[0]), drawing)

    def rules(self) -> str:
        """What the page's style sheet has to say of them, one rule per line."""
        return "".join(f".{name}{{{style}}}\n" for style, name in self._names.items())

    def _class(self, found: re.Match[str]) -> str:
        return f' class="{self._names.setdefault(found[1], f"d{len(self._names)}")}"'
