"""Rows as Parquet files, each whole or not there, and tables that grow row by row while they are made.

The same rows give the same bytes. A table that is under way lies in parts, which become one sorted file at the end.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import Any

from parity.checkout import need
from parity.errors import InputError, one_line
from parity.files.whole import writing_file

ROWS, PATIENCE = 200, 20.0
"""A part is written after so many rows, or seconds: what a killed client loses at most."""
GROUP = 1_000
"""Rows of a file that are read at once, where they are read one after the other."""

Row = dict[str, Any]


class Parts:
    """A table with one row for each recording, read when somebody asks for it, written part by part.

    Parameters
    ----------
    stem : of its files: `STEM.parquet`, and `STEM.parts/N.parquet` while it is under way
    types : see `write_rows`; `recording` is among them
    """

    def __init__(self, stem: Path, types: Mapping[str, str]) -> None:
        self.whole, self._parts = stem.with_name(f"{stem.name}.parquet"), stem.with_name(f"{stem.name}.parts")
        self._types = types
        self._waiting: list[Row] = []
        self._since = time.monotonic()
        self._there = sorted(self._parts.glob("*.parquet"))
        self._number = len(self._there)

    @cached_property
    def rows(self) -> dict[str, Row]:
        """Recording -> row."""
        there = [path for path in (self.whole, *self._there) if path.exists()]
        return {row["recording"]: row for path in there for row in read_rows(path)}

    def sorted_rows(self, columns: Sequence[str]) -> Iterator[Row]:
        """These columns by recording: a few rows at a time of what is whole, all at once of what is under way."""
        if self.whole.exists() and not self._there:
            return stream_rows(self.whole, columns)
        return ({name: self.rows[key][name] for name in columns} for key in sorted(self.rows))

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
        parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), temporary, row_group_size=GROUP)


class Gathered:
    """Rows that come in any order, kept as columns, which takes a tenth of the memory, and written sorted.

    Parameters
    ----------
    types : see `write_rows`
    """

    def __init__(self, types: Mapping[str, str]) -> None:
        self._pa, self._parquet = _pyarrow()
        self._schema = self._pa.schema([(name, getattr(self._pa, kind)()) for name, kind in types.items()])
        self._tables: list[Any] = []
        self._waiting: list[Row] = []

    def add(self, rows: Sequence[Row]) -> None:
        """Some more rows."""
        self._waiting += rows
        if len(self._waiting) >= ROWS:
            self._settle()

    def _settle(self) -> None:
        self._tables.append(self._pa.Table.from_pylist(self._waiting, schema=self._schema))
        self._waiting.clear()

    def write(self, path: Path, by: Sequence[str]) -> None:
        """All of them as a file, see `write_rows`, sorted by these columns, which tell one row from another."""
        self._settle()
        whole = self._pa.concat_tables(self._tables).sort_by([(name, "ascending") for name in by]).combine_chunks()
        with writing_file(path) as temporary:
            self._parquet.write_table(whole, temporary, row_group_size=GROUP)


def stream_rows(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    """These columns of a Parquet file of ours, read a few rows at a time; errors as `read_rows`."""
    pa, parquet = _pyarrow()
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=ROWS, columns=list(columns)):
                yield from batch.to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error


def stream_sorted(path: Path, by: str = "recording") -> Iterator[Row]:
    """The rows of a small Parquet file of ours, sorted; they are made a few at a time; errors as `read_rows`."""
    pa, parquet = _pyarrow()
    try:
        whole = parquet.read_table(path).sort_by(by)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    for batch in whole.to_batches(max_chunksize=ROWS):
        yield from batch.to_pylist()


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
        raise _unreadable(path, error) from error
    return rows


class Record(Mapping[str, Any]):
    """A row of a table that is kept as columns: it takes its values from them, and next to no memory."""

    __slots__ = ("_columns", "_place")

    def __init__(self, columns: Mapping[str, Sequence[Any]], place: int) -> None:
        self._columns, self._place = columns, place

    def __getitem__(self, name: str) -> Any:
        return self._columns[name][self._place]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def read_records(path: Path) -> list[Record]:
    """The rows of a Parquet file of ours, as columns of numbers, and every text once; errors as `read_rows`."""
    pa, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    once: dict[Any, Any] = {}
    columns: dict[str, Sequence[Any]] = {}
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_string(column.type) or column.null_count:
            columns[name] = [once.setdefault(value, value) for value in column.to_pylist()]
        else:
            columns[name] = memoryview(column.to_numpy())  # whose elements are Python's own numbers
    return [Record(columns, place) for place in range(table.num_rows)]


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read as Parquet ({one_line(error, 160)})")


def _pyarrow() -> tuple[Any, Any]:
    need("pyarrow", "a corpus's store")
    import pyarrow
    import pyarrow.parquet

    return pyarrow, pyarrow.parquet
