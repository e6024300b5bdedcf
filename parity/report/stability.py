"""The table of `parity stability`: what it takes to change each fixture's answer."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.fixtures.stability import Perturbed, Stability
from parity.report.grid import uncut
from parity.report.wording import scientific

COLUMNS = ("fixture", "embeddings", "filterbank", "rounding")


def stability_table(found: list[Stability]) -> Table:
    """One row per fixture: the first size that changed its answer, and the reference's worst rounding noise."""
    grid = Table(box=SIMPLE_HEAD, title="noise that first changes the answer", padding=(0, 1, 0, 0))
    grid.title_justify = grid.caption_justify = "left"
    for column in COLUMNS:
        grid.add_column(column, justify="left" if column == "fixture" else "right", no_wrap=column != "rounding")
    for stability in found:
        noise = stability.rounding_noise or {}
        worst = max(noise, key=noise.__getitem__, default=None)
        rounding = f"{worst} {scientific(noise[worst])}" if worst else "—"
        grid.add_row(stability.fixture, _cell(stability.embeddings), _cell(stability.fbank), rounding)
    remarks = ["in brackets: draws that changed the answer at that size, of all; >: none did, up to there"]
    unrun: dict[str, list[str]] = {}
    for stability in found:
        if not stability.fbank.draws:
            unrun.setdefault(stability.fbank.why or "", []).append(stability.fixture)
    remarks += [f"filterbank not perturbed ({why}): {', '.join(names)}" for why, names in unrun.items()]
    grid.caption = "\n".join(remarks)
    return uncut(grid)


def _cell(perturbed: Perturbed) -> str:
    if not perturbed.draws:
        return "—"
    first = perturbed.first_change
    if first is None:
        return f"> {perturbed.held:.0e} (0/{perturbed.draws})"
    share = perturbed.changed[perturbed.sizes.index(first)] or 0.0
    return f"{first:.0e} ({round(share * perturbed.draws)}/{perturbed.draws})"
