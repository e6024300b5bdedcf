"""`parity kit`: what somebody who ports the pipeline needs for one fixture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from parity.commands.options import FixtureArgument, FixtureOption, SnapshotsOption, WeightsOption, chosen_fixture
from parity.console import stdout, working
from parity.errors import InputError


def kit(
    folder: Annotated[Path, typer.Argument(help="Where the kit goes; must not exist yet.")],
    fixture: FixtureArgument = None,
    option: FixtureOption = None,
    decisions: Annotated[
        bool, typer.Option("--decisions", help="The decision cases instead: one folder per case, no clip, no network.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="Of every fixture, one folder each below FOLDER.")] = False,
    snapshots: SnapshotsOption = None,
    weights: WeightsOption = "wheels",
) -> None:
    """Write a porting kit: the clip, the reference's artefacts as .npy, RTTMs, a README with stages and formulas.

    A kit is a snapshot too: `run --snapshots`, `compare --explain` and `explain` take it.

    Without a fixture, of 14_partial_tail: the smallest that goes through every stage but one.
    """
    if decisions:
        if every or fixture or option or snapshots:
            raise InputError("--decisions: no recording has a part in them, so no fixture, --all or --snapshots")
        _write_decisions(folder)
        return
    from parity.checkout import default_folder
    from parity.fixtures.catalogue import Catalogue
    from parity.ports.kit import DEFAULT_FIXTURE, write_kit
    from parity.sources.weights import load_weights

    if every and (fixture or option):
        raise InputError(f"--all: writes every fixture's kit, so {fixture or option} cannot be named too")
    catalogue = Catalogue.read(default_folder())
    entries = catalogue.fixtures if every else (chosen_fixture(fixture, option, DEFAULT_FIXTURE),)
    with working("weights") as say:
        plda = load_weights(weights).plda
        for entry in entries:
            say(entry.name)
            place = folder / entry.name if every else folder
            source = snapshots / entry.name if snapshots else entry.snapshot_folder
            written = write_kit(place, entry, source, plda)
            stdout.print(
                f"{written.folder}: {written.files} files, {written.size / 1e6:.1f} MB; start with README.md",
                markup=False,
                soft_wrap=True,
            )


def _write_decisions(folder: Path) -> None:
    from parity.fixtures.decisions import read_decisions
    from parity.ports.kit_decisions import LISTED, write_decisions

    number = write_decisions(folder, read_decisions())
    stdout.print(f"{folder}: {number} decision cases, one folder per case; {LISTED} lists them", soft_wrap=True)
