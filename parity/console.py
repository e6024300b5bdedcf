"""What a command line does the same everywhere: print to stderr, and turn a user's mistake into one line and exit 2."""

from __future__ import annotations

import contextlib
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from parity.errors import InputError, one_line

# No markup and no emoji codes: names of files, recordings and objects may hold brackets and colons (`my_port:boom`).
stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
stdout = Console(highlight=False, markup=False, emoji=False)


@contextlib.contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Say on stderr what is being done, as long as it is; yields what says the next thing. All of it is plain text."""
    # A `Text`: rich reads a string's markup and emoji codes there, whatever the console's settings are.
    with stderr.status(Text(what)) as status:
        yield lambda step: status.update(Text(step))


def print_traces(raised: Iterable[Any]) -> None:
    """Tracebacks of the stages that raised (`parity.replay.subject.Raised`), for `--traceback`."""
    for found in raised:
        stderr.print(f"stage {found.stage}, {found.mode}:\n{found.trace}", markup=False, soft_wrap=True)


def check_dashes(arguments: Iterable[str]) -> None:
    """Refuse a file's name that would be taken for an option, with what to write instead.

    Raises
    ------
    InputError : a word before `--` begins with a dash, has an ending as files have, and is a file
    """
    for word in itertools.takewhile(lambda word: word != "--", arguments):
        if word[0:1] == "-" and "." in word and "=" not in word and Path(word).is_file():
            raise InputError(f"{word}: a file whose name begins with a dash is taken for an option; write ./{word}")


def run_and_exit(app: Callable[[], object]) -> None:
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
