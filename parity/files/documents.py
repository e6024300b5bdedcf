"""Small documents from outside, JSON, TOML and text, read strictly: what a file may be, and what it may say.

Conventions: what the system refuses is an `OSError`, what is wrong inside a `ValueError`, and nothing else is raised
(`read_document` apart); callers put the file's name, and what they wanted of it, before the reason.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parity.errors import InputError, one_line

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

MOST_BYTES = 256 << 20  # the longest of ours, a report of a thousand recordings, has some 50 MB
MOST_DEPTH = 64  # of lists in lists; ours have eight
MOST_DIGITS = 19  # of a whole number: 2**63 has as many


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """A regular UTF-8 file, whole.

    Raises
    ------
    OSError : it is not there, may not be read, is no regular file (a pipe would wait for ever), or has more than `most`
        bytes
    UnicodeDecodeError : it is not UTF-8
    """
    return read_bytes(path, most).decode("utf-8")


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The same, as bytes."""
    # Without waiting: opening a pipe that nobody writes would.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "a device, pipe or socket, expected a file", str(path))
        data = file.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, f"{found.st_size:,} bytes, the limit is {most:,}", str(path))
    return data


def read_json(path: Path, most: int = MOST_BYTES) -> Any:
    """A JSON document; errors as of `read_text` and `parse_json`."""
    return parse_json(read_text(path, most))


def read_document(path: Path, what: str = "JSON") -> Any:
    """A JSON document; `what` is what an error says that it cannot be read as.

    Raises
    ------
    InputError : it cannot be read, or is not JSON
    """
    try:
        return read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as {what} ({one_line(error)})") from error


def parse_json(text: str | bytes) -> Any:
    """A JSON document as plain data.

    Raises
    ------
    ValueError : it is not JSON, has a key twice, a number that no float or 64-bit integer holds (`NaN`, `1e400`), half
        of a surrogate pair, or lists deeper than `MOST_DEPTH`
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_int=_whole, parse_float=_float, parse_constant=_constant
        )
    except RecursionError:
        raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}") from None
    _check(found)
    return found


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document as plain data.

    Raises
    ------
    ValueError : it is not TOML, or as of `parse_json`
    """
    try:
        found = tomllib.loads(text)
    except RecursionError:
        raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}") from None
    _check(found)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"key {_short(twice)} is there twice")
    return found


def _whole(digits: str) -> int:
    if len(digits.lstrip("-")) > MOST_DIGITS:
        raise ValueError(f"number {_short(digits)} has more than {MOST_DIGITS} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"number {_short(digits)} is beyond what a float holds")
    return value


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")


def _check(found: Any) -> None:
    # Level by level, not by recursion: depth is what is checked.
    level: list[Any] = [found]
    for _ in range(MOST_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                _check_texts(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                _check_texts((value,))
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"number {value} is not finite")
        if not below:
            return
        level = below
    raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}")


def _check_texts(texts: Iterable[str]) -> None:
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"text {_short(text)} has half of a surrogate pair") from None


def _short(text: str) -> str:
    return ascii(text if len(text) <= 24 else f"{text[:20]}...")
