"""What a command line does the same everywhere: print to stderr, and turn a user's mistake into one line and exit 2."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from parity.errors import InputError, one_line

# No markup: names of files and recordings may hold brackets. A status reads it all the same: `escape` what it says.
stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
stdout = Console(highlight=False, markup=False)


def run_and_exit(app: typer.Typer) -> None:
    """Run a command line application and leave the process.

    Exit statuses: what the command itself chose; 2 for an `InputError`, what the system refused, or a misused
    option; 130 when interrupted.
    """
    try:
        app()
    except InputError as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:  # a name too long, a folder that may not be read, a disk that is full
        print(f"error: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; nothing half-written was kept", file=sys.stderr)
        sys.exit(130)
