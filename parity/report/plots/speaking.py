"""Who speaks when in one recording, as the page draws it: a lane per speaker, how loud it is below."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from parity.answers import Diarization
from parity.report.canvas import OURS, WIDE, new_axes, new_figure
from parity.report.plots.recording import draw_energy, name_lanes

LANE = 20.0
"""Pixels; half of a lane of the page, which has two sides."""


def speaking(answer: Diarization) -> Figure:
    """The figure.

    Parameters
    ----------
    answer : of one recording
    """
    lanes = LANE * max(len(answer.speakers), 1)
    figure = new_figure(WIDE, 8 + lanes + 16 + 62 + 40)
    area = (96, WIDE - 12)
    top = new_axes(figure, area, (8, 8 + lanes))
    below = new_axes(figure, area, (24 + lanes, 86 + lanes))
    _lanes(top, answer)
    draw_energy(below, answer.energy.db, answer.energy.step, answer.start_seconds)
    for axes in (top, below):
        axes.set_xlim(answer.start_seconds, answer.end_seconds)
    return figure


def _lanes(axes: Axes, answer: Diarization) -> None:
    for lane, speaker in enumerate(answer.speakers):
        spans = [(turn.start, turn.end - turn.start) for turn in answer.turns if turn.speaker == speaker]
        axes.broken_barh(spans, (lane + 0.14, 0.72), color=OURS, linewidth=0.4)
    name_lanes(axes, answer.speakers, "nobody speaks")
