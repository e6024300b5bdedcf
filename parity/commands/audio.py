"""`parity audio`: is something wrong with a recording?"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from parity.commands.options import JsonOption
from parity.console import stdout, working
from parity.errors import InputError, one_line


def audio(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Recordings, of any kind.")],
    json_path: JsonOption = None,
) -> None:
    """Say what is wrong with audio files, what the pipeline hears of them, and whether pyannote.audio hears the same.

    Length by header and by samples, clipping, offset, silence, gaps, channels that are equal or cancel each other,
    bandwidth. Exit status: 0 fine, 1 there are warnings, 2 one would not be diarized or cannot be read.
    """
    from parity.audio.doctor import examine
    from parity.files.whole import check_writable, write_text
    from parity.report.checkup import checkup_data, first_line, lines, overall, verdict_line
    from parity.report.document import to_json

    if json_path is not None:
        check_writable(json_path)
    found, failures = [], []
    with working("reading") as say:
        for path in files:
            say(str(path))
            try:
                found.append(examine(path))
            except InputError as error:
                if len(files) == 1:
                    raise
                failures.append((str(path), one_line(error)))
    if json_path is not None:
        write_text(json_path, to_json(checkup_data(found, failures)))
    print_line(first_line(found, failures))
    for _, said in failures:
        print(f"error: {said}", file=sys.stderr)
    for checkup in found:
        if len(files) > 1:
            print_line(f"\n{verdict_line(checkup)}")
        for line in lines(checkup):
            print_line(f"  {line}")
    raise typer.Exit({"fine": 0, "warnings": 1, "refused": 2}[overall(found, failures)])


def print_line(text: str) -> None:
    """One line, however wide; a terminal breaks it, a program gets it whole."""
    stdout.print(text, soft_wrap=True)
