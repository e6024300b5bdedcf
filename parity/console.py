"""What a command line does the same everywhere: print to stderr, and turn a user's mistake into one line and exit 2."""

from __future__ import annotations

import contextlib
import errno
import itertools
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console
from rich.text import Text

from parity.checkout import how_to_get
from parity.errors import InputError, one_line

# No markup and no emoji codes: names of files, recordings and objects may hold brackets and colons (`my_port:boom`).
stderr = Console(stderr=True, highlight=False, soft_wrap=True, markup=False, emoji=False)
stdout = Console(highlight=False, markup=False, emoji=False)
TRACEBACK = "--traceback"


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

    Exit statuses: what the command itself chose; 2 for an `InputError`, what the system refused, a misused option, and
    whatever nobody expected, in one line (`--traceback` shows all of it): never 1, which says drift; 130 when
    interrupted, 141 where nobody reads what is printed.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows ASCII only shows the rest as \\u2014
        if hasattr(stream, "reconfigure") and "utf" not in (stream.encoding or "").lower():
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except InputError as error:
        _leave(error, one_line(error))
    except OSError as error:  # a name too long, a folder that may not be read, a disk that is full
        _leave(error, f"{error.filename or 'output'}: {error.strerror or error}")
    except KeyboardInterrupt:
        print("interrupted; nothing half-written was kept", file=sys.stderr)
        sys.exit(130)
    except SystemExit as error:
        if isinstance(error.__context__, OSError) and error.__context__.errno == errno.EPIPE:
            sys.exit(141)
        if (place := _raised_by(error)) and place.startswith(PACKAGES):
            raise
        _leave(error, f"sys.exit({error.code!r}) was called at {_place(error)}: by code that you named, not by the lab")
    except ModuleNotFoundError as error:
        _leave(error, _missing(error))
    except Exception as error:
        _leave(error, _unexpected(error))


def _missing(error: ModuleNotFoundError) -> str:
    """What is not installed, and the extra that brings it; of a module that is of none, as of any other error."""
    cure = how_to_get(error.name or "")
    return f"{error.name} is not installed: needs `{cure}`" if cure else _unexpected(error)


def _unexpected(error: Exception) -> str:
    said = f"{type(error).__name__}: {one_line(error, 200)}" if str(error) else type(error).__name__
    return (
        f"{said}, at {_place(error)}: an input of a kind not seen before, or a bug; with --traceback after "
        f"{Path(sys.argv[0]).name if sys.argv[0] else 'the program'} all is shown"
    )


PACKAGES = ("click.", "typer.", "parity.", "capture.", "bench.", "peers.", "__main__.")
"""Modules that may end the process: the command line's own, and ours."""


def _leave(error: BaseException, said: str) -> None:
    if TRACEBACK in sys.argv:
        traceback.print_exception(error, file=sys.stderr)
    # ASCII-only terminals show what they can.
    encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
    print(f"error: {said}".encode(encoding, "backslashreplace").decode(encoding), file=sys.stderr)
    sys.exit(2)


def _last(error: BaseException) -> tuple[FrameType, int] | None:
    frames = list(traceback.walk_tb(error.__traceback__))
    return frames[-1] if frames else None


def _raised_by(error: BaseException) -> str:
    found = _last(error)
    return f"{found[0].f_globals.get('__name__', '')}." if found else ""


def _place(error: BaseException) -> str:
    found = _last(error)
    return f"{found[0].f_code.co_filename}:{found[1]}" if found else "an unknown place"
