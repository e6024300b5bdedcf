"""What runtimes cost, as plain data (`reports/runtimes.json`), as tables in the terminal and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from parity.embedding.runtimes import Costs, Outcome, Speed
from parity.errors import InputError, one_line
from parity.files.documents import read_json
from parity.files.schema import check_form
from parity.report.grid import uncut
from parity.report.reading import form_of
from parity.report.wording import inert_table, number, scientific

SCHEMA = 1
_OUTCOME = form_of(Outcome, "runtime")
FORM = {
    "weights": str,
    "machine": {"cpu": str, "threads": int},
    "wanted_chunks": (int, None),
    "runtimes": [{"name": str, "runs_on": str, "bytes": int, "speed": (form_of(Speed), None), "fixtures": [_OUTCOME]}],
}
NOTHING = "-"
COLUMNS = ("runtime", "MB", "s/chunk", "ratio", "drift", "headroom", "RTTM", "DER", "runs on")
IN_TERMINAL = ("runtime", "s/chunk", "ratio", "drift", "headroom", "RTTM", "DER")

Pick = Callable[[dict[str, Any]], float | None]


def costs_data(costs: Costs) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        "schema": SCHEMA,
        "weights": costs.weights,
        "machine": {"cpu": costs.cpu, "threads": costs.threads},
        "wanted_chunks": costs.wanted_chunks,
        "runtimes": [
            {
                "name": name,
                "runs_on": costs.versions[name],
                "bytes": costs.sizes[name],
                "speed": asdict(costs.speeds[name]) if name in costs.speeds else None,
                "fixtures": [_outcome(outcome) for outcome in costs.of(name)],
            }
            for name in costs.sizes
        ],
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {key: value for key, value in asdict(outcome).items() if key != "runtime"}


def read_costs(path: Path) -> Costs:
    """A report of this form, perhaps of a run that was cut short.

    Raises
    ------
    InputError : missing, or not such a report
    """
    try:
        document = read_json(path)
        check_form(document, {"schema": int})
        if document["schema"] != SCHEMA:
            raise InputError(f"{path}: schema {document['schema']}, expected {SCHEMA}")
        check_form(document, FORM)
        runtimes = {runtime["name"]: runtime for runtime in document["runtimes"]}
        return Costs(
            sizes={name: runtime["bytes"] for name, runtime in runtimes.items()},
            versions={name: runtime["runs_on"] for name, runtime in runtimes.items()},
            weights=document["weights"],
            cpu=document["machine"]["cpu"],
            threads=document["machine"]["threads"],
            wanted_chunks=document["wanted_chunks"],
            outcomes=tuple(Outcome(name, **each) for name, runtime in runtimes.items() for each in runtime["fixtures"]),
            speeds={name: Speed(**runtime["speed"]) for name, runtime in runtimes.items() if runtime["speed"]},
        )
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, TypeError) as error:
        raise InputError(f"{path}: no report of `parity runtimes` ({one_line(error, 100)})") from None


def rows(document: dict[str, Any]) -> Iterable[tuple[str, ...]]:
    """One row per runtime, in the order of `COLUMNS`."""
    for runtime in document["runtimes"]:
        fixtures, speed = runtime["fixtures"], runtime["speed"]
        judged = [fixture for fixture in fixtures if fixture["rttm_equal"] is not None]
        yield (
            runtime["name"],
            f"{runtime['bytes'] / 1e6:.1f}",
            NOTHING if speed is None else f"{speed['seconds']:.2f}",
            NOTHING if speed is None else f"{speed['ratio']:.2f} ({speed['low']:.2f}-{speed['high']:.2f})",
            _extreme(fixtures, lambda fixture: fixture["drift"], max, scientific),
            _extreme(judged, lambda fixture: fixture["headroom"], min, lambda value: f"{value:.3g}"),
            f"{sum(fixture['rttm_equal'] for fixture in judged)}/{len(judged)}" if judged else NOTHING,
            _extreme(judged, _worst_der, max, number),
            runtime["runs_on"],
        )


def _worst_der(fixture: dict[str, Any]) -> float | None:
    # A reference without speech has no rate: infinite where something was heard, which JSON writes as null.
    return max((der for der in (fixture["der"], fixture["exclusive_der"]) if der is not None), default=None)


def _extreme(
    fixtures: list[dict[str, Any]], value: Pick, choose: Callable[..., Any], write: Callable[[float], str]
) -> str:
    known = [(value(fixture), fixture["fixture"]) for fixture in fixtures if value(fixture) is not None]
    if not known:
        return NOTHING
    found, fixture = choose(known)
    return write(found) if not found else f"{write(found)} ({fixture[:2]})"


def costs_table(document: dict[str, Any]) -> Table:
    """The table of the terminal."""
    grid = Table(box=SIMPLE_HEAD, title="the embedding network by runtime", pad_edge=False)
    grid.title_justify = grid.caption_justify = "left"
    for column in IN_TERMINAL:
        grid.add_column(column, justify="left" if column == "runtime" else "right", no_wrap=column == "runtime")
    for row in rows(document):
        cells = dict(zip(COLUMNS, row, strict=True))
        cells["ratio"] = cells["ratio"].partition(" ")[0]
        grid.add_row(*(cells[column] for column in IN_TERMINAL))
    grid.caption = "in brackets: the fixture; ratio: of the first row's seconds; RTTM: fixtures where it is equal"
    return uncut(grid)


def costs_markdown(document: dict[str, Any]) -> str:
    """The same and every fixture, for `docs/`."""
    machine = document["machine"]
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    lines = [
        f"Weights `{document['weights']}`; {machine['cpu']}, {threads}.",
        "",
        *inert_table(COLUMNS, rows(document)),
        "",
        "Embedding drift and DER (plain output) by fixture; chunks embedded where not all were:",
        "",
    ]
    names = [runtime["name"] for runtime in document["runtimes"]]
    fixtures: dict[str, list[str]] = {
        fixture["fixture"]: [] for runtime in document["runtimes"] for fixture in runtime["fixtures"]
    }
    for runtime in document["runtimes"]:
        for fixture in runtime["fixtures"]:
            fixtures[fixture["fixture"]].append(_cell(fixture))
    lines += inert_table(("fixture", *names), ((name, *cells) for name, cells in fixtures.items()))
    return "\n".join(lines) + "\n"


def _cell(fixture: dict[str, Any]) -> str:
    if fixture["drift"] is None:
        return "nobody speaks" if fixture["rttm_equal"] in (True, None) else "RTTM differs"
    drift = scientific(fixture["drift"])
    if fixture["rttm_equal"] is None:
        return f"{drift}, {fixture['chunks']} of {fixture['total']}"
    return f"{drift}, {'=' if fixture['rttm_equal'] else number(fixture['der'])}"
