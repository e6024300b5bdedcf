"""`parity kit`: what somebody who ports the pipeline needs for one fixture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from parity.commands.options import SnapshotsOption
from parity.console import stderr, stdout


def kit(
    folder: Annotated[Path, typer.Argument(help="Where the kit goes; must not exist yet.")],
    fixture: Annotated[
        str, typer.Option(help="Of the catalogue; the default is the smallest that goes through every stage but one.")
    ] = "14_partial_tail",
    snapshots: SnapshotsOption = None,
) -> None:
    """Write a porting kit: the clip, the reference's artefacts as .npy, RTTMs, a README with stages and formulas."""
    from parity.fixtures.catalogue import Catalogue, default_folder
    from parity.ports.kit import write_kit

    (entry,) = Catalogue.read(default_folder()).select([fixture])
    with stderr.status(escape(fixture)):
        written = write_kit(folder, entry, snapshots / entry.name if snapshots else entry.snapshot_folder)
    stdout.print(
        f"{written.folder}: {written.files} files, {written.size / 1e6:.1f} MB; start with README.md",
        markup=False,
        soft_wrap=True,
    )
