"""A corpus's report: a page that needs no network, one for each flip that was explained, and every table as a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from matplotlib.figure import Figure

from parity.corpus.summary import Summary, as_plain, verdict
from parity.files.whole import write_text
from parity.report.canvas import embedded, page_style
from parity.report.corpus import COLUMNS, ON_THE_PAGE, TITLES, percent, short
from parity.report.explanation import gain, size, times
from parity.report.explanation import verdict as explained_in_words
from parity.report.plots import corpus as plots
from parity.tables.writing import write_frame

TEMPLATES = Path(__file__).parent / "templates"
PAGE, DATA, FLIPS = "index.html", "report.json", "flips"
SHOWN = 200
"""Rows of a table on the page, and flips with a page of their own; the files hold all."""
DRAWINGS = {
    "differences": ("How far DER against humans moves, recording by recording", plots.differences, "differences"),
    "decides": ("What decides the flips", plots.decides, "decides"),
    "calibration": ("Headroom against flips that were seen", plots.foretold, "calibration"),
}
"""Key -> title, what draws it, and of which table."""

Row = Mapping[str, Any]
Explained = Mapping[str, Sequence[Row]]


def write_report(found: Summary, folder: Path, explained: Explained | None = None) -> Path:
    """Write the pages and the tables; the page's path.

    Parameters
    ----------
    explained : side -> what `parity.corpus.explanations.explained_rows` has of it

    Raises
    ------
    InputError : the folder cannot be written
    """
    import pandas as pd

    for name, rows in found.tables.items():
        frame = pd.DataFrame(rows)
        write_frame(frame, folder / f"{name}.csv")
        write_frame(frame, folder / f"{name}.parquet")
    pages = dict(_flip_pages(found, explained or {}))
    for (_, place), text in pages.items():
        write_text(folder / place, text)
    write_text(folder / DATA, json.dumps(as_plain(found), indent=1, ensure_ascii=False) + "\n")
    write_text(folder / PAGE, page(found, dict(pages.keys())))
    return folder / PAGE


def page(found: Summary, links: Mapping[tuple[str, str], str] | None = None) -> str:
    """The page as text.

    Parameters
    ----------
    links : side and recording of a flip -> the page that explains it
    """
    return _render(
        "corpus.html.j2",
        first_line=verdict(found),
        found=found,
        sections=list(_sections(found, links or {})),
        files=[f"{name}.{ending}" for name in found.tables for ending in ("csv", "parquet")],
    )


def _render(template: str, **values: Any) -> str:
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    style = Markup((TEMPLATES / "style.css").read_text(encoding="utf-8"))
    return environment.get_template(template).render(style=style, **values)


def _sections(found: Summary, links: Mapping[tuple[str, str], str]) -> Iterator[dict[str, Any]]:
    """What the page has, in order: a title each, a drawing or none, tables."""
    yield from (_section(found, name) for name in ("agreement", "accuracy", "noninferiority"))
    yield {"title": "By dataset, number of speakers and length", "drawing": "", "tables": [_groups(found)]}
    yield _drawn(found, "differences", [])
    flips = _section(found, "flips")
    rows = found.tables["flips"][:SHOWN]
    flips["tables"][0]["links"] = [links.get((row["side"], row["recording"]), "") for row in rows]
    yield flips
    yield _drawn(found, "decides", [_shown(found, "decides")])
    names = ("foretold", "foretold_shares", "foretold_groups", "calibration", "kinds")
    yield _drawn(found, "calibration", [_shown(found, name) for name in names])
    yield {"title": "Number of speakers", "drawing": "", "tables": [_counts(found), *_confusion(found)]}
    yield _section(found, "failures")


def _section(found: Summary, name: str) -> dict[str, Any]:
    return {"title": TITLES[name], "drawing": "", "tables": [_shown(found, name)]}


def _shown(found: Summary, name: str) -> dict[str, Any]:
    columns, rows = {**COLUMNS, **ON_THE_PAGE}[name], found.tables[name]
    if name == "foretold_groups":
        rows = [row for row in rows if row["telling"]]
    cells = [[say(row) for say in columns.values()] for row in rows[:SHOWN]]
    return _table(columns, cells, len(rows), TITLES[name])


def _table(heads: Iterable[str], rows: Sequence[Sequence[str]], whole: int, caption: str = "") -> dict[str, Any]:
    shown = list(heads)
    texts = [_is_text(row[place] for row in rows) for place in range(len(shown))]
    return {"caption": caption, "heads": shown, "texts": texts, "rows": rows, "all": whole, "links": []}


def _is_text(cells: Iterable[str]) -> bool:
    return any(cell[0].isalpha() for cell in cells if cell)


def _drawn(found: Summary, key: str, tables: list[dict[str, Any]]) -> dict[str, Any]:
    title, draw, table = DRAWINGS[key]
    with page_style(key):
        figure: Figure | None = draw(found.tables[table])
        drawing = "" if figure is None else embedded(figure, key, title)
    return {"title": title, "drawing": Markup(drawing), "tables": tables}


def _groups(found: Summary) -> dict[str, Any]:
    values = [row for row in found.tables["values"] if row["metric"] in ("der", "der_250ms", "jer")]
    places = list(dict.fromkeys((row["side"], row["against"], row["group"], row["which"]) for row in values))
    by = {(row["side"], row["against"], row["group"], row["which"], row["metric"]): row for row in values}
    rows = []
    for place in places[:SHOWN]:
        side, against, group, which = place
        cells = [by[side, against, group, which, metric] for metric in ("der", "der_250ms", "jer")]
        said = [text for row in cells for text in (percent(row["value"]), _interval(row))]
        rows.append([side, against, f"{group} {which}".strip(), str(cells[0]["recordings"]), *said])
    heads = ["side", "against", "of", "recordings", "DER", "95 %", "DER, 0.25 s", "95 %", "JER", "95 %"]
    return _table(heads, rows, len(places))


def _interval(row: Row) -> str:
    return "" if row["low"] is None else f"{percent(row['low'])} to {percent(row['high'])}"


def _counts(found: Summary) -> dict[str, Any]:
    rows = [list(map(str, row.values())) for row in found.tables["counts"]]
    return _table(["side", "against", "recordings", "exact", "one off", "two or more off"], rows, len(rows))


def _confusion(found: Summary) -> Iterator[dict[str, Any]]:
    """A matrix for each two that were compared: right number of speakers down, number answered across."""
    pairs = dict.fromkeys((row["side"], row["against"]) for row in found.tables["confusion"])
    for side, against in pairs:
        own = [row for row in found.tables["confusion"] if (row["side"], row["against"]) == (side, against)]
        cells = {(row["right_speakers"], row["speakers"]): row["recordings"] for row in own}
        said = sorted({speakers for _, speakers in cells})
        rows = [
            [f"{right} by {against}", *(str(cells.get((right, speakers), "")) for speakers in said)]
            for right in sorted({right for right, _ in cells})
        ]
        yield _table(["", *(f"{speakers} by {side}" for speakers in said)], rows, len(rows))


# --- a flip ----------------------------------------------------------------------------------------------------------


def _flip_pages(found: Summary, explained: Explained) -> Iterator[tuple[tuple[tuple[str, str], str], str]]:
    """(side and recording, path of the page), the page, of the flips that are shown and were explained."""
    rows = {(side, row["recording"]): row for side, own in explained.items() for row in own}
    for flip in found.tables["flips"][:SHOWN]:
        which = (flip["side"], flip["recording"])
        row = rows.get(which)
        if row is not None and row["explanation"] is not None:
            place = f"{FLIPS}/{found.sides.index(flip['side'])}/{flip['recording']}.html"
            yield (which, place), _flip_page(flip, row, found.base or "")


def _flip_page(flip: Row, row: Row, base: str) -> str:
    data = json.loads(row["explanation"])
    stages = [
        [stage["stage"], stage["verdict"], size(stage["isolated"], stage["isolated_ratio"]),
         size(stage["cascaded"], stage["cascaded_ratio"]), times(stage), gain(stage), stage["where"]]
        for stage in data["stages"]
    ]  # fmt: skip
    margins = [
        [margin["stage"], margin["decision"], short(margin["smallest"]), margin["unit"], short(margin["drift"]),
         short(margin["least_headroom"]), margin["where"]]
        for margin in json.loads(row["margins"]) if margin["smallest"] is not None
    ]  # fmt: skip
    first = row["first_decision"]
    said = [*explained_in_words(data), *([f"The first stage whose decisions are others is {first}."] if first else [])]
    return _render(
        "corpus_flip.html.j2",
        first_line=f"{flip['recording']}: {flip['side']} answers otherwise than {base}: {flip['what']}",
        said=said,
        failure=row["failure"] or "",
        tables=[
            _table(["stage", "verdict", "isolated", "cascaded", "by limit", "gain", "worst at"], stages, len(stages),
                   f"Stages: what {flip['side']} wrote, on {base}'s inputs and on its own"),
            _table(["stage", "decision", "margin", "unit", "drift", "least headroom", "closest at"], margins,
                   len(margins), f"Decisions: {base}'s margins, and how far {flip['side']} is from them"),
        ],
    )  # fmt: skip
