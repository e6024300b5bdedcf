"""`parity kit`: what somebody who ports the pipeline needs for one fixture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.options import FixtureArgument, FixtureOption, SnapshotsOption, chosen_fixture
from parity.console import stdout, working


def kit(
    folder: Annotated[Path, typer.Argument(help="Where the kit goes; must not exist yet.")],
    fixture: FixtureArgument = None,
    option: FixtureOption = None,
    snapshots: SnapshotsOption = None,
) -> None:
    """Write a porting kit: the clip, the reference's artefacts as .npy, RTTMs, a README with stages and formulas.

    Without a fixture, of 14_partial_tail: the smallest that goes through every stage but one.
    """
    from parity.ports.kit import DEFAULT_FIXTURE, write_kit

    entry = chosen_fixture(fixture, option, DEFAULT_FIXTURE)
    with working(entry.name):
        written = write_kit(folder, entry, snapshots / entry.name if snapshots else entry.snapshot_folder)
    stdout.print(
        f"{written.folder}: {written.files} files, {written.size / 1e6:.1f} MB; start with README.md",
        markup=False,
        soft_wrap=True,
    )
