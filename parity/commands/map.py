"""`parity map`: which map fits a folder of goldens, and of what that is unsure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.options import FixtureOption, chosen_fixture
from parity.console import stdout, working


def propose_map(
    folder: Annotated[Path, typer.Argument(help="A folder with somebody's goldens, under whatever names.")],
    fixture: FixtureOption = None,
    out: Annotated[Path | None, typer.Option(help="Write the map there; it is printed otherwise.")] = None,
) -> None:
    """Propose a map of a folder of goldens, from names, shapes and values, and say what it is unsure of and why.

    Exit status: 0 something was found, 1 nothing was, 2 the inputs were wrong.
    """
    from parity.files.whole import check_writable, write_text
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.ports.proposal import proposal_text, propose

    if out is not None:
        check_writable(out)
    chosen = None if fixture is None else chosen_fixture(fixture, None)
    with working(str(folder)):
        found = propose(folder, Catalogue.read(default_folder()), chosen)
    text = proposal_text(found, str(folder))
    unsure = found.unsure
    if out is None:
        stdout.print(text, markup=False, soft_wrap=True, end="", highlight=False)
    elif found.fits:
        write_text(out, text)
    if out is not None or not found.fits:
        sure = len(found.fits) - len(unsure)
        next_step = f"next: parity validate {folder} --map {out}" if found.fits else "nothing written"
        stdout.print(
            f"{folder}: {sure} artefacts for sure, {len(unsure)} unsure; {next_step}", markup=False, soft_wrap=True
        )
        for name, why in unsure.items():
            stdout.print(f"unsure: {name}: {found.fits[name].stored.place}: {why}", markup=False, soft_wrap=True)
    raise typer.Exit(0 if found.fits else 1)
