"""The page's plots, drawn in a process of their own while other fixtures are still replayed.

Matplotlib takes 0.1 s for a plot and a fixture has seven of them.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Any

from parity.files.processes import spawned

Plots = Mapping[str, str]
"""Key of the plot -> SVG text, empty where there is nothing to draw."""
Place = tuple[int, str]
"""Number of a fixture on the page from 1, and its data as JSON text: what was changed since is drawn again."""


class Drawer:
    """Draws fixtures as they come.

    Parameters
    ----------
    apart : whether it pays; otherwise nothing is drawn here, and the page draws at the end
    """

    def __init__(self, *, apart: bool) -> None:
        self._pool = spawned(1) if apart else None
        self._drawing: dict[Place, Future[dict[str, str]]] = {}

    def __enter__(self) -> Drawer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=kind is not None)

    def draw(self, number: int, fixture: dict[str, Any]) -> None:
        """Begin to draw a fixture of the document."""
        place = number, json.dumps(fixture)
        with contextlib.suppress(BrokenProcessPool):  # it was killed over an earlier one
            if self._pool is not None:
                self._drawing[place] = self._pool.submit(draw, *place)

    def drawn(self) -> dict[Place, Plots]:
        """Everything that could be drawn apart; what is missing the page draws itself."""
        found: dict[Place, Plots] = {}
        for place, drawing in self._drawing.items():
            try:
                found[place] = drawing.result()
            except BrokenProcessPool:  # killed, of too little memory perhaps
                return found
        return found


def draw(number: int, fixture: str) -> dict[str, str]:
    """All plots of one fixture, whose data is JSON text."""
    from parity.report.html import draw_plots  # what draws takes a second to import

    return draw_plots(number, json.loads(fixture))
