"""Who speaks when as a picture in a file of its own."""

from __future__ import annotations

from pathlib import Path

from parity.answers import Diarization
from parity.errors import InputError
from parity.files import writing_file

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
    from parity.report.canvas import page_style
    from parity.report.plots.speaking import speaking

    path = Path(path)
    if path.suffix not in ENDINGS:
        raise InputError(f"{path}: a picture ends in {' or '.join(ENDINGS)}, not in {path.suffix or 'nothing'!r}")
    form = path.suffix[1:]
    with page_style(path.stem), writing_file(path) as temporary:
        figure = speaking(answer)
        figure.patch.set_visible(True)  # a page has a background, a file needs its own
        metadata = {"Date": None, "Creator": None} if form == "svg" else {"Software": None}
        figure.savefig(temporary, format=form, dpi=DOTS if form == "png" else "figure", metadata=metadata)
    return path
