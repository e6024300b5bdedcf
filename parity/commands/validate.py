"""`parity validate`: all that is wrong with what a port left on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.options import MapOption, read_through
from parity.console import stdout


def validate(
    folder: Annotated[Path, typer.Argument(help="A recording's folder, a folder of them, or an RTTM file.")],
    notes: Annotated[bool, typer.Option("--notes/--no-notes", help="What was accepted and converted.")] = True,
    maps: MapOption = [],  # noqa: B006
) -> None:
    """Check a dump (docs/reference/dumps.md): structure before values, and everything that is wrong said at once.

    Exit status: 0 nothing is wrong, 2 something is.
    """
    from parity.ports.dump import check_dump, dumps_below, read_dump
    from parity.report.comparison import validation_lines

    wrong = 0
    for path in dumps_below(read_through(maps, {"folder": folder})["folder"]).values():
        dump = read_dump(path)
        problems, remarks = check_dump(dump)
        wrong += len(problems)
        for line in validation_lines(path, tuple(dump.values), problems, remarks if notes else []):
            stdout.print(line, markup=False, soft_wrap=True)
    raise typer.Exit(2 if wrong else 0)
