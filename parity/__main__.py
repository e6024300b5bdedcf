"""The command line: `parity` in an installed environment, `python -m parity` anywhere.

A table of contents: each command is a module of `parity.commands`.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from parity.commands import fixtures, rnnt
from parity.commands.audio import audio
from parity.commands.calibrate import calibrate
from parity.commands.check import check
from parity.commands.compare import compare
from parity.commands.convert import convert
from parity.commands.diarize import diarize
from parity.commands.explain import case, explain
from parity.commands.fingerprint import fingerprint
from parity.commands.kit import kit
from parity.commands.layers import layers
from parity.commands.map import propose_map
from parity.commands.margins import margins
from parity.commands.new_port import new_port
from parity.commands.run import run
from parity.commands.runtimes import runtimes
from parity.commands.stability import stability
from parity.commands.stages import stages
from parity.commands.validate import validate
from parity.commands.verification import verification
from parity.commands.version import VersionOption
from parity.commands.weights import weights
from parity.console import check_dashes, run_and_exit

CONTENTS = {
    "Check a port": (check, run, compare, validate, stages, propose_map, fingerprint, kit, new_port, layers, rnnt.app),
    "Why not the same": (explain, case, margins),
    "Can it be trusted": (calibrate, stability, runtimes, verification),
    "Use it": (diarize, audio, convert, weights),
    "Fixtures": (fixtures.app,),
}

NAMES: dict[Any, str] = {propose_map: "map"}
"""Commands that cannot be called what their functions are: Python has names of its own."""

app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback()
def about(
    version: VersionOption = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error came from, all of it.")] = False,
) -> None:
    """A parity lab for ports of pyannote's speaker-diarization-community-1."""


for panel, commands in CONTENTS.items():
    for command in commands:
        if isinstance(command, typer.Typer):
            app.add_typer(command, rich_help_panel=panel)
        else:
            app.command(NAMES.get(command), rich_help_panel=panel)(command)


def main() -> None:
    """Entry point: one line and exit status 2 for a user's mistake."""
    run_and_exit(_app)


def _app() -> object:
    check_dashes(sys.argv[1:])
    return app()


if __name__ == "__main__":
    main()
