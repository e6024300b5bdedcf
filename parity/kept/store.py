"""Arrays on disk under keys that say what they are made of: checked when they are read, the longest unused go first.

Convention: `results/KE/KEY` in the cache, KEY the SHA-256 of everything that the array depends on; in it 32 bytes, the
SHA-256 of the key and of what follows, and then the array as `.npy`. So an entry that was damaged, cut off or moved to
another key is found by reading it; it is dropped, and whoever asked computes again. What is under a key is the same
whoever writes it: processes write to names of their own and rename, and need no turns. Only dropping takes turns.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import time
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from parity.errors import InputError
from parity.files import npy
from parity.files.sizes import parse_bytes
from parity.files.whole import PART, cache_dir

DEFAULT_SIZE = 4 * 10**9
"""Bytes; the networks' results of the fourteen recordings take 1.6 GB."""
ROOM = 8
"""That part of the limit is made free whenever it was reached, so that dropping is rare."""
LOOKS = 32
"""A process looks at the whole again after writing that part of the limit; so many may write at once within `ROOM`."""
ABANDONED = 3600
"""Seconds after which what is being written is a killed process's."""
DIGEST = 32


def size_limit() -> int:
    """Bytes that results may take: `PARITY_CACHE_SIZE`, or `DEFAULT_SIZE`; 0 keeps nothing.

    Raises
    ------
    InputError : `PARITY_CACHE_SIZE` is not a number of bytes such as 800M or 2.5G
    """
    override = os.environ.get("PARITY_CACHE_SIZE")
    if not override:
        return DEFAULT_SIZE
    if (limit := parse_bytes(override)) is None:
        raise InputError(f"PARITY_CACHE_SIZE={override!r}: expected bytes, such as 800M or 2.5G; 0 keeps nothing")
    return limit


def key_of(*parts: bytes | str) -> str:
    """A key: the SHA-256 of all parts, told apart."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()


def token(array: np.ndarray) -> bytes:
    """What tells an array apart: the SHA-256 of its dtype, shape and bytes."""
    array = np.asarray(array, order="C")
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode())
    digest.update(array.reshape(-1).data.cast("B") if array.size else b"")
    return digest.digest()


class Store:
    """Arrays by key.

    Parameters
    ----------
    folder : `results` in the cache by default
    limit : bytes; `size_limit()` by default
    """

    def __init__(self, folder: Path | None = None, limit: int | None = None) -> None:
        self.folder = cache_dir() / "results" if folder is None else folder
        self.limit = size_limit() if limit is None else limit
        self._unseen: float = np.inf  # bytes written since the whole was looked at; not yet at all

    def get(self, key: str) -> np.ndarray | None:
        """The array under a key; None where there is none, or what is there is damaged."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        found = _checked(key, data)
        with contextlib.suppress(OSError):  # another process may have dropped it, or the cache be for reading only
            if found is None:
                path.unlink()
            else:
                os.utime(path)  # used just now
        return found

    def put(self, key: str, array: np.ndarray) -> None:
        """Keep an array, where the limit and the disk let it; a disk that is full is no reason to stop."""
        buffer = io.BytesIO()
        np.lib.format.write_array(buffer, np.asarray(array, order="C"), allow_pickle=False)
        content = buffer.getvalue()
        if len(content) + DIGEST > self.limit - self.limit // ROOM:
            return
        with contextlib.suppress(OSError):
            _write(self._path(key), _digest(key, content) + content)
            self._unseen += len(content) + DIGEST
            if self._unseen > self.limit // LOOKS:
                self._unseen = 0
                self.drop_unused()

    def drop_unused(self) -> None:
        """Drop what was not used for longest until there is room again; one process at a time, others need not wait."""
        with contextlib.suppress(OSError, Timeout), FileLock(self.folder / "dropping.lock", timeout=0):
            entries = sorted(_entries(self.folder))
            total = sum(size for _, size, _ in entries)
            if total <= self.limit - self.limit // ROOM:
                return
            for _, size, path in entries:
                if total <= self.limit - 2 * (self.limit // ROOM):
                    return
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= size

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key


def _digest(key: str, content: bytes | memoryview) -> bytes:
    digest = hashlib.sha256(key.encode())
    digest.update(content)
    return digest.digest()


def _checked(key: str, data: bytes) -> np.ndarray | None:
    content = memoryview(data)[DIGEST:]
    if data[:DIGEST] != _digest(key, content):
        return None
    try:
        return npy.read_npy(key, io.BytesIO(content), len(content))[0]
    except InputError:  # nothing that this version writes
        return None


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:8]}.", suffix=PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink()
        raise


def _entries(folder: Path) -> list[tuple[float, int, Path]]:
    """When each entry was last used, its size and its path; what killed processes left goes."""
    found, now = [], time.time()
    for shard in [entry for entry in os.scandir(folder) if entry.is_dir()]:
        for entry in os.scandir(shard.path):
            with contextlib.suppress(OSError):  # dropped meanwhile
                status = entry.stat()
                if not entry.name.endswith(PART):
                    found.append((status.st_mtime, status.st_size, Path(entry.path)))
                elif now - status.st_mtime > ABANDONED:
                    Path(entry.path).unlink()
    return found
