"""Small functions that do one thing with files: hashing, and writing whole or not at all.

A half-written file never bears a trusted name: everything is written to a temporary sibling, checked by the caller
where there is something to check, and renamed once. Writers of one name take turns (a lock in the cache), and each
first removes what killed ones left.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import platformdirs

from parity.errors import InputError
from parity.files.opening import open_regular

CHUNK = 1 << 20
PART, OLD = ".part", ".old"  # endings of what is being written, and of what is being replaced
PATIENCE = 600  # seconds that a process waits for another one that writes the same


def cache_dir() -> Path:
    """The folder that weights, clips and graphs are kept in; `PARITY_CACHE` overrides the platform's own."""
    override = os.environ.get("PARITY_CACHE")
    return Path(override).expanduser() if override else Path(platformdirs.user_cache_dir("parity-lab"))


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with open_regular(path) as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def sha256_bytes(data: bytes | memoryview) -> str:
    """The hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


def check_listed(folder: Path, listed: Mapping[str, str], by: str) -> None:
    """Check files against the hashes that a list of them pins.

    Parameters
    ----------
    listed : name in the folder -> sha256
    by : what lists them, as an error calls it

    Raises
    ------
    InputError : one is missing, or has another hash
    """
    for name, expected in listed.items():
        if not (folder / name).is_file():
            raise InputError(f"{folder}: {name} missing, {by} lists it")
        if (got := sha256_file(folder / name)) != expected:
            raise InputError(f"{folder / name}: altered: sha256 is {got}, {by} says {expected}")


@contextlib.contextmanager
def writing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; rename it to `path` if the body succeeds, remove it otherwise.

    Processes that write the same file do so one after the other, and the last one's stays.

    Raises
    ------
    InputError : it is there and no regular file, the disk is full, or the folder cannot be written
    """
    _check_regular(path)
    with _said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with only_writer(path):
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
            os.close(handle)
            temporary = Path(name)
            try:
                yield temporary
                temporary.chmod(0o644)  # mkstemp's files are private; what we keep is not secret
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text, whole or not at all; same errors as `writing_file`."""
    with writing_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def check_writable(path: Path) -> None:
    """Find out whether a file could be written there, without touching one that is; folders made for that go again.

    Raises
    ------
    InputError : it is there and no regular file, or its folder cannot be made or written
    """
    _check_regular(path)
    with _said(path):
        missing = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        finally:
            for folder in missing:
                with contextlib.suppress(OSError):  # somebody else has put something there meanwhile
                    folder.rmdir()


def _check_regular(path: Path) -> None:
    # A rename would put a file in place of the device, pipe or socket.
    with contextlib.suppress(OSError):  # said where it is written
        if path.is_dir():
            raise InputError(f"{path}: is a folder, expected the name of a file")
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is a device, pipe or socket, which no file is put in place of; name a file")


@contextlib.contextmanager
def writing_folder(path: Path, *, replace: bool = False, pinned: bool = False) -> Iterator[Path]:
    """Yield a temporary sibling folder of `path`; rename it to `path` if the body succeeds, remove it otherwise.

    Processes that write the same folder do so one after the other.

    Parameters
    ----------
    path : where the folder shall be
    replace : whether a folder already there may be replaced; there is a whole one under the name at any moment
        (Linux), or but for a moment that the next run mends (elsewhere)
    pinned : whether the contents are the same whoever writes them (a cache's): one that another process has made
        meanwhile is as good, and stays

    Raises
    ------
    InputError : the folder exists and neither holds, or the disk is full or cannot be written
    """
    with _said(path):
        if path.exists() and not replace:
            raise InputError(f"{path}: exists already and is not overwritten unless told to")
        path.parent.mkdir(parents=True, exist_ok=True)
        with only_writer(path):
            if path.exists() and not (replace or pinned):
                raise InputError(f"{path}: exists already, another run has just made it; it is not overwritten")
            temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent))
            temporary.chmod(0o755)
            try:
                yield temporary
                if path.exists() and pinned and not replace:
                    return
                _put_in_place(temporary, path)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)


def _put_in_place(temporary: Path, path: Path) -> None:
    if not path.exists():
        temporary.replace(path)
    elif not _exchanged(temporary, path):
        aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}{OLD}")
        path.replace(aside)
        temporary.replace(path)
        shutil.rmtree(aside)


def _exchanged(one: Path, other: Path) -> bool:
    # Two names trade places in one step; False where the system or the file system has no such call.
    if not sys.platform.startswith("linux"):
        return False
    exchange = getattr(ctypes.CDLL(None), "renameat2", None)
    here, flag = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return exchange is not None and exchange(here, os.fsencode(one), here, os.fsencode(other), flag) == 0


@contextlib.contextmanager
def only_writer(path: Path) -> Iterator[None]:
    """Be the only process that writes `path`; what killed ones left beside it is put right first.

    Raises
    ------
    InputError : another process has held it for longer than `PATIENCE`
    OSError : neither the cache nor the system's folder of temporary files can hold the lock
    """
    from filelock import FileLock, Timeout

    place = _locks() / f"{sha256_bytes(os.fsencode(path.absolute()))[:32]}.lock"
    lock = FileLock(place, timeout=PATIENCE, is_singleton=True)  # so that who holds it may write by the functions above
    try:
        with lock:
            _put_right(path)
            yield
    except Timeout:
        raise InputError(
            f"{path}: another process has been writing it for {PATIENCE} s; wait for it, or end it"
        ) from None


def _locks() -> Path:
    for folder in (cache_dir() / "locks", Path(tempfile.gettempdir()) / f"parity-locks-{getattr(os, 'getuid', int)()}"):
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            if os.access(folder, os.W_OK):
                return folder
    raise PermissionError(13, "no folder for locks: neither the cache nor the temporary files' can be written")


def _put_right(path: Path) -> None:
    # Whoever holds the lock is the only writer: what else lies there is of processes that were killed.
    if not path.parent.is_dir():
        return
    ours = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}({re.escape(PART)}|{re.escape(OLD)})")
    for left in [entry for entry in path.parent.iterdir() if ours.fullmatch(entry.name)]:
        if left.name.endswith(OLD) and not path.exists():
            left.replace(path)  # killed between two renames
        elif left.is_dir() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
