"""Files of measurements that lie beside a snapshot and belong to that very one: its manifest's hash is kept in them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from parity.errors import InputError
from parity.files.whole import sha256_file
from parity.snapshot import MANIFEST

T = TypeVar("T")


def read_beside(folder: Path, name: str, parse: Callable[[Any], T], cure: str) -> T | None:
    """What was measured of a snapshot; None where it was not.

    Parameters
    ----------
    folder : the snapshot's
    name : of the file
    parse : the JSON document as data with a `snapshot_sha256`; raises where it has other keys or values than it should
    cure : what to do about a bad file, for the message

    Raises
    ------
    InputError : the file cannot be read or parsed, or belongs to another snapshot
    """
    path = folder / name
    if not path.exists():
        return None
    try:
        found = parse(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, LookupError, OverflowError, RecursionError) as error:
        said = f"key {error} is missing" if isinstance(error, KeyError) else error
        raise InputError(f"{path}: cannot be read: {said}; {cure}") from error
    check_belongs(path, found.snapshot_sha256, cure)
    return found


def check_belongs(path: Path, expected: str, cure: str) -> None:
    """Refuse a file that was measured against another snapshot than the one it lies beside.

    Parameters
    ----------
    path : of the file
    expected : the manifest's hash that is kept in it
    cure : what to do about it, for the message

    Raises
    ------
    InputError : it is stale, or there is no snapshot
    """
    if (got := snapshot_sha256(path.parent)) != expected:
        raise InputError(
            f"{path}: stale: measured against a snapshot whose manifest is {expected[:12]}, the one here "
            f"is {got[:12]}; {cure}"
        )


def snapshot_sha256(folder: Path) -> str:
    """The hash that stands for a whole snapshot: its manifest's, which lists those of all its files.

    Raises
    ------
    InputError : there is no manifest
    """
    try:
        return sha256_file(folder / MANIFEST)
    except OSError as error:
        raise InputError(f"{folder / MANIFEST}: cannot be read ({error.strerror}); is {folder} a snapshot?") from error
