"""Graphs built once and kept in the cache, by content: the same arrays and the same code give the same graph.

Convention: a folder `graphs/KEY` holds a graph's files and `sha256.json`; KEY is the SHA-256 of the names, shapes and
values of its arrays, of the source of the modules that built it, and of what else the caller says it depends on. A
folder that is damaged is built again; of all, the latest few stay.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import json
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from parity.errors import InputError
from parity.files.documents import read_bytes, read_json
from parity.files.whole import cache_dir, sha256_bytes, writing_folder

HASHES = "sha256.json"
MOST = 12
"""Folders that stay, 27 MB each: a few weight sets, a graph of each part."""

Files = dict[str, bytes]


def kept(build: Callable[[], Files], arrays: Mapping[str, np.ndarray], *depends: str) -> Path:
    """The folder with a graph's files, made by `build` where the cache does not have it.

    Parameters
    ----------
    build : makes the files, by name
    arrays : that the graph is made of
    depends : names of modules whose source the graph depends on, and any other words

    Raises
    ------
    InputError : the cache cannot be written
    """
    folder = cache_dir() / "graphs" / content_key(arrays, *depends)
    if not whole(folder):
        _write(folder, build())
        _drop_oldest(folder.parent)
    return folder


def kept_model(build: Callable[[], bytes], arrays: Mapping[str, np.ndarray], *depends: str) -> bytes:
    """A graph of one file; where the cache cannot be written it is built and not kept."""
    made = functools.cache(build)
    try:
        return (kept(lambda: {"model": made()}, arrays, *depends) / "model").read_bytes()
    except (InputError, OSError):
        return made()


def _write(folder: Path, files: Files) -> None:
    with writing_folder(folder, replace=True) as temporary:
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        hashes = {name: sha256_bytes(data) for name, data in files.items()}
        (temporary / HASHES).write_text(json.dumps(hashes, indent=1, sort_keys=True), encoding="utf-8")


def _drop_oldest(graphs: Path) -> None:
    with contextlib.suppress(OSError):  # another run may be at it
        folders = sorted((f for f in graphs.iterdir() if f.suffix != ".part"), key=lambda f: f.stat().st_mtime)
        for folder in folders[:-MOST]:
            shutil.rmtree(folder, ignore_errors=True)


def content_key(arrays: Mapping[str, np.ndarray], *depends: str) -> str:
    """The SHA-256 of arrays, of the source of modules that are named, and of all other words."""
    digest = hashlib.sha256()
    for word in depends:
        module = sys.modules.get(word)
        source = inspect.getsource(module) if module else word
        digest.update(source.encode() + b"\0")
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(memoryview(array.data).cast("B"))
    return digest.hexdigest()


def whole(folder: Path) -> bool:
    """Whether a folder holds what was written there, by the hashes beside it."""
    try:
        hashes = read_json(folder / HASHES)
        return bool(hashes) and all(sha256_bytes(read_bytes(folder / n)) == h for n, h in hashes.items())
    except (OSError, ValueError, AttributeError, TypeError):
        return False
