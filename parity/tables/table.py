"""What a table is: columns with a dtype and a unit, and rows that stand in a document.

Task: a document, as `--json` writes it -> tidy rows, one per observation -> a `pandas.DataFrame`. Conventions: columns
are always all there, in one order, each of one nullable dtype; what is missing, empty text and NaN included, is
`pandas.NA`; infinities stay infinite; several words or numbers in one cell are joined by `; `. Units stand in names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parity.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

TEXT, NUMBER, INTEGER, BOOLEAN = "string", "Float64", "Int64", "boolean"
"""The dtypes of columns, as pandas names them; all of them are nullable."""

Document = Mapping[str, Any]
Row = Mapping[str, Any]
Cell = str | float | int | bool | None


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes
    ----------
    name : with the unit, where it has one
    dtype : `TEXT`, `NUMBER`, `INTEGER` or `BOOLEAN`
    about : what it holds, in half a line
    key : where its value stands in a row of the document, dotted (`recovery.der`); the name by default
    """

    name: str
    dtype: str
    about: str
    key: str = ""

    @property
    def path(self) -> tuple[str, ...]:
        """The key, step by step."""
        return tuple((self.key or self.name).split("."))

    def of(self, row: Row) -> Cell:
        """The cell of one row."""
        value: Any = row
        for step in self.path:
            if not isinstance(value, Mapping) or step not in value:
                return None
            value = value[step]
        return _CELLS[self.dtype](value)


@dataclass(frozen=True)
class Table:
    """One table of a document.

    Attributes
    ----------
    name : by which `--table NAME=FILE` and `to_frame` ask for it
    about : what one row is
    columns : in their order
    find : the document -> its rows, as they stand there
    """

    name: str
    about: str
    columns: tuple[Column, ...]
    find: Callable[[Document], Iterable[Row]]

    def rows(self, document: Document) -> Iterator[dict[str, Cell]]:
        """Every row as cells by column; None is missing. Needs no pandas."""
        return ({column.name: column.of(row) for column in self.columns} for row in self.find(document))

    def frame(self, document: Document) -> pd.DataFrame:
        """The table; all columns are there, with their dtypes, even where it has no rows."""
        import pandas as pd

        rows = list(self.rows(document))
        cells: dict[str, Any] = {}
        for column in self.columns:
            of_column: Any = [row[column.name] for row in rows]
            dtype: Any = column.dtype
            cells[column.name] = pd.array(of_column, dtype=dtype)
        return pd.DataFrame(cells, columns=[column.name for column in self.columns])


@dataclass(frozen=True)
class Tables:
    """All tables of one kind of document.

    Attributes
    ----------
    name : of the command that prints them
    tables : the one that `--table FILE` writes first
    keys : top-level keys by which such a document is told from others; none where the command writes none
    """

    name: str
    tables: tuple[Table, ...]
    keys: frozenset[str] = frozenset()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the tables, in order."""
        return tuple(table.name for table in self.tables)

    def __getitem__(self, name: str) -> Table:
        """One table by its name.

        Raises
        ------
        InputError : there is none of that name
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise InputError(f"{name}: no table of {self.name}; there are: {', '.join(self.names)}")

    def frame(self, document: Document, name: str | None = None) -> pd.DataFrame:
        """One table of a document; the first without a name. Same errors as `[name]`."""
        return (self.tables[0] if name is None else self[name]).frame(document)


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return "; ".join(map(str, value)) or None
    return str(value) or None


def _number(value: Any) -> float | None:
    # JSON has no NaN and no infinity: documents have them as text.
    number = math.nan if value is None else float(value)
    return None if math.isnan(number) else number


def _integer(value: Any) -> int | None:
    return None if value is None else int(value)


def _boolean(value: Any) -> bool | None:
    return None if value is None else bool(value)


_CELLS: dict[str, Callable[[Any], Cell]] = {TEXT: _text, NUMBER: _number, INTEGER: _integer, BOOLEAN: _boolean}
