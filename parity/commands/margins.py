"""`parity margins`: how close decisions are to flipping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from parity.commands.options import FixtureArguments, FixturesOption, SnapshotsOption, chosen_fixtures
from parity.commands.tables import table_option
from parity.console import stdout
from parity.errors import InputError, one_line
from parity.report.tables import MARGINS


def margins(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    snapshots: SnapshotsOption = None,
    report: Annotated[
        Path | None, typer.Option(help="A run's parity.json: the fixtures by headroom, which needs its drift.")
    ] = None,
    table: Annotated[list[str], table_option(MARGINS)] = [],  # noqa: B006
) -> None:
    """Say how close decisions are to flipping: from snapshots alone, or with --report in units of a run's drift."""
    from parity.fixtures.snapshot import read_snapshot
    from parity.margins.margin import margins as measure
    from parity.report.frames import margins_document
    from parity.report.terminal import headroom_table, margins_table
    from parity.tables.writing import targets, write_tables

    chosen = chosen_fixtures(fixtures, fixture)
    named = bool(fixtures or fixture)
    wanted = targets(table, MARGINS, [report])
    folders = {entry.name: snapshots / entry.name if snapshots else entry.snapshot_folder for entry in chosen}
    if report is None:
        found = {name: measure(read_snapshot(folder)) for name, folder in folders.items()}
        write_tables(wanted, margins_document(found))
        stdout.print(margins_table(found))
        return
    document = _read(report)
    document["fixtures"] = [entry for entry in document["fixtures"] if entry["name"] in folders or not named]
    write_tables(wanted, document)
    stdout.print(headroom_table(document, {name: _first_change(folder) for name, folder in folders.items()}))


def _first_change(folder: Path) -> str:
    from parity.fixtures.stability import read_stability

    found = read_stability(folder)
    if found is None or not found.embeddings.draws:
        return "—"
    first = found.embeddings.first_change
    return f"> {found.embeddings.held:.0e}" if first is None else f"{first:.0e}"


def _read(path: Path) -> dict[str, Any]:
    from parity.files.documents import read_json
    from parity.report.document import SCHEMA

    try:
        document = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"--report {path}: cannot be read as a report ({one_line(error)})") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"--report {path}: not a report of schema {SCHEMA}; make one with: parity run")
    return document
