"""Small documents from outside, JSON, TOML, YAML and text, read strictly: what a file may be, and what it may say.

Conventions: what the system refuses is an `OSError`, what is wrong inside a `ValueError`, and nothing else is raised
(`read_document` apart); callers put the file's name, and what they wanted of it, before the reason.
"""

from __future__ import annotations

import functools
import json
import math
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from parity.errors import InputError, one_line
from parity.files.opening import open_regular

if sys.version_info >= (3, 11):
    import tomllib
else:  # pragma: no cover
    import tomli as tomllib

MOST_BYTES = 256 << 20  # the longest of ours, a report of a thousand recordings, has some 50 MB
MOST_DEPTH = 64  # of lists in lists; ours have eight
DEEPEST = 10_000  # what Python reads at all is less
MOST_OF_TOML = 30  # digits: what is beyond 64 bits is said by who knows what belongs there
MOST_DIGITS = 19  # of a whole number: 2**63 has as many


def read_text(path: Path, most: int = MOST_BYTES, encoding: str = "utf-8") -> str:
    """A regular UTF-8 file, whole.

    Parameters
    ----------
    encoding : "utf-8-sig" where a mark of the byte order may stand first, as editors on Windows write it

    Raises
    ------
    OSError : it is not there, may not be read, is no regular file (a pipe would wait for ever), or has more than `most`
        bytes
    UnicodeDecodeError : it is not UTF-8
    """
    text = read_bytes(path, most).decode(encoding)
    return text.replace("\r\n", "\n").replace("\r", "\n")  # as `Path.read_text` does


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The same, as bytes."""
    with open_regular(path, most) as file:
        return file.read(most)


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


def parse_yaml(text: str) -> Any:
    """A YAML document as plain data.

    Raises
    ------
    ValueError : it is not YAML, holds what is no plain data, or as of a loose `parse_json`: `.nan` is a number there
    """
    import yaml  # here: weights alone need it

    if _nested(text) > MOST_DEPTH:  # PyYAML takes the square of the depth in time
        raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}")
    try:
        found = yaml.load(text, _yaml_loader())
    except (yaml.YAMLError, AttributeError, TypeError, LookupError, OverflowError) as error:
        # PyYAML's own constructors raise the last four, for `!!float ''`, `!!int` of nothing, or `[[]]: 1`.
        raise ValueError(f"not YAML ({one_line(error, 160) or type(error).__name__})") from None
    except RecursionError:
        raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}") from None
    _check(found, loose=True)
    return found


def _nested(text: str) -> int:
    # How many brackets, dashes of lists in lists on one line, or question marks may be open at most.
    depth = most = 0
    for mark in re.findall(r"[\[{]|[\]}]", text):
        depth += 1 if mark in "[{" else -1
        most = max(most, depth)
    lines = (re.match(r"[ ]*((?:[-?:][ ]+)*)", line) for line in text.splitlines())
    return max(most, *(len(found[1].split()) for found in lines if found), 0)


@functools.cache
def _yaml_loader() -> Any:
    """PyYAML's safe loader without aliases (a kilobyte of them unpacks to gigabytes), and with each key once."""
    import yaml

    class Loader(yaml.SafeLoader):
        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.events.AliasEvent):
                raise ValueError("an alias (*name) stands in it; write what it stands for")
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            found = super().construct_mapping(node, deep=deep)
            if len(found) < len(node.value):
                raise ValueError("a key is there twice")
            return found

    return Loader


def parse_json(text: str | bytes, *, loose: bool = False) -> Any:
    """A JSON document as plain data.

    Parameters
    ----------
    loose : whether `NaN` and infinity, which Python writes, numbers of any size and lists of any depth may be in it:
        for arrays of others, where who asks says what is wrong with them

    Raises
    ------
    ValueError : it is not JSON, has a key twice, a number that no float or 64-bit integer holds (`NaN`, `1e400`), half
        of a surrogate pair, or lists deeper than `MOST_DEPTH`
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        strict: dict[str, Any] = {"parse_int": _whole, "parse_float": _float, "parse_constant": _constant}
        found = json.loads(text, object_pairs_hook=_object, **({} if loose else strict))
    except RecursionError:
        raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}") from None
    _check(found, loose=loose)
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


def _check(found: Any, *, loose: bool = False) -> None:
    # Level by level, not by recursion: depth is what is checked.
    level: list[Any] = [found]
    for _ in range(DEEPEST if loose else MOST_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                _check_texts(value)
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
            elif isinstance(value, str):
                _check_texts((value,))
            elif loose:
                continue
            elif isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"number {value} is not finite")
            elif isinstance(value, int) and abs(value) >= 10**MOST_OF_TOML:  # TOML's, and YAML's hexadecimal ones
                raise ValueError(f"number {_short(hex(value))} has more than {MOST_OF_TOML} digits")
        if not below:
            return
        level = below
    raise ValueError(f"brackets within brackets, deeper than {MOST_DEPTH}")


def _check_texts(texts: Iterable[str]) -> None:
    for text in texts:
        if not isinstance(text, str):  # of YAML
            raise ValueError(f"key {text!r:.40} is no text; quote it")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise ValueError(f"text {_short(text)} has half of a surrogate pair") from None


def _short(text: str) -> str:
    return ascii(text if len(text) <= 24 else f"{text[:20]}...")
