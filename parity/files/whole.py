"""Small functions that do one thing with files: hashing, and writing whole or not at all.

A half-written file never bears a trusted name: everything is written to a temporary sibling, checked by the caller
where there is something to check, and renamed once.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import platformdirs

from parity.errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

CHUNK = 1 << 20


def cache_dir() -> Path:
    """The folder that weights, clips and graphs are kept in; `PARITY_CACHE` overrides the platform's own."""
    override = os.environ.get("PARITY_CACHE")
    return Path(override).expanduser() if override else Path(platformdirs.user_cache_dir("parity-lab"))


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document as plain data.

    Raises
    ------
    ValueError : it is not TOML
    """
    return tomllib.loads(text)


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file, read in pieces of 1 MiB."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


def sha256_bytes(data: bytes | memoryview) -> str:
    """The hexadecimal SHA-256 of bytes."""
    return hashlib.sha256(data).hexdigest()


@contextlib.contextmanager
def writing_file(path: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `path`; rename it to `path` if the body succeeds, remove it otherwise.

    Raises
    ------
    InputError : the disk is full or the folder cannot be written
    """
    with _said(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
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
    InputError : it is a folder, or its folder cannot be made or written
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder, expected the name of a file")
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


@contextlib.contextmanager
def writing_folder(path: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary sibling folder of `path`; rename it to `path` if the body succeeds, remove it otherwise.

    Parameters
    ----------
    path : where the folder shall be
    replace : whether a folder already there may be replaced; it is moved aside first and removed last

    Raises
    ------
    InputError : the folder exists and `replace` is false, or the disk is full or cannot be written
    """
    with _said(path):
        if path.exists() and not replace:
            raise InputError(f"{path}: exists already and is not overwritten unless told to")
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        temporary.chmod(0o755)
        try:
            yield temporary
            if path.exists() and replace:
                aside = path.with_name(f".{path.name}.{os.getpid()}.old")
                path.replace(aside)
                temporary.replace(path)
                shutil.rmtree(aside)
            else:
                _rename_unless_made_meanwhile(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _rename_unless_made_meanwhile(temporary: Path, path: Path) -> None:
    # Two runs may fill the same cache at once; contents are pinned by hash, so the first to arrive is as good.
    try:
        temporary.replace(path)
    except OSError:
        if not path.is_dir():
            raise


@contextlib.contextmanager
def _said(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
