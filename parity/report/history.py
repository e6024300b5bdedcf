"""Releases in a row: plain data, a table, the first line, a picture (`parity history`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity import __version__
from parity.history.releases import Release, Worsened
from parity.report.grid import uncut
from parity.report.wording import scientific

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCHEMA = 1
WORSE, STEADY = "got worse", "no worse"
COLUMNS = 4
"""Releases that fit beside the names in eighty columns; the table shows the last ones, JSON all."""


def history_document(releases: Sequence[Release], found: Sequence[Worsened]) -> dict[str, Any]:
    """Everything that was found, ready for JSON."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "verdict": WORSE if any(not one.said for one in found) else STEADY,
        "releases": [_row(release) for release in releases],
        "worse": [
            {"release": one.version, "since": one.since, "name": one.name, "words": one.words, "said": one.said}
            for one in found
        ],
    }


def _row(release: Release) -> dict[str, Any]:
    return {
        "release": release.version,
        "recordings": len(release.judged),
        "at_parity": release.at_parity,
        "artefacts_compared": release.compared,
        "worst_der": release.worst_der,
        "audio_seconds": release.audio_seconds,
        "replay_seconds": release.replay_seconds,
        "drift": {
            name: {
                "stage": one.stage,
                "max_abs": _finite(one.max_abs),
                "mismatches": one.mismatches,
                "tolerance": one.tolerance,
            }
            for name, one in release.drift.items()
        },
    }


def _finite(value: float) -> float | str:
    return value if abs(value) != float("inf") else str(value)


def headline(document: dict[str, Any]) -> str:
    """The verdict, its cause, the next step."""
    names = [row["release"] for row in document["releases"]]
    span = f"{len(names)} releases, {names[0]} to {names[-1]}" if len(names) > 1 else f"one release, {names[0]}"
    unsaid = [row for row in document["worse"] if not row["said"]]
    if not unsaid:
        said = f"; {len(document['worse'])} things got worse, and the changelog says so" if document["worse"] else ""
        return f"NO WORSE. {span}{said}."
    first = unsaid[0]
    return (
        f"GOT WORSE. {first['release']}, since {first['since']}: {first['words']}, and the changelog does not say so. "
        f"Next: mend it, or name {first['name']} beneath `### Got worse` of [{first['release']}] in CHANGELOG.md."
    )


def history_table(document: dict[str, Any]) -> Table:
    """Rows: coverage, seconds, DER, then the worst drift of each artefact; columns: the last releases."""
    shown = document["releases"][-COLUMNS:]
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    grid.add_column("", no_wrap=True)
    for row in shown:
        grid.add_column(row["release"], justify="right", no_wrap=True)
    grid.add_row("at parity", *(f"{row['at_parity']} of {row['recordings']}" for row in shown))
    grid.add_row("artefacts compared", *(str(row["artefacts_compared"]) for row in shown))
    grid.add_row("worst DER", *("—" if row["worst_der"] is None else f"{row['worst_der']:.4f}" for row in shown))
    grid.add_row("seconds", *(f"{row['replay_seconds']:.0f}" for row in shown))
    for name in _artefacts(shown):
        grid.add_row(name, *(_cell(row["drift"].get(name)) for row in shown))
    return uncut(grid)


def _artefacts(rows: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in reversed(rows) for name in row["drift"]))


def _cell(drift: dict[str, Any] | None) -> str:
    if drift is None:
        return "—"
    if drift["mismatches"]:
        return f"{drift['mismatches']} differ"
    return scientific(drift["max_abs"]) if drift["max_abs"] else "equal"


def notes(document: dict[str, Any]) -> list[str]:
    """What got worse, one line each."""
    said = {True: "said in the changelog", False: "not said in the changelog"}
    return [
        f"{row['release']}, since {row['since']}: {row['words']} ({said[row['said']]})" for row in document["worse"]
    ]


def history_figure(document: dict[str, Any]) -> Figure:
    """Three panels over releases: worst drift in units of its limit, seconds, artefacts compared."""
    from parity.report.canvas import ALONE, BAD, MEDIUM, MUTED, OURS, new_axes, new_figure

    rows = document["releases"]
    places, names = list(range(len(rows))), [row["release"] for row in rows]
    figure = new_figure(MEDIUM, 520)
    panels = [new_axes(figure, (70, MEDIUM - 140), across) for across in ((30, 250), (290, 370), (410, 480))]
    lines = {name: _in_limits(rows, name) for name in _artefacts(rows)}
    lines = {name: values for name, values in lines.items() if any(value for value in values)}
    for name, values in lines.items():
        panels[0].plot(
            places, [value or float("nan") for value in values], color=OURS, marker="o", markersize=3, linewidth=1
        )
        last = next((value for value in reversed(values) if value), None)
        panels[0].annotate(
            name, (places[-1], last or 1), xytext=(6, 0), textcoords="offset points", fontsize=9, color=MUTED
        )
    panels[0].axhline(1, color=BAD, linewidth=1)
    panels[0].set_yscale("log")
    panels[1].plot(places, [row["replay_seconds"] for row in rows], color=ALONE, marker="o", markersize=3, linewidth=1)
    panels[2].plot(
        places, [row["artefacts_compared"] for row in rows], color=OURS, marker="o", markersize=3, linewidth=1
    )
    titles = ("worst drift, 1 is the limit", "seconds of replay, each on its own machine", "artefacts compared")
    for axes, title in zip(panels, titles, strict=True):
        axes.set_title(title, loc="left", fontsize=11)
        axes.set_xticks(places, names if axes is panels[-1] else [])
        axes.set_xlim(-0.3, len(rows) - 0.7)
    for axes in panels[1:]:
        axes.set_ylim(bottom=0)
    return figure


def _in_limits(rows: Sequence[dict[str, Any]], name: str) -> list[float | None]:
    found: list[float | None] = []
    for row in rows:
        drift = row["drift"].get(name)
        limit = drift and drift["tolerance"]
        found.append(float(drift["max_abs"]) / limit if drift and limit else None)
    return found


def plot_history(document: dict[str, Any], path: Path) -> Path:
    """Draw it into a file that ends in `.svg` or `.png`.

    Raises
    ------
    InputError : another ending, or no way to write there
    """
    from parity.report.picture import write_figure

    return write_figure(path, lambda: history_figure(document))
