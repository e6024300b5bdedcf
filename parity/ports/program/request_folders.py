"""Folders of requests, IN and OUT: each under a name of its own, emptied and renamed rather than removed and made.

To remove a folder takes some file systems milliseconds, to rename one takes none, and a check asks hundreds of times.
The name is never the same twice, so that what a program writes late, to a path that it was given before, goes nowhere.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

IN, OUT = "in", "out"


class RequestFolders:
    """Folders below one.

    Parameters
    ----------
    root : where they are
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._spare: Path | None = None

    def take(self, number: int) -> Path:
        """The folder of a request, with `in` and `out` in it, both empty."""
        folder = self._root / f"{number:06d}"
        if self._spare is not None:
            self._spare.rename(folder)
            self._spare = None
        else:
            for part in (IN, OUT):
                (folder / part).mkdir(parents=True)
        return folder

    def give_back(self, folder: Path) -> None:
        """Empty it for the next request; it goes where that is not the folder any more that it was."""
        try:
            _empty(folder)
        except OSError:
            remove(folder)
        else:
            self._spare = folder


def _empty(folder: Path) -> None:
    """Leave two empty folders; an OSError where there is more, or less, than files to unlink."""
    for entry in list(folder.iterdir()):
        if entry.name not in (IN, OUT):
            entry.unlink()
    for part in (IN, OUT):
        place = folder / part
        if place.is_symlink() or place.stat().st_mode & 0o700 != 0o700:
            raise OSError("no folder of ours")
        for entry in list(place.iterdir()):
            entry.unlink()


def remove(folder: Path) -> None:
    """Remove a folder, also where the program took away the right to."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        with contextlib.suppress(OSError):
            folder.chmod(0o700)
        for place, folders, _ in os.walk(folder):
            for inner in folders:
                with contextlib.suppress(OSError):
                    (Path(place) / inner).chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)
