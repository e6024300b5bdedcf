"""`parity --version`: what this is, and of which reference."""

from __future__ import annotations

import platform
from typing import Annotated

import typer

from parity import __version__
from parity.console import stdout


def say(wanted: bool) -> None:
    """Name, version, Python and the reference's version in one line, where that is asked; nothing else runs then."""
    if not wanted:
        return
    from parity.checkout import DISTRIBUTION
    from parity.pipeline.artefact import COMMUNITY1

    name, _, version = COMMUNITY1.reference
    stdout.print(
        f"{DISTRIBUTION} {__version__} · Python {platform.python_version()} · reference {name} {version}",
        soft_wrap=True,
    )
    raise typer.Exit(0)


VersionOption = Annotated[
    bool,
    typer.Option("--version", callback=say, is_eager=True, help="Its version, Python's and the reference's."),
]
