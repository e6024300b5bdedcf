"""`parity margins`: how close decisions are to flipping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.commands.options import (
    FixtureArguments,
    FixturesOption,
    JsonOption,
    ResumeOption,
    SnapshotsOption,
    chosen_fixtures,
)
from parity.commands.tables import table_option
from parity.console import stderr, stdout
from parity.errors import InputError
from parity.report.tables import MARGINS

if TYPE_CHECKING:
    from parity.fixtures.catalogue import Fixture
    from parity.margins.margin import Margin


def margins(
    fixtures: FixtureArguments = None,
    fixture: FixturesOption = None,
    snapshots: SnapshotsOption = None,
    report: Annotated[
        Path | None, typer.Option(help="A run's parity.json: the fixtures by headroom, which needs its drift.")
    ] = None,
    json_path: JsonOption = None,
    resume: ResumeOption = False,
    table: Annotated[list[str], table_option(MARGINS)] = [],  # noqa: B006
) -> None:
    """Say how close decisions are to flipping: from snapshots alone, or with --report in units of a run's drift."""
    from parity.files.whole import write_text
    from parity.report.document import to_json
    from parity.report.frames import margins_document
    from parity.report.reading import read_report
    from parity.report.terminal import headroom_table, margins_table
    from parity.tables.writing import targets, write_tables

    chosen = chosen_fixtures(fixtures, fixture)
    named = bool(fixtures or fixture)
    if resume and json_path is None:
        raise InputError("--resume: goes with --json FILE, beside which what was found is kept")
    if report is not None and json_path is not None:
        raise InputError(f"--json {json_path}: goes with snapshots; --report {report} is such a file already")
    wanted = targets(table, MARGINS, [report, json_path])
    folders = {entry.name: snapshots / entry.name if snapshots else entry.snapshot_folder for entry in chosen}
    if report is None:
        found = _measured(chosen, snapshots, json_path, resume=resume)
        document = margins_document(found)
        if json_path is not None:
            write_text(json_path, to_json(dict(document)))
        write_tables(wanted, document)
        stdout.print(margins_table(found))
        return
    document = read_report(report)
    document["fixtures"] = [entry for entry in document["fixtures"] if entry["name"] in folders or not named]
    write_tables(wanted, document)
    stdout.print(headroom_table(document, {name: _first_change(folder) for name, folder in folders.items()}))


def _measured(
    chosen: Sequence[Fixture], snapshots: Path | None, json_path: Path | None, *, resume: bool
) -> dict[str, list[Margin]]:
    """Decisions of each fixture; kept beside the report where there is to be one: without, it is seconds of work."""
    from parity.files.progress import Progress
    from parity.fixtures.snapshot import read_snapshot
    from parity.gate.made_of import made_of
    from parity.margins.margin import Margin
    from parity.margins.margin import margins as measure

    def measured(entry: Fixture) -> list[Margin]:
        return measure(read_snapshot(snapshots / entry.name if snapshots else entry.snapshot_folder))

    if json_path is None:
        return {entry.name: measured(entry) for entry in chosen}
    where = None if snapshots is None else str(snapshots.resolve())
    progress = Progress(json_path, "margins", {"snapshots": where}, resume=resume)
    found = {}
    for entry in chosen:
        of = made_of(entry, snapshots=snapshots)
        kept = progress.take(entry.name, of)
        if kept is None:
            kept = progress.keep(entry.name, of, [asdict(margin) for margin in measured(entry)])
        found[entry.name] = [Margin(**row) for row in kept]
    for line in progress.lines():
        stderr.print(line, markup=False, soft_wrap=True)
    return found


def _first_change(folder: Path) -> str:
    from parity.fixtures.stability import read_stability

    found = read_stability(folder)
    if found is None or not found.embeddings.draws:
        return "—"
    first = found.embeddings.first_change
    return f"> {found.embeddings.held:.0e}" if first is None else f"{first:.0e}"
