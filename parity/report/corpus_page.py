"""A corpus's report: a page that needs no network, and every table as Parquet and CSV beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from parity.corpus.summary import Summary, as_plain, verdict
from parity.files.whole import write_text
from parity.report.canvas import MEDIUM, OURS, REFERENCE, embedded, new_axes, new_figure, page_style
from parity.report.corpus import COLUMNS, TITLES, percent
from parity.tables.writing import write_frame

TEMPLATES = Path(__file__).parent / "templates"
PAGE, DATA = "index.html", "report.json"
SHOWN = 200
"""Rows of a table on the page; the files hold all."""


def write_report(found: Summary, folder: Path) -> Path:
    """Write the page and the tables; the page's path.

    Raises
    ------
    InputError : the folder cannot be written
    """
    import pandas as pd

    for name, rows in found.tables.items():
        frame = pd.DataFrame(rows)
        write_frame(frame, folder / f"{name}.csv")
        write_frame(frame, folder / f"{name}.parquet")
    write_text(folder / DATA, json.dumps(as_plain(found), indent=1, ensure_ascii=False) + "\n")
    write_text(folder / PAGE, page(found))
    return folder / PAGE


def page(found: Summary) -> str:
    """The page as text."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("corpus.html.j2").render(
        first_line=verdict(found),
        style=Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
        found=found,
        tables=list(_tables(found)),
        drawing=Markup(_drawing(found)),
        files=[f"{name}.{ending}" for name in found.tables for ending in ("csv", "parquet")],
    )


def _tables(found: Summary) -> Iterator[dict[str, Any]]:
    for name, columns in COLUMNS.items():
        rows = [[say(row) for say in columns.values()] for row in found.tables[name][:SHOWN]]
        yield {"title": TITLES[name], "heads": list(columns), "rows": rows, "all": len(found.tables[name])}
    values = [row for row in found.tables["values"] if row["metric"] == "der"]
    rows = [
        [row["side"], row["against"], f"{row['group']} {row['which']}".strip(), percent(row["value"]),
         f"{percent(row['low'])} to {percent(row['high'])}", str(row["recordings"])]
        for row in values[:SHOWN]
    ]  # fmt: skip
    heads = ["side", "against", "of", "DER", "95 %", "recordings"]
    yield {"title": "DER by dataset, speakers and length", "heads": heads, "rows": rows, "all": len(values)}
    rows = [list(map(str, row.values())) for row in found.tables["counts"]]
    heads = ["side", "against", "recordings", "exact", "one off", "two or more off"]
    yield {"title": "Number of speakers", "heads": heads, "rows": rows, "all": len(rows)}


def _drawing(found: Summary) -> str:
    """Of each candidate, how large its flips are, the largest first; empty where there are none."""
    damage = {
        name: [row["der_errors"] for row in found.tables["flips"] if row["side"] == name] for name in found.candidates
    }
    if not any(damage.values()):
        return ""
    with page_style("flips"):
        return embedded(_damage(damage), "flips", "seconds of error of every flip, by candidate")


def _damage(damage: Mapping[str, Sequence[float]]) -> Figure:
    figure = new_figure(MEDIUM, 240)
    axes = new_axes(figure, (60, MEDIUM - 20), (20, 190))
    for number, (name, seconds) in enumerate(damage.items()):
        shade = OURS if number % 2 == 0 else REFERENCE
        if seconds:
            axes.plot(range(1, len(seconds) + 1), seconds, marker=".", color=shade, label=name)
            axes.annotate(name, (1, seconds[0]), xytext=(6, 0), textcoords="offset points")
    axes.set_xlabel("flip, most damage first")
    axes.set_ylabel("seconds of error")
    axes.set_ylim(bottom=0)
    return figure
