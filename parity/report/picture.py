"""Pictures in files of their own: who speaks when, and whatever else is drawn in the page's style."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from parity.answers import Diarization
from parity.errors import InputError
from parity.files import writing_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ENDINGS = (".svg", ".png")
DOTS = 144
"""An inch of a PNG: two dots a pixel of the page."""


def plot_turns(answer: Diarization, path: str | Path) -> Path:
    """Draw who speaks when: a lane per speaker, how loud it is below.

    Parameters
    ----------
    answer : of `diarize`
    path : ends in `.svg` or `.png`; replaced if there

    Returns
    -------
    path : where it was written, whole

    Raises
    ------
    InputError : another ending, or no way to write there
    """
    from parity.report.plots.speaking import speaking

    return write_figure(Path(path), lambda: speaking(answer))


def check_ending(path: Path) -> None:
    """Refuse a picture of another kind.

    Raises
    ------
    InputError : the path ends neither in `.svg` nor in `.png`
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: a picture ends in {' or '.join(ENDINGS)}, not in {path.suffix or 'nothing'!r}")


def write_figure(path: Path, draw: Callable[[], Figure]) -> Path:
    """Draw in the page's style into a file, whole or not at all.

    Raises
    ------
    InputError : another ending, or no way to write there
    """
    from parity.report.canvas import page_style

    check_ending(path)
    form = path.suffix[1:]
    with page_style(path.stem), writing_file(path) as temporary:
        figure = draw()
        figure.patch.set_visible(True)  # a page has a background, a file needs its own
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(temporary, format=form, dpi=DOTS if form == "png" else "figure", metadata=metadata)
    return path
