"""What a program's stages cost, as data, as a table in the terminal, in Markdown: seconds, calls, peak memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.ports.program import Account, Cost
from parity.report.grid import uncut
from parity.report.wording import inert_table

MEBIBYTE = 1 << 20
COLUMNS = ("stage", "calls", "seconds", "peak memory")


def program_data(account: Account | None) -> dict[str, Any] | None:
    """What a program cost on one fixture, ready for JSON; None where no program ran."""
    if account is None:
        return None
    return {"stages": [_row(cost) for cost in account.costs.values()], "remarks": list(account.remarks)}


def _row(cost: Cost) -> dict[str, Any]:
    return {
        "stage": cost.stage,
        "calls": cost.calls,
        "seconds": round(cost.seconds, 4),
        "peak_memory": cost.peak_memory,
    }


def in_all(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The stages of all fixtures of a run together: calls and seconds added, the largest memory."""
    found: dict[str, dict[str, Any]] = {}
    for row in _rows(document):
        total = found.setdefault(row["stage"], {"stage": row["stage"], "calls": 0, "seconds": 0.0, "peak_memory": None})
        total["calls"] += row["calls"]
        total["seconds"] += row["seconds"]
        known = [size for size in (total["peak_memory"], row["peak_memory"]) if size is not None]
        total["peak_memory"] = max(known, default=None)
    return list(found.values())


def program_table(document: dict[str, Any]) -> Table | None:
    """One line per stage that a program ran; None where none did."""
    rows = in_all(document)
    if not rows:
        return None
    grid = Table(box=SIMPLE_HEAD, title="what the program's stages cost, all fixtures", padding=(0, 1, 0, 0))
    grid.title_justify = "left"
    for column in COLUMNS:
        grid.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for row in rows:
        grid.add_row(*cells(row))
    grid.caption, grid.caption_justify = "seconds with files in and out; memory as it was seen", "left"
    return uncut(grid)


def program_markdown(document: dict[str, Any]) -> list[str]:
    """The same as lines of Markdown; none where no program ran."""
    rows = in_all(document)
    if not rows:
        return []
    return ["", "What the program's stages cost, all fixtures:", "", *inert_table(COLUMNS, map(cells, rows))]


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A stage's cost as text."""
    return row["stage"], str(row["calls"]), f"{row['seconds']:.2f}", memory(row["peak_memory"])


def memory(size: int | None) -> str:
    """Bytes in words; a dash where nobody could see them."""
    return "—" if size is None else f"{size / MEBIBYTE:.0f} MiB"


def _rows(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for fixture in document["fixtures"]:
        if fixture.get("program"):
            yield from fixture["program"]["stages"]
