"""The command line: `parity` in an installed environment, `python -m parity` anywhere.

A table of contents: each command is a module of `parity.commands`.
"""

from __future__ import annotations

import gc
import sys
from typing import Annotated, Any

import typer
from typer.main import get_command_name

from parity.commands import corpus, fixtures, rnnt
from parity.commands.audio import audio
from parity.commands.calibrate import calibrate
from parity.commands.check import check
from parity.commands.compare import compare
from parity.commands.convert import convert
from parity.commands.diagnose import demo, diagnose
from parity.commands.diarize import diarize
from parity.commands.explain import case, explain
from parity.commands.fingerprint import fingerprint
from parity.commands.history import history
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
    "Why not the same": (diagnose, explain, case, margins),
    "Many recordings": (corpus.app,),
    "Can it be trusted": (calibrate, stability, runtimes, verification, history),
    "Use it": (demo, diarize, audio, convert, weights),
    "Fixtures": (fixtures.app,),
}

NAMES: dict[Any, str] = {propose_map: "map"}
"""Commands that cannot be called what their functions are: Python has names of its own."""

KEPT = 50_000
"""Objects made, less those that went, before Python looks for circles among them; its own 700 has it look hundreds of
times while modules are imported, which make none that go: a tenth of a short command's time."""


def about(
    version: VersionOption = False,
    traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error came from, all of it.")] = False,
) -> None:
    """A parity lab for ports of pyannote's speaker-diarization-community-1."""


def application(only: str | None = None) -> typer.Typer:
    """The command line, with all commands; or with one, for typer reads the signature of each that it is given."""
    found = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
    found.callback()(about)
    for panel, commands in CONTENTS.items():
        for command in commands:
            if only is not None and _name_of(command) != only:
                continue
            if isinstance(command, typer.Typer):
                found.add_typer(command, rich_help_panel=panel)
            else:
                found.command(NAMES.get(command), rich_help_panel=panel)(command)
    return found


def _name_of(command: Any) -> str | None:
    """What a function is called on the command line; None of a group, which has its name inside."""
    if isinstance(command, typer.Typer):
        return None
    return NAMES.get(command) or get_command_name(command.__name__)


app = application()


def main() -> None:
    """Entry point: one line and exit status 2 for a user's mistake."""
    gc.set_threshold(KEPT)
    run_and_exit(_app)


def _app() -> object:
    check_dashes(sys.argv[1:])
    asked = sys.argv[1] if len(sys.argv) > 1 else None
    names = {_name_of(command) for commands in CONTENTS.values() for command in commands} - {None}
    return application(asked)() if asked in names else app()


if __name__ == "__main__":
    main()
