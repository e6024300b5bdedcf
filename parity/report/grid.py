"""Tables for a terminal of eighty columns, in which nothing is cut.

rich shortens what does not fit with an ellipsis: in a failing row, which is the longest, just what one looks for. Here
columns are made narrower instead: first those of sentences, then by breaking others between words, and only when that
is not enough inside a word; the first column, which says what a row is about, comes last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from rich.cells import cell_len
from rich.table import Column, Table

from parity.console import stdout

FOLDED = 12
"""What a column keeps whose words are folded, as long as others can still give way."""

Floor = Callable[[Column], int]


def uncut(table: Table, width: int | None = None) -> Table:
    """The table, changed so that it fits without losing a character; it is returned for the caller to return.

    Parameters
    ----------
    table : columns with `no_wrap` are not broken, even between words, as long as others can give way
    width : columns of the terminal; None: of the one at hand, eighty where there is none
    """
    width = width or stdout.width
    for column in table.columns:
        column.overflow = "fold"
    if natural(table) > width:
        for column, wide in zip(table.columns, _widths(table, width), strict=True):
            column.width, column.no_wrap = wide, False
    return table


def natural(table: Table) -> int:
    """What a table takes if nothing in it is broken."""
    return sum(map(longest_line, table.columns)) + _between(table)


def fits(table: Table, width: int | None = None) -> bool:
    """Whether a table fits with every word whole."""
    return sum(map(longest_word, table.columns)) + _between(table) <= (width or stdout.width)


def longest_line(column: Column) -> int:
    """The widest line of a column, heading included."""
    return max(map(cell_len, _lines(column)), default=0)


def longest_word(column: Column) -> int:
    """The widest word of a column, heading included."""
    return max((cell_len(word) for line in _lines(column) for word in line.split()), default=0)


def _lines(column: Column) -> Iterator[str]:
    for cell in (column.header, *column.cells):
        yield from str(cell).split("\n")


def _widths(table: Table, width: int) -> list[int]:
    columns = table.columns
    widths = list(map(longest_line, columns))
    loose = [i for i, column in enumerate(columns) if not column.no_wrap]
    steps: tuple[tuple[Iterable[int], Floor], ...] = (
        (loose, longest_word),
        (range(1, len(columns)), longest_word),
        (range(len(columns)), longest_word),
        (range(1, len(columns)), lambda column: min(longest_line(column), FOLDED)),
        (range(len(columns)), lambda column: min(longest_line(column), FOLDED)),
        (range(len(columns)), lambda column: 1),
    )
    for chosen, floor in steps:
        floors = {i: floor(columns[i]) for i in chosen}
        while sum(widths) + _between(table) > width:
            above = [i for i in floors if widths[i] > floors[i]]
            if not above:
                break
            widths[max(above, key=widths.__getitem__)] -= 1
    return widths


def _between(table: Table) -> int:
    # As `rich.table.Table` has it: padding on both sides, a divider between columns, one at each edge.
    _, right, _, left = table.padding
    count = len(table.columns)
    edges = (2 if table.show_edge else 0) + count - 1 if table.box else 0
    return count * (left + right) + edges
