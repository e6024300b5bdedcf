"""JSON and CSV: nested lists and columns of numbers as arrays, and the way down to a value inside a JSON document."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from parity.errors import InputError, one_line
from parity.files import documents
from parity.files.documents import parse_json

MOST = 1 << 28
"""Bytes of a JSON or CSV file that is read: text is five to ten times what it holds."""

DEEPEST = 8

Rows = list[dict[str, str]]


def read_json(path: Path) -> Any:
    """A JSON document.

    Raises
    ------
    InputError : it is too large, or not JSON
    """
    try:
        return parse_json(read_text(path), loose=True)
    except ValueError as error:
        raise InputError(f"not JSON ({one_line(error, 120)})") from None


def read_text(path: Path) -> str:
    """A UTF-8 text of at most `MOST` bytes.

    Raises
    ------
    InputError : it is larger, or cannot be read
    """
    try:
        if (size := path.stat().st_size) > MOST:
            raise InputError(f"{size:,} bytes, the limit is {MOST:,}; write arrays as .npy")
        return documents.read_text(path, MOST, "utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read as UTF-8 text ({one_line(error)})") from None


def down(document: Any, key: str | None) -> tuple[Any, Any]:
    """What stands in a document under a key, or under keys joined by dots, and the object that it stands in.

    Raises
    ------
    InputError : there is no such key; says which ones there are
    """
    value, holder = document, None
    if key is None:
        return value, holder
    steps = [key] if isinstance(document, dict) and key in document else key.split(".")
    for step in steps:
        holder = value
        if not isinstance(holder, dict) or step not in holder:
            there = ", ".join(map(str, list(holder)[:8])) if isinstance(holder, dict) else f"a {_kind(holder)}"
            raise InputError(f"has no {step!r} (key = {key!r}); there {'are' if ',' in there else 'is'} {there}")
        value = holder[step]
    return value, holder


def as_array(value: Any) -> np.ndarray:
    """Nested lists as an array: bool, int64 or float64; null is NaN.

    Raises
    ------
    InputError : a list is longer than its neighbour, or something is no number
    """
    shape: list[int] = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
        if len(shape) > DEEPEST:
            raise InputError(f"is a list of lists more than {DEEPEST} deep; the deepest artefact has 3 axes")
    leaves: list[Any] = []
    _collect(value, tuple(shape), [], leaves)
    kinds = {type(leaf) for leaf in leaves}
    if kinds - {bool, int, float, type(None)}:
        odd = next(leaf for leaf in leaves if type(leaf) not in (bool, int, float, type(None)))
        raise InputError(f"holds {one_line(odd, 40)!r}, a {_kind(odd)}, among its numbers")
    dtype: Any = bool if kinds == {bool} else np.int64 if kinds <= {int} and kinds else np.float64
    if dtype is np.float64 and bool in kinds:
        raise InputError("holds both numbers and true or false")
    try:
        return np.array(leaves, dtype=dtype).reshape(shape)
    except OverflowError:
        raise InputError("holds a whole number beyond 64 bits") from None


def _collect(value: Any, shape: tuple[int, ...], index: list[int], leaves: list[Any]) -> None:
    if not shape:
        if isinstance(value, list):
            raise InputError(f"is a list at {index}, where its neighbours are numbers: not rectangular")
        leaves.append(value)
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        got = f"{len(value)} values" if isinstance(value, list) else f"a {_kind(value)}"
        raise InputError(f"has {got} at {index}, where the first such list has {shape[0]}: not rectangular")
    if len(shape) == 1 and not any(isinstance(leaf, list) for leaf in value):
        leaves.extend(value)
        return
    for position, entry in enumerate(value):
        _collect(entry, shape[1:], [*index, position], leaves)


def read_rows(path: Path) -> Rows:
    """The rows of a CSV with a header, as text by column.

    Raises
    ------
    InputError : it has no header, or a row of another length
    """
    rows = _csv(path)
    header = [name.strip() for name in rows[0]]
    if len(set(header)) < len(header):
        raise InputError(f"line 1: names a column twice: {', '.join(header)}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise InputError(f"line {number}: {len(row)} values, the header names {len(header)}")
    return [dict(zip(header, (cell.strip() for cell in row), strict=True)) for row in rows[1:]]


def read_columns(path: Path, column: str | None) -> np.ndarray:
    """A CSV of numbers: all of it without a header, (rows, columns); or one column by its name, (rows,). float64.

    Raises
    ------
    InputError : there is no such column, or something is no number
    """
    if column is None:
        rows = _csv(path)
        if len({len(row) for row in rows}) > 1:
            raise InputError("has rows of several lengths; a CSV of an array has no header unless `key` names a column")
        return np.array([[_number(cell, number) for cell in row] for number, row in enumerate(rows, start=1)])
    held = read_rows(path)
    if held and column not in held[0]:
        raise InputError(f"has no column {column!r}; there are {', '.join(held[0])}")
    return np.array([_number(row[column], number) for number, row in enumerate(held, start=2)])


def _csv(path: Path) -> list[list[str]]:
    try:
        rows = [row for row in csv.reader(read_text(path).splitlines(), strict=True) if row]
    except csv.Error as error:
        raise InputError(f"not CSV ({one_line(error)})") from None
    if not rows:
        raise InputError("is empty; a CSV has at least one row")
    return rows


def _number(cell: str, line: int) -> float:
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"line {line}: {one_line(cell, 40)!r} is no number") from None


def _kind(value: Any) -> str:
    names = {dict: "object", list: "list", str: "text", bool: "truth value", type(None): "null"}
    return names.get(type(value), "number")
