"""A recording that comes through a pipe: kept in a temporary file as long as it is needed, for it is read twice.

A program that writes a WAV into a pipe cannot know its length; what such headers say instead is accepted.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from parity.errors import InputError

NAME = "standard input"


@contextlib.contextmanager
def spooled(stream: BinaryIO) -> Iterator[Path]:
    """Yield a file with everything that a stream holds; it is removed afterwards.

    Raises
    ------
    InputError : there is nothing in it, or no room for it; errors inside that name the file name the stream instead
    """
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        path = Path(folder) / NAME
        try:
            with path.open("wb") as file:
                shutil.copyfileobj(stream, file)
        except OSError as error:
            raise InputError(f"{NAME}: cannot be kept in {folder}: {error.strerror or error}") from error
        if not path.stat().st_size:
            raise InputError(f"{NAME}: is empty; a WAV was expected: program | parity diarize -")
        try:
            yield path
        except InputError as error:
            raise InputError(str(error).replace(str(path), NAME)) from error
