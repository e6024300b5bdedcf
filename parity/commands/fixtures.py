"""`parity fixtures …`: the catalogue: what is in it, and a recording of your own added."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from parity.checkout import in_checkout
from parity.commands.options import MaxSpeakersOption, MinSpeakersOption, NumSpeakersOption
from parity.commands.tables import table_option
from parity.console import stdout
from parity.report.tables import CATALOGUE

if TYPE_CHECKING:
    from rich.table import Table

    from parity.fixtures.catalogue import Fixture

app = typer.Typer(name="fixtures", no_args_is_help=True, help="The catalogue of fixtures.")


@app.command("list")
def list_fixtures(
    table: Annotated[list[str], table_option(CATALOGUE)] = [],  # noqa: B006
) -> None:
    """Every fixture of the catalogue: its recipe, what it stresses, whether it has a snapshot."""
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.fixtures.snapshot import MANIFEST
    from parity.report.frames import catalogue_document
    from parity.tables.writing import targets, write_tables

    wanted = targets(table, CATALOGUE)
    entries = Catalogue.read(default_folder()).fixtures
    write_tables(wanted, catalogue_document(entries))
    stdout.print(fixtures_table(entries))
    if not all((entry.snapshot_folder / MANIFEST).exists() for entry in entries):
        stdout.print(
            f"next: {in_checkout('nox -s capture')}, which takes the snapshots that are missing", soft_wrap=True
        )


def fixtures_table(entries: Iterable[Fixture]) -> Table:
    """A row per fixture."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from parity.fixtures.snapshot import MANIFEST
    from parity.report.grid import uncut

    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("fixture", "recipe", "stresses", "speakers given", "snapshot"):
        grid.add_column(column, no_wrap=column == "fixture")
    for entry in entries:
        given = "\n".join(f"{key}={value}" for key, value in entry.speakers.items())
        captured = "yes" if (entry.snapshot_folder / MANIFEST).exists() else "no"
        grid.add_row(entry.name, entry.recipe, entry.stresses, given, captured)
    return uncut(grid)


@app.command("path")
def path() -> None:
    """Print the folder of fixtures, for scripts: parity compare "$(parity fixtures path)" my_dumps --fixture 02."""
    from parity.fixtures.catalogue import Catalogue, default_folder

    folder = default_folder()
    Catalogue.read(folder)  # a folder that is none is refused in one line
    stdout.print(str(folder), markup=False, highlight=False, soft_wrap=True)


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Lower-case letters, digits, underscores.")],
    audio: Annotated[Path, typer.Argument(help="A WAV or FLAC of any rate and channel count.")],
    num_speakers: NumSpeakersOption = None,
    min_speakers: MinSpeakersOption = None,
    max_speakers: MaxSpeakersOption = None,
) -> None:
    """Make a fixture of your own recording; `nox -s capture -- --fixture NAME` then takes its snapshot."""
    from parity.fixtures.catalogue import add_fixture, default_folder

    bounds = {"num_speakers": num_speakers, "min_speakers": min_speakers, "max_speakers": max_speakers}
    fixture = add_fixture(default_folder(), name, audio, **bounds)
    step = in_checkout(f"nox -s capture -- --fixture {fixture.name}")
    stdout.print(f"{fixture.name}: added to {default_folder()}; next: {step}", soft_wrap=True)
