"""One way to open a file that somebody else wrote: a regular one, of a size that is expected, or not at all.

A pipe that nobody writes would be waited for, and a device has no end; both are said instead.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_regular(path: Path, most: int | None = None) -> BinaryIO:
    """A regular file, open for reading; links are followed.

    Parameters
    ----------
    most : bytes that it may have; None: any number

    Raises
    ------
    OSError : it is not there, may not be read, is a folder, device, pipe or socket, or has more than `most` bytes
    """
    # Without waiting: opening a pipe that nobody writes would.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        _check(path, os.fstat(handle), most)
    except BaseException:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb")


def check_regular(path: Path, most: int | None = None) -> None:
    """The same without opening it, for a file that a library opens by its name; same errors."""
    _check(path, path.stat(), most)


def _check(path: Path, found: os.stat_result, most: int | None) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "a device, pipe or socket, expected a file", str(path))
    if most is not None and found.st_size > most:
        raise OSError(errno.EFBIG, f"{found.st_size:,} bytes, the limit is {most:,}", str(path))
