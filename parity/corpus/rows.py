"""Rows as Parquet files, each whole or not there, and tables that grow row by row while they are made.

The same rows give the same bytes. A table that is under way lies in parts, which become one sorted file at the end.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from parity.checkout import need
from parity.errors import InputError, one_line
from parity.files.whole import writing_file

ROWS, PATIENCE = 200, 20.0
"""A part is written after so many rows, or seconds: what a killed client loses at most."""

Row = dict[str, Any]


class Parts:
    """A table with one row for each recording, read at once, written part by part.

    Parameters
    ----------
    stem : of its files: `STEM.parquet`, and `STEM.parts/N.parquet` while it is under way
    types : see `write_rows`; `recording` is among them

    Attributes
    ----------
    rows : recording -> row
    """

    def __init__(self, stem: Path, types: Mapping[str, str]) -> None:
        self.whole, self._parts = stem.with_name(f"{stem.name}.parquet"), stem.with_name(f"{stem.name}.parts")
        self._types = types
        self._waiting: list[Row] = []
        self._since = time.monotonic()
        self.rows: dict[str, Row] = {}
        there = sorted(self._parts.glob("*.parquet"))
        self._number = len(there)
        for path in [self.whole, *there]:
            if path.exists():
                self.rows |= {row["recording"]: row for row in read_rows(path)}

    def add(self, row: Row) -> None:
        """One more row; it is on the disk after `ROWS` of them, `PATIENCE` seconds, or `close`."""
        self.rows[row["recording"]] = row
        self._waiting.append(row)
        if len(self._waiting) >= ROWS or time.monotonic() - self._since > PATIENCE:
            self.flush()

    def flush(self) -> None:
        """Put what was added on the disk, as a part of its own."""
        if self._waiting:
            write_rows(self._parts / f"{self._number:06d}.parquet", self._waiting, self._types)
            self._number += 1
            self._waiting.clear()
        self._since = time.monotonic()

    def close(self) -> bool:
        """Everything as one file, sorted by recording, in place of the parts; whether there was anything to do."""
        self.flush()
        if not self.rows or (self.whole.exists() and not self._parts.exists()):
            return False
        write_rows(self.whole, [self.rows[name] for name in sorted(self.rows)], self._types)
        shutil.rmtree(self._parts, ignore_errors=True)
        return True


_TYPES = {"str": "string", "int": "int64", "float": "float64", "bool": "bool_"}


def types_of(of: Any, without: Sequence[str] = ()) -> dict[str, str]:
    """The types of a dataclass's fields, as `write_rows` takes them; a path is text."""
    names = {field.name: str(field.type).partition(" ")[0] for field in fields(of) if field.name not in without}
    return {name: _TYPES.get(kind, "string") for name, kind in names.items()}


def write_rows(path: Path, rows: Sequence[Row], types: Mapping[str, str]) -> None:
    """Rows as a Parquet file, whole or not at all; the same rows give the same bytes.

    Parameters
    ----------
    types : column -> `string`, `int64`, `float64` or `bool_`
    """
    pa, parquet = _pyarrow()
    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in types.items()])
    with writing_file(path) as temporary:
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary)


def read_rows(path: Path) -> list[Row]:
    """The rows of a Parquet file of ours.

    Raises
    ------
    InputError : it is not there, or is none
    """
    pa, parquet = _pyarrow()
    try:
        rows: list[Row] = parquet.read_table(path).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read as Parquet ({one_line(error, 160)})") from error
    return rows


def _pyarrow() -> tuple[Any, Any]:
    need("pyarrow", "a corpus's store")
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet
