"""`parity verification`: its document, its table, and the verdict in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.embedding.verification import DECIMALS, WINDOW_SECONDS, Verification, Window, largest_gap
from parity.report.grid import uncut
from parity.report.wording import scientific


def verification_data(
    found: Sequence[Verification], windows: Sequence[Window], versions: Sequence[str], weights: str
) -> dict[str, Any]:
    """Everything that was found, as `parity verification --json` writes it."""
    rows = [
        {
            "runtime": {"name": entry.runtime, "version": version},
            "equal_error_rate": entry.equal_error_rate,
            "same": {"pairs": len(entry.same), "mean": float(entry.same.mean())},
            "different": {"pairs": len(entry.different), "mean": float(entry.different.mean())},
        }
        for entry, version in zip(found, versions, strict=True)
    ]
    return {
        "schema": 1,
        "weights": weights,
        "window_seconds": WINDOW_SECONDS,
        "windows": [{"source": w.source, "speaker": w.speaker, "start": w.start} for w in windows],
        "runtimes": rows,
        "decimals": DECIMALS,
        "equal": len({entry.rounded for entry in found}) == 1,
        "largest_difference_of_a_cosine": largest_gap(found),
    }


def verification_table(data: dict[str, Any]) -> Table:
    """One row per runtime."""
    grid = Table(box=SIMPLE_HEAD, title=f"speaker verification, {data['weights']}")
    grid.title_justify = "left"
    for column in ("runtime", "same-speaker pairs", "mean", "different-speaker pairs", "mean", "EER"):
        grid.add_column(column, justify="left" if column == "runtime" else "right")
    for row in data["runtimes"]:
        kinds = [(str(row[kind]["pairs"]), _decimals(row[kind]["mean"])) for kind in ("same", "different")]
        name = "{name} {version}".format(**row["runtime"])
        grid.add_row(name, *kinds[0], *kinds[1], _decimals(row["equal_error_rate"]))
    return uncut(grid)


def verification_in_words(data: dict[str, Any]) -> list[str]:
    """What was compared, and whether the runtimes agree."""
    speakers = {window["speaker"] for window in data["windows"]}
    sources = {window["source"] for window in data["windows"]}
    lines = [
        f"{len(data['windows'])} windows of {data['window_seconds']:g} s, one voice each: {len(speakers)} speakers of "
        f"{len(sources)} excerpt{'s' if len(sources) > 1 else ''}"
    ]
    if len(data["runtimes"]) > 1:
        verdict = "equal" if data["equal"] else "not equal"
        apart = scientific(data["largest_difference_of_a_cosine"])
        lines.append(
            f"EER and both means are {verdict} to {data['decimals']} decimals on all {len(data['runtimes'])} runtimes; "
            f"a pair's cosine differs by at most {apart}"
        )
    return lines


def _decimals(value: float) -> str:
    return f"{value:.{DECIMALS}f}"
